"""OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extproc.testing.answers.canned import CREATED, Canned, ToolCall, compact, sse

_FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls"}


def usage(canned: Canned) -> dict[str, Any]:
    """The usage object, also that of plain completions."""
    behaviour = canned.behaviour
    return {
        "prompt_tokens": canned.prompt_tokens,
        "completion_tokens": canned.completion_tokens,
        "total_tokens": canned.prompt_tokens + canned.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": behaviour.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": behaviour.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def document(canned: Canned) -> dict[str, Any]:
    """The whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": canned.text, "refusal": None, "annotations": []}
    if canned.tool is not None:
        message |= {"content": None, "tool_calls": [_tool_call(canned, canned.tool)]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[canned.finish]}
    return _envelope(canned, "chat.completion") | {"choices": [choice]} | ({"usage": usage(canned)} if canned.behaviour.has_usage else {})


def events(canned: Canned) -> Iterator[bytes]:
    """The answer as a stream: with usage asked for, every chunk has `usage: null` and one more, without choices, has it."""
    head = compact(_envelope(canned, "chat.completion.chunk"))[:-1]
    tail = ',"usage":null}' if canned.asks_usage else "}"

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(f'{head},"choices":[{compact(choice)}]{tail}')

    yield chunk({"role": "assistant", "content": "" if canned.tool is None else None, "refusal": None})
    if canned.tool is not None:
        arguments = canned.tool.arguments
        yield chunk(
            {"tool_calls": [{"index": 0, **_tool_call(canned, canned.tool), "function": {"name": canned.tool.name, "arguments": ""}}]}
        )
        for at in range(0, len(arguments), 8):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments[at : at + 8]}}]})
    for piece in canned.pieces:
        yield chunk({"content": piece})
    yield chunk({}, _FINISH[canned.finish])
    if canned.asks_usage:
        yield sse(f'{head},"choices":[],"usage":{compact(usage(canned))}}}')
    yield sse("[DONE]")


def _envelope(canned: Canned, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-standin{canned.serial}",
        "object": kind,
        "created": CREATED,
        "model": canned.model,
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
    }


def _tool_call(canned: Canned, tool: ToolCall) -> dict[str, Any]:
    function = {"name": tool.name, "arguments": tool.arguments}
    return {"id": f"call_standin{canned.serial}", "type": "function", "function": function}
