"""Requests in the compact form that hand-written sets have, as the bodies that an app would send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_SCHEMA_CHARS_A_TOOL = 90  # where a row does not say how long its tools' schemas are


def body_of(row: Mapping[str, Any]) -> bytes:
    """The chat body of a row with `ask` and perhaps `system`, `before`, `after`, `tools` and `schema_chars`.

    Turns are `[role, text]` or `[role, text, number of tool calls]`. ValueError where they are not.
    """
    messages: list[dict[str, Any]] = []
    if row.get("system"):
        messages.append({"role": "system", "content": row["system"]})
    waiting: list[str] = []  # calls without a result yet
    for turn in (*row.get("before", ()), ("user", row["ask"]), *row.get("after", ())):
        messages.append(_message(turn, waiting, len(messages)))
    body: dict[str, Any] = {"model": "auto", "messages": messages}
    tools = int(row.get("tools", 0))
    chars = int(row.get("schema_chars", _SCHEMA_CHARS_A_TOOL * tools))
    if tools:
        body["tools"] = _padded([{"type": "function", "function": {"name": f"tool_{place}"}} for place in range(tools)], chars)
    elif chars:
        schema = {"type": "object", "title": "x" * chars}
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return _json(body).encode()


def _message(turn: Sequence[Any], waiting: list[str], place: int) -> dict[str, Any]:
    if not 2 <= len(turn) <= 3 or turn[0] not in ("user", "assistant", "tool"):
        raise ValueError("a turn must be [role, text] or [role, text, tool calls]")
    role, text, *calls = turn
    message: dict[str, Any] = {"role": role, "content": text}
    if role == "tool":
        message["tool_call_id"] = waiting.pop(0) if waiting else f"call_{place}"
    elif calls and calls[0]:
        ids = [f"call_{place}_{number}" for number in range(int(calls[0]))]
        waiting[:] = ids
        message["tool_calls"] = [{"id": one, "type": "function", "function": _called(one)} for one in ids]
    return message


def _called(call_id: str) -> dict[str, str]:
    # Never the same twice: rows do not say what is called, and a repetition would be a sign of trouble.
    return {"name": "tool_0", "arguments": _json({"step": call_id})}


def _padded(tools: list[dict[str, Any]], chars: int) -> list[dict[str, Any]]:
    """`tools` with a description in the last of them that makes their JSON text this long, where it is shorter."""
    empty = ',"description":""'
    missing = chars - len(_json(tools)) - len(empty)
    if missing >= 0:
        tools[-1]["function"]["description"] = "x" * missing
    return tools


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
