"""Which counts Envoy reads out of which answers."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

pytestmark = pytest.mark.dataplane

ONE = 'backends: {one: {url: "http://127.0.0.1:{one}", model: m, tier: simple, location: on_prem}}\n'
JSON, SSE = "application/json", "text/event-stream"
CHAT = (
    b'{"model":"m","usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15,'
    b'"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}'
)
RESPONSES = (
    b'{"model":"r","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":5},'
    b'"output_tokens":7,"output_tokens_details":{"reasoning_tokens":6},"total_tokens":16}}'
)
MESSAGES = b'{"model":"c","usage":{"input_tokens":9,"output_tokens":7,"cache_read_input_tokens":2,"cache_creation_input_tokens":1}}'
START = (
    b'event: message_start\r\ndata: {"message":{"model":"c","usage":{"input_tokens":9,"output_tokens":1,'
    b'"cache_read_input_tokens":2,"cache_creation_input_tokens":0}}}\r\n\r\n'
)
TWICE = b'data: {"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: {"usage":{"completion_tokens":7}}\n\n'

IN_CHAT = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15, "cached_tokens": 4, "reasoning_tokens": 2, "model": "m"}
IN_RESPONSES = {"input_tokens": 9, "output_tokens": 7, "total_tokens": 16, "cached_tokens": 5, "reasoning_tokens": 6, "model": "r"}
IN_MESSAGES = {"input_tokens": 9, "output_tokens": 7, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "model": "c"}
IN_START = {
    "start_input_tokens": 9,
    "start_output_tokens": 1,
    "start_cache_read_input_tokens": 2,
    "start_cache_creation_input_tokens": 0,
    "model": "c",
}

# Content type, the pieces of the answer, what is found.
ANSWERS: list[tuple[str, list[bytes], dict[str, Any]]] = [
    (JSON, [CHAT], IN_CHAT),
    ("application/json; charset=utf-8", [CHAT[:50], CHAT[50:]], IN_CHAT),
    (JSON, [RESPONSES], IN_RESPONSES),
    (JSON, [MESSAGES], IN_MESSAGES),
    (JSON, [b'{"usage":null}'], {}),
    (JSON, [b'{"usage":"x"}'], {}),
    (JSON, [b'{"usage":{"prompt_tokens":null,"completion_tokens":1,"prompt_tokens_details":null}}'], {"completion_tokens": 1}),
    (JSON, [b"not json"], {}),
    (JSON, [b"[1]"], {}),
    ("text/plain", [CHAT], {}),
    # Ordinary chunks say null; a later count replaces an earlier one; a comment, a missing space and [DONE] do no harm.
    (SSE, [b'data: {"usage":null}\n\n', b": ping\n\ndata:" + CHAT + b"\n\n", b"data: [DONE]\n\n"], IN_CHAT),
    (SSE, [TWICE], {"prompt_tokens": 1, "completion_tokens": 7}),
    ("text/event-stream; charset=utf-8", [b'data: {"usage":{"prompt_', b'tokens":3}}\n', b"\n"], {"prompt_tokens": 3}),
    (SSE, [START, b'event: message_delta\ndata: {"usage":{"output_tokens":44}}\n\n'], {**IN_START, "output_tokens": 44}),
    # The last event of a responses stream repeats the whole answer.
    (SSE, [b'event: response.completed\ndata: {"response":' + RESPONSES[:-1] + b',"output":"' + b"y" * 300_000 + b'"}}\n\n'], IN_RESPONSES),
    (SSE, [b'data: {"usage":{"prompt_tokens":1}}'], {}),  # cut off before the event's end
]  # fmt: skip


async def test_usage_of_every_shape_reaches_the_access_log_and_no_answer_is_altered(start: Any) -> None:
    gateway = await start(ONE, "one")
    gateway.decide(headers={"x-tiermesh-chain": "one"})
    for number, (kind, pieces, expected) in enumerate(ANSWERS):
        gateway.backends["one"].answers(headers={"content-type": kind}, pieces=pieces)
        answer = await gateway.post()
        assert answer.content == b"".join(pieces), pieces
        assert await gateway.usage(number) == expected, pieces
    assert await gateway.stat("sse_to_metadata.resp.json.event_too_large") == 0


@pytest.mark.xfail(
    strict=True, raises=httpx.TransportError, reason="Envoy 1.38 to 1.40.0 itself crashes on an event whose data is a bare JSON value"
)
async def test_an_event_that_is_no_object_does_no_harm(start: Any) -> None:
    gateway = await start(ONE, "one")
    gateway.decide(headers={"x-tiermesh-chain": "one"})
    gateway.backends["one"].answers(headers={"content-type": SSE}, pieces=[b"data: 1\n\n"])
    assert (await gateway.post()).content == b"data: 1\n\n"
