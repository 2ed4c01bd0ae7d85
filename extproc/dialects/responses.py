"""How a responses request reads: `instructions`, and an input of items: messages, calls, outputs, reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.config.section import Capability
from extproc.dialects.parts import text_of
from extproc.dialects.view import Reading, Turn

# Where the different kinds of calls keep what they were called with, and what came back.
_ARGUMENTS = ("arguments", "input", "action", "operation", "code", "queries")


def read(members: Mapping[str, Any], reading: Reading) -> None:
    """Reads the top-level members of a responses body into `reading`."""
    if instructions := text_of(members.get("instructions"), reading):
        reading.system.append(instructions)
    given = members.get("input")
    if isinstance(given, str):
        reading.turns.append(Turn("user", given))
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict):
            _read_item(item, reading)
    reading.offer_tools(members.get("tools"))
    output = members.get("text")
    schema = output.get("format") if isinstance(output, dict) else None
    if isinstance(schema, dict) and schema.get("type") == "json_schema":
        reading.needs.add(Capability.JSON_SCHEMA)


def _read_item(item: dict[str, Any], reading: Reading) -> None:
    kind = item.get("type", "message")
    if not isinstance(kind, str):
        return
    if kind == "message":
        _read_message(item, reading)
    elif kind.endswith("_call"):
        _read_call(item, reading)
    elif kind.endswith("_output"):
        reading.needs.add(Capability.TOOLS)
        reading.turns.append(Turn("tool", text_of(item.get("output"), reading)))
    elif kind == "reasoning":
        text_of(item.get("summary"), reading)
        text_of(item.get("content"), reading)
    elif kind == "additional_tools":
        reading.offer_tools(item.get("tools"))
    # What is left (references to stored items, approvals, compacted history) holds nothing that can be read here.


def _read_message(item: dict[str, Any], reading: Reading) -> None:
    if "content" not in item:  # a reference to a stored item may leave its type out
        return
    text = text_of(item["content"], reading)
    role = item.get("role")
    if role in ("system", "developer"):
        reading.system.append(text)
    else:
        reading.turns.append(Turn("assistant" if role == "assistant" else "user", text))


def _read_call(item: dict[str, Any], reading: Reading) -> None:
    if item.get("type") == "image_generation_call":  # its result is an image that the model sees again
        reading.needs.add(Capability.IMAGES)
        reading.image_count += 1
    reading.call_tool(next((item[name] for name in _ARGUMENTS if item.get(name)), None))
    reading.turns.append(Turn("assistant", "", 1))
    if result := text_of(item.get("output"), reading):
        reading.turns.append(Turn("tool", result))
