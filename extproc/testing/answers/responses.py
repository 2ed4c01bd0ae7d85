"""OpenAI responses: https://platform.openai.com/docs/api-reference/responses"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extproc.testing.answers.canned import CREATED, Canned, compact, sse


def document(canned: Canned) -> dict[str, Any]:
    """The whole answer."""
    status = "incomplete" if canned.finish == "length" else "completed"
    details = {"reason": "max_output_tokens"} if canned.finish == "length" else None
    ended = {"status": status, "incomplete_details": details, "output": [_item(canned)]}
    return _envelope(canned) | ended | ({"usage": _usage(canned)} if canned.behaviour.has_usage else {})


def events(canned: Canned) -> Iterator[bytes]:
    """The answer as a stream of numbered events."""
    for number, (kind, fields) in enumerate(_events(canned)):
        yield sse(compact({"type": kind, "sequence_number": number, **fields}), kind)


def _events(canned: Canned) -> Iterator[tuple[str, dict[str, Any]]]:
    item = _item(canned)
    yield "response.created", {"response": _envelope(canned)}
    yield "response.in_progress", {"response": _envelope(canned)}
    begun: dict[str, Any] = {"arguments": ""} if canned.tool else {"content": []}
    yield "response.output_item.added", {"output_index": 0, "item": item | begun | {"status": "in_progress"}}
    yield from _arguments(item) if canned.tool else _text(canned, item)
    yield "response.output_item.done", {"output_index": 0, "item": item}
    kind = "response.incomplete" if canned.finish == "length" else "response.completed"
    yield kind, {"response": document(canned)}


def _text(canned: Canned, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    yield "response.content_part.added", {**place, "part": _part("")}
    for piece in canned.pieces:
        yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**place, "text": canned.text, "logprobs": []}
    yield "response.content_part.done", {**place, "part": _part(canned.text)}


def _arguments(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    place, arguments = {"item_id": item["id"], "output_index": 0}, item["arguments"]
    for at in range(0, len(arguments), 8):
        yield "response.function_call_arguments.delta", {**place, "delta": arguments[at : at + 8]}
    yield "response.function_call_arguments.done", {**place, "name": item["name"], "arguments": arguments}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(canned: Canned) -> dict[str, Any]:
    if canned.tool is None:
        content = [_part(canned.text)]
        return {"type": "message", "id": f"msg_standin{canned.serial}", "status": "completed", "role": "assistant", "content": content}
    return {
        "type": "function_call",
        "id": f"fc_standin{canned.serial}",
        "call_id": f"call_standin{canned.serial}",
        "status": "completed",
        "name": canned.tool.name,
        "arguments": canned.tool.arguments,
    }


def _usage(canned: Canned) -> dict[str, Any]:
    behaviour = canned.behaviour
    return {
        "input_tokens": canned.prompt_tokens,
        "input_tokens_details": {"cached_tokens": behaviour.cached_tokens, "cache_write_tokens": behaviour.cache_write_tokens},
        "output_tokens": canned.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": behaviour.reasoning_tokens},
        "total_tokens": canned.prompt_tokens + canned.completion_tokens,
    }


def _envelope(canned: Canned) -> dict[str, Any]:
    asked = canned.asked
    return {
        "id": f"resp_standin{canned.serial}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "model": canned.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": asked.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": asked.get("temperature", 1.0),
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "top_p": asked.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": asked.get("metadata") or {},
    }
