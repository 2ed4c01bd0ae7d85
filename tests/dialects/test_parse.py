"""Bodies that are refused, and hostile ones that are not."""

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc import dialects
from extproc.config.section import Api, Capability

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LIMIT = 1 << 25
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def parse(body: Any, api: Api = Api.CHAT, content_encoding: str = "", limit: int = LIMIT) -> dialects.Request | dialects.Refusal:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return dialects.parse(api, raw, content_encoding=content_encoding, max_body_bytes=limit)


def refused(body: Any, **how: Any) -> tuple[int, str]:
    refusal = parse(body, **how)
    assert isinstance(refusal, dialects.Refusal), refusal
    return refusal.status, refusal.code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"),
        (b"  \n", "empty_body"),
        (b"hello", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b'{"model":"\xff"}', "invalid_json"),
        (b'{"model":"\xed\xa0\x80"}', "invalid_json"),
        ('{"model":"m"}'.encode("utf-16"), "invalid_json"),
        (b'{"model":"m","temperature":NaN}', "invalid_json"),
        (b'{"model":"m"} trailing', "invalid_json"),
        (b'{"model":"m","model":"n"}', "duplicate_key"),
        (b'{"model":"m","Model":"n"}', "duplicate_key"),
        (b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}', "duplicate_key"),
        (b'{"model":"m","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep"),
        (b"{}", "model_required"),
        (b'{"Model":"m"}', "model_required"),
        (b'{"model":null}', "model_required"),
        (b'{"model":""}', "model_required"),
        (b'{"model":" \\t"}', "model_required"),
        (b'{"model":1}', "model_invalid"),
        (b'{"model":["m"]}', "model_invalid"),
        (b'{"model":true}', "model_invalid"),
        (b'{"model":"' + b"m" * 257 + b'"}', "model_invalid"),
        (b'{"model":"a\\nb"}', "model_invalid"),
        (b'{"model":"a\\u0000"}', "model_invalid"),
        (b'{"model":"a\\u007f"}', "model_invalid"),
        (b'{"model":"a\\u200b"}', "model_invalid"),
        (b'{"model":"a\\ud800"}', "model_invalid"),
    ],
)
@pytest.mark.parametrize("api", list(Api))
def test_a_body_that_cannot_be_read_is_refused_with_400_and_a_code(api: Api, body: bytes, code: str) -> None:
    assert refused(body, api=api) == (400, code)


def test_a_model_name_may_be_long_and_foreign() -> None:
    for name in ("m" * 256, "Qwen/Qwen2.5-7B-Instruct", "模型", "ft:gpt:org::id", " spaced "):
        request = parse({"model": name})
        assert isinstance(request, dialects.Request)
        assert request.model == name


def squeeze(body: bytes, window_bits: int) -> bytes:
    packer = zlib.compressobj(wbits=window_bits)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        (" Identity ", bytes),
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: squeeze(body, -15)),
    ],
)
def test_known_encodings_are_undone(coding: str, pack: Any) -> None:
    request = parse(pack(json.dumps(CHAT).encode()), content_encoding=coding)
    assert isinstance(request, dialects.Request)
    assert (request.ask, request.body) == ("hello", json.dumps(CHAT).encode())


@pytest.mark.parametrize(
    ("coding", "raw", "answer"),
    [
        ("br", b"x", (415, "request_body_encoding_unsupported")),
        ("zstd", b"x", (415, "request_body_encoding_unsupported")),
        ("gzip, gzip", b"x", (415, "request_body_encoding_unsupported")),
        ("gzip", b"{}", (400, "request_body_encoding_invalid")),
        ("gzip", b"", (400, "request_body_encoding_invalid")),
        ("gzip", zlib.compress(b'{"model":"m"}'), (400, "request_body_encoding_invalid")),
        ("gzip", gzip.compress(b'{"model":"m"}')[:-3], (400, "request_body_encoding_invalid")),
        ("gzip", gzip.compress(b'{"model":"m"}') + b"x", (400, "request_body_encoding_invalid")),
        ("gzip", gzip.compress(b'{"model":') + gzip.compress(b'"m"}'), (400, "request_body_encoding_invalid")),
        ("gzip", gzip.compress(b'{"model":"m"}')[:-6] + b"abcdef", (400, "request_body_encoding_invalid")),
        ("deflate", b"", (400, "request_body_encoding_invalid")),
        ("deflate", b"\xff\xff\xff", (400, "request_body_encoding_invalid")),
        ("gzip", gzip.compress(b""), (400, "empty_body")),
    ],
)
def test_broken_and_unknown_encodings_are_refused(coding: str, raw: bytes, answer: tuple[int, str]) -> None:
    assert refused(raw, content_encoding=coding) == answer


def test_a_body_over_the_limit_is_refused_with_413() -> None:
    body = json.dumps(CHAT).encode()
    assert isinstance(parse(body, limit=len(body)), dialects.Request)
    assert refused(body, limit=len(body) - 1) == (413, "request_too_large")
    assert isinstance(parse(gzip.compress(body), content_encoding="gzip", limit=len(body) + 20), dialects.Request)
    assert refused(gzip.compress(body + b" " * 1000), content_encoding="gzip", limit=len(body) + 20) == (
        413,
        "request_body_too_large_after_decoding",
    )


def test_a_decompression_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert refused(bomb, content_encoding="gzip", limit=100_000) == (413, "request_body_too_large_after_decoding")
    assert refused(bomb * 2, content_encoding="gzip", limit=10_000) == (413, "request_too_large")


@on_a_busy_machine
@given(st.sampled_from(list(Api)), st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "br"]))
def test_arbitrary_bytes_never_raise(api: Api, raw: bytes, coding: str) -> None:
    assert isinstance(parse(raw, api=api, content_encoding=coding), dialects.Refusal)


# Every name that any reader looks at, so that arbitrary shapes get to every corner of them.
MEMBERS = [
    "messages",
    "input",
    "prompt",
    "system",
    "instructions",
    "tools",
    "functions",
    "stream",
    "stream_options",
    "response_format",
    "text",
    "max_tokens",
    "modalities",
    "output_config",
    "suffix",
]
INNER = [
    "role",
    "content",
    "type",
    "text",
    "tool_calls",
    "function",
    "function_call",
    "arguments",
    "input",
    "output",
    "source",
    "data",
    "file",
    "input_audio",
    "title",
    "summary",
    "tools",
    "format",
    "include_usage",
    "thinking",
    "audio",
]
WORDS = [
    "user",
    "assistant",
    "system",
    "developer",
    "tool",
    "message",
    "text",
    "image_url",
    "input_audio",
    "file",
    "document",
    "tool_use",
    "tool_result",
    "function_call",
    "function_call_output",
    "mcp_call",
    "image_generation_call",
    "reasoning",
    "thinking",
    "additional_tools",
    "json_schema",
    "item_reference",
    "\ud800",
]
shapes = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(INNER), inner, max_size=5),
    max_leaves=30,
)


@on_a_busy_machine
@given(st.sampled_from(list(Api)), st.dictionaries(st.sampled_from(MEMBERS), shapes, max_size=8))
def test_members_of_any_shape_are_read_as_far_as_they_go(api: Api, members: dict[str, Any]) -> None:
    request = parse({"model": "m", **members}, api=api)
    assert isinstance(request, dialects.Request)
    assert dialects.estimate_tokens(request) >= 1
    for text in (request.system, request.ask, *(turn.text for turn in request.turns)):
        text.encode()
    assert {turn.role for turn in request.turns} <= {"user", "assistant", "tool"}


def test_lone_surrogates_stay_in_the_source_and_are_replaced_in_the_view() -> None:
    raw = b'{"model":"m","messages":[{"role":"system","content":"s\\ud800"},{"role":"user","content":"a\\uDFFFb \\ud83d\\ude00"}]}'
    request = parse(raw)
    assert isinstance(request, dialects.Request)
    assert (request.system, request.ask) == ("s\ufffd", "a\ufffdb 😀")
    assert request.body == raw
    assert dialects.edit(request, {"model": '"n"'}) == raw.replace(b'"m"', b'"n"')


def test_twenty_megabytes_of_image_are_not_in_the_text() -> None:
    picture = base64.b64encode(bytes(range(256)) * 60_000).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    request = parse({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]})
    assert isinstance(request, dialects.Request)
    assert request.turns == (dialects.Turn("user", "What is it?"),)
    assert request.needs == {Capability.IMAGES}
    assert dialects.estimate_tokens(request) < 2_000
    assert dialects.edit(request, {"model": '"n"'}) == request.body.replace(b'"m"', b'"n"', 1)
