"""OpenAI completions, the older API: https://platform.openai.com/docs/api-reference/completions"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extproc.testing.answers.canned import CREATED, Canned, compact, sse
from extproc.testing.answers.chat import usage


def document(canned: Canned) -> dict[str, Any]:
    """The whole answer."""
    choice = _choice(canned.text, "length" if canned.finish == "length" else "stop")
    return _envelope(canned) | {"choices": [choice]} | ({"usage": usage(canned)} if canned.behaviour.has_usage else {})


def events(canned: Canned) -> Iterator[bytes]:
    """The answer as a stream, its usage as in chat."""
    head = compact(_envelope(canned))[:-1]
    tail = ',"usage":null}' if canned.asks_usage else "}"
    for piece in canned.pieces:
        yield sse(f'{head},"choices":[{compact(_choice(piece, None))}]{tail}')
    yield sse(f'{head},"choices":[{compact(_choice("", "length" if canned.finish == "length" else "stop"))}]{tail}')
    if canned.asks_usage:
        yield sse(f'{head},"choices":[],"usage":{compact(usage(canned))}}}')
    yield sse("[DONE]")


def _choice(text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}


def _envelope(canned: Canned) -> dict[str, Any]:
    return {"id": f"cmpl-standin{canned.serial}", "object": "text_completion", "created": CREATED, "model": canned.model}
