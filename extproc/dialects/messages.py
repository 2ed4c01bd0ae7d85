"""How an Anthropic messages request reads: everything, tool calls and results included, is a block of some message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.config.section import Capability
from extproc.dialects.parts import text_of
from extproc.dialects.view import Reading, Turn

_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def read(members: Mapping[str, Any], reading: Reading) -> None:
    """Reads the top-level members of a messages body into `reading`."""
    if system := text_of(members.get("system"), reading):
        reading.system.append(system)
    messages = members.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            _read_message(message, reading)
    reading.offer_tools(members.get("tools"))
    output = members.get("output_config")
    schema = output.get("format") if isinstance(output, dict) else members.get("output_format")
    if isinstance(schema, dict) and schema.get("type") == "json_schema":
        reading.needs.add(Capability.JSON_SCHEMA)


def _read_message(message: dict[str, Any], reading: Reading) -> None:
    content = message.get("content")
    role = message.get("role")
    if role == "system":
        reading.system.append(text_of(content, reading))
        return
    role = "assistant" if role == "assistant" else "user"
    if isinstance(content, list):
        _read_blocks(role, content, reading)
    else:
        reading.turns.append(Turn(role, text_of(content, reading)))


def _read_blocks(role: str, blocks: list[Any], reading: Reading) -> None:
    said: list[Any] = []
    results: list[Turn] = []
    calls = 0
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind in _CALLS:
            calls += 1
            reading.call_tool(block.get("input"))
        elif isinstance(kind, str) and kind.endswith("tool_result"):
            results.append(Turn("tool", text_of(block.get("content"), reading)))
            reading.needs.add(Capability.TOOLS)
        else:
            said.append(block)
    # What a user's message brings back answers the assistant before it. The results in an assistant's message are those
    # of the provider's own tools, which it called there.
    turn = Turn(role, text_of(said, reading), calls)
    if role == "assistant":
        reading.turns += turn, *results
    else:
        reading.turns += results
        if said or not results:
            reading.turns.append(turn)
