"""From the bytes of a body to a `Request`, or to the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from extproc.config.section import Api
from extproc.dialects import chat, coding, messages, prompts, responses, scan
from extproc.dialects.refusal import Refusal
from extproc.dialects.view import Reading, Request

MAX_MODEL_CHARS = 256

_READERS: dict[Api, Callable[[Mapping[str, Any], Reading], None]] = {
    Api.CHAT: chat.read,
    Api.COMPLETIONS: prompts.read_completion,
    Api.RESPONSES: responses.read,
    Api.EMBEDDINGS: prompts.read_embedding,
    Api.MESSAGES: messages.read,
}
_SCHEMA_MEMBERS = ("tools", "functions", "response_format", "text", "output_config", "output_format")
_OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# Servers built on pydantic, vLLM among them, take these for true. Reading them otherwise would let such a request stream
# past the accounting.
_TRUE = ("1", "1.0", "true", "t", "yes", "y", "on")


def parse(api: Api, raw: bytes, *, content_encoding: str = "", max_body_bytes: int) -> Request | Refusal:
    """The request in `raw`; a `Refusal` for what is not JSON as we read it or names no usable model. Never raises."""
    body = coding.decompress(raw, content_encoding, max_body_bytes)
    if isinstance(body, Refusal):
        return body
    try:
        source = body.decode()
    except UnicodeDecodeError as error:
        return Refusal(400, "invalid_json", f"The request body is not valid UTF-8 at byte {error.start}.")
    try:
        scan.check_shape(body)
        members, spans = scan.read_object(source)
    except scan.UnreadableError as error:
        return Refusal(400, error.code, error.message)
    refusal = _refuse_names(spans) or _refuse_model(members.get("model"))
    if refusal is not None:
        return refusal
    request = _view(api, body, source, members, spans)
    if not coding.is_identity(content_encoding):
        request = replace(request, was_encoded=True)
    return request if _is_encodable(request) else _without_surrogates(request)


def _refuse_names(spans: Mapping[str, object]) -> Refusal | None:
    # Go's JSON decoder, and servers built on it, take `Model` for `model`.
    if len({name.lower() for name in spans}) != len(spans):
        return Refusal(400, "duplicate_key", "The request body has two top-level keys that differ only in upper and lower case.")
    return None


def _refuse_model(model: object) -> Refusal | None:
    if model is None:
        return Refusal(400, "model_required", "The request body must name a model in `model`.", param="model")
    if not isinstance(model, str):
        return Refusal(400, "model_invalid", "`model` must be a string.", param="model")
    if not model.strip():
        return Refusal(400, "model_required", "`model` must not be empty.", param="model")
    if len(model) > MAX_MODEL_CHARS:
        return Refusal(400, "model_invalid", f"`model` must not be longer than {MAX_MODEL_CHARS} characters.", param="model")
    if not model.isprintable():
        return Refusal(400, "model_invalid", "`model` must not have control or invisible characters.", param="model")
    return None


def _view(api: Api, body: bytes, source: str, members: Mapping[str, Any], spans: Mapping[str, tuple[int, int]]) -> Request:
    reading = Reading()
    _READERS[api](members, reading)
    options = members.get("stream_options")
    return Request(
        api=api,
        body=body,
        source=source,
        spans=spans,
        members=members,
        was_encoded=False,
        model=members["model"],
        is_stream=_is_true(members.get("stream")),
        asks_usage=isinstance(options, dict) and _is_true(options.get("include_usage")),
        system="\n".join(reading.system),
        turns=tuple(reading.turns),
        ask=reading.ask(),
        needs=frozenset(reading.needs),
        max_output_tokens=_output_limit(members),
        tool_count=reading.tool_count,
        schema_chars=sum(spans[name][1] - spans[name][0] for name in _SCHEMA_MEMBERS if name in spans),
        bulk=reading.bulk(),
    )


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, (int, float, str)) and str(value).lower() in _TRUE)


def _output_limit(members: Mapping[str, Any]) -> int | None:
    limits = (members.get(name) for name in _OUTPUT_LIMITS)
    return next((limit for limit in limits if type(limit) is int and limit > 0), None)


def _is_encodable(request: Request) -> bool:
    if request.system.isascii() and all(turn.text.isascii() for turn in request.turns):
        return True
    try:
        for text in (request.system, *(turn.text for turn in request.turns)):
            text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_surrogates(request: Request) -> Request:
    def clean(text: str) -> str:
        return _LONE_SURROGATE.sub("\ufffd", text)

    turns = tuple(replace(turn, text=clean(turn.text)) for turn in request.turns)
    return replace(request, system=clean(request.system), turns=turns, ask=clean(request.ask))
