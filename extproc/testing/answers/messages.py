"""Anthropic messages: https://docs.anthropic.com/en/api/messages

Its `input_tokens` leave out what the prompt cache gave or took; the sum of the three is the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from extproc.testing.answers.canned import Canned, compact, sse

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}


def document(canned: Canned) -> dict[str, Any]:
    """The whole answer."""
    answer = _envelope(canned) | {"content": [_block(canned)], "stop_reason": _FINISH[canned.finish]}
    return answer | ({"usage": _usage(canned, canned.completion_tokens)} if canned.behaviour.has_usage else {})


def count(canned: Canned) -> dict[str, Any]:
    """The answer of `/v1/messages/count_tokens`."""
    return {"input_tokens": canned.prompt_tokens}


def events(canned: Canned) -> Iterator[bytes]:
    """The answer as a stream of named events; input counts at its start, the final output count near its end."""
    for kind, fields in _events(canned):
        yield sse(compact({"type": kind, **fields}), kind)


def _events(canned: Canned) -> Iterator[tuple[str, dict[str, Any]]]:
    has_usage = canned.behaviour.has_usage
    yield "message_start", {"message": _envelope(canned) | ({"usage": _usage(canned, 1)} if has_usage else {})}
    empty: dict[str, Any] = {"text": ""} if canned.tool is None else {"input": {}}
    yield "content_block_start", {"index": 0, "content_block": _block(canned) | empty}
    yield "ping", {}
    for delta in _deltas(canned):
        yield "content_block_delta", {"index": 0, "delta": delta}
    yield "content_block_stop", {"index": 0}
    ended: dict[str, Any] = {"delta": {"stop_reason": _FINISH[canned.finish], "stop_sequence": None}}
    yield "message_delta", ended | ({"usage": {"output_tokens": canned.completion_tokens}} if has_usage else {})
    yield "message_stop", {}


def _deltas(canned: Canned) -> Iterator[dict[str, Any]]:
    for piece in canned.pieces:
        yield {"type": "text_delta", "text": piece}
    arguments = canned.tool.arguments if canned.tool else ""
    for at in range(0, len(arguments), 8):
        yield {"type": "input_json_delta", "partial_json": arguments[at : at + 8]}


def _block(canned: Canned) -> dict[str, Any]:
    if canned.tool is None:
        return {"type": "text", "text": canned.text}
    return {"type": "tool_use", "id": f"toolu_standin{canned.serial}", "name": canned.tool.name, "input": json.loads(canned.tool.arguments)}


def _usage(canned: Canned, output_tokens: int) -> dict[str, Any]:
    behaviour = canned.behaviour
    cached = behaviour.cached_tokens + behaviour.cache_write_tokens
    return {
        "input_tokens": max(canned.prompt_tokens - cached, 0),
        "cache_creation_input_tokens": behaviour.cache_write_tokens,
        "cache_read_input_tokens": behaviour.cached_tokens,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _envelope(canned: Canned) -> dict[str, Any]:
    return {
        "id": f"msg_standin{canned.serial}",
        "type": "message",
        "role": "assistant",
        "model": canned.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
