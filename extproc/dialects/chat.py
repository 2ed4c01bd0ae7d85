"""How a chat completions request reads: a list of messages, tool calls beside the content, tool results as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.config.section import Capability
from extproc.dialects.parts import text_of
from extproc.dialects.view import Reading, Turn, chars_of

_TURN_ROLES = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}


def read(members: Mapping[str, Any], reading: Reading) -> None:
    """Reads the top-level members of a chat completions body into `reading`."""
    messages = members.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            _read_message(message, reading)
    reading.offer_tools(members.get("tools"))
    reading.offer_tools(members.get("functions"))
    modalities = members.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        reading.needs.add(Capability.AUDIO)
    output = members.get("response_format")
    if isinstance(output, dict) and output.get("type") == "json_schema":
        reading.needs.add(Capability.JSON_SCHEMA)


def _read_message(message: dict[str, Any], reading: Reading) -> None:
    text = text_of(message.get("content"), reading)
    role = message.get("role")
    if role in ("system", "developer"):
        reading.system.append(text)
    elif role == "assistant":
        reading.turns.append(Turn("assistant", text, _read_assistant(message, reading)))
    else:
        # A role nobody knows is read as the user's: the cautious reading of words we cannot place.
        role = _TURN_ROLES.get(role, "user") if isinstance(role, str) else "user"
        reading.turns.append(Turn(role, text))
        if role == "tool":
            reading.needs.add(Capability.TOOLS)


def _read_assistant(message: dict[str, Any], reading: Reading) -> int:
    """Reads what an assistant's message has besides content; the number of its tool calls."""
    if len(message) <= 2:
        return 0
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else []
    made = [call.get("function", call.get("custom")) for call in calls if isinstance(call, dict)]
    made.append(message.get("function_call"))
    called = [function for function in made if isinstance(function, dict)]
    for function in called:
        reading.call_tool(function.get("arguments", function.get("input")))
    # vLLM and several providers take the reasoning back under either name.
    reading.other_chars += chars_of(message.get("reasoning_content") or message.get("reasoning"))
    if isinstance(message.get("audio"), dict):
        reading.needs.add(Capability.AUDIO)
    return len(called)
