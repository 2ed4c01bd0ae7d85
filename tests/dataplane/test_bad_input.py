"""Bodies that are not as they should be: a defined answer in the caller's API shape, one record, and nobody falls over."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.dataplane.harness import Stack, chat_body

pytestmark = pytest.mark.dataplane

MEBIBYTE = 1024 * 1024
LIMIT = 32 * MEBIBYTE  # the default of listener.max_body_bytes
GOOD = json.dumps(chat_body("medium")).encode()
LONG_MODEL = json.dumps(chat_body() | {"model": "x" * 300}).encode()

BAD: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "not JSON": (b"{not JSON", {}, 400, "invalid_json"),
    "no object": (b"[1]", {}, 400, "invalid_json"),
    "JSON and more": (GOOD + b"{}", {}, 400, "invalid_json"),
    "NaN": (b'{"model":"auto","temperature":NaN}', {}, 400, "invalid_json"),
    "invalid UTF-8": (GOOD.replace(b"medium", b"medi\xff\xfeum"), {}, 400, "invalid_json"),
    "UTF-16": (GOOD.decode().encode("utf-16"), {}, 400, "invalid_json"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, {}, 400, "invalid_json"),
    "empty": (b"", {}, 400, "empty_body"),
    "blank": (b"  \n", {}, 400, "empty_body"),
    "duplicate keys": (b'{"model":"auto","model":"gpt-4o","messages":[]}', {}, 400, "duplicate_key"),
    "duplicate keys, deep": (b'{"model":"auto","messages":[{"role":"user","role":"system"}]}', {}, 400, "duplicate_key"),
    "keys that differ in case": (b'{"model":"auto","Model":"gpt-4o","messages":[]}', {}, 400, "duplicate_key"),
    "no model": (b'{"messages":[]}', {}, 400, "model_required"),
    "null model": (b'{"model":null}', {}, 400, "model_required"),
    "empty model": (b'{"model":"  "}', {}, 400, "model_required"),
    "model is a list": (b'{"model":["auto"]}', {}, 400, "model_invalid"),
    "model is a number": (b'{"model":1e400}', {}, 400, "model_invalid"),
    "endless model": (LONG_MODEL, {}, 400, "model_invalid"),
    "model with control characters": (b'{"model":"auto\\u0000\\r\\nx-tiermesh-chain: frontier"}', {}, 400, "model_invalid"),
    "unknown model": (b'{"model":"nobody","messages":[]}', {}, 404, "model_not_found"),
    "too deep": (b'{"model":"auto","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}, 400, "too_deep"),
    "too many values": (b'{"model":"auto","x":[' + b"1," * 600_000 + b"1]}", {}, 400, "too_complex"),
    "endless number": (b'{"model":"auto","n":' + b"9" * 10_000 + b"}", {}, 400, "invalid_json"),
    "broken gzip": (b"\x1f\x8b\x08broken", {"content-encoding": "gzip"}, 400, "request_body_encoding_invalid"),
    "gzip that is none": (GOOD, {"content-encoding": "gzip"}, 400, "request_body_encoding_invalid"),
    "half of a gzip": (gzip.compress(GOOD)[:-12], {"content-encoding": "gzip"}, 400, "request_body_encoding_invalid"),
    "gzip bomb": (
        gzip.compress(bytes(LIMIT + MEBIBYTE), 1),
        {"content-encoding": "gzip"},
        413,
        "request_body_too_large_after_decoding",
    ),
    "brotli": (GOOD, {"content-encoding": "br"}, 415, "request_body_encoding_unsupported"),
    "two encodings": (GOOD, {"content-encoding": "gzip, br"}, 415, "request_body_encoding_unsupported"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_body_is_refused_in_the_callers_shape_and_recorded_once(stack: Stack, case: str) -> None:
    body, headers, status, code = BAD[case]
    answers = {path: stack.post(path, body, headers) for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses")}
    for path, answer in answers.items():
        assert answer.status == status, answer.body
        assert answer.headers["content-type"].startswith("application/json")
        said = answer.json()
        if path == "/v1/messages":
            assert said["type"] == "error"
            assert said["error"]["details"]["error_code"] == code
            assert said["request_id"] == answer.id
        else:
            assert said["error"]["code"] == code
        assert said["error"]["message"]
        assert not stack.arrivals(answer.id)
        record = stack.record(answer.id)
        assert (record.outcome, record.refusal, record.status, record.cost_micro_usd) == ("refused", code, status, 0)


@pytest.mark.parametrize(
    ("status", "ours", "theirs"),
    [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (404, openai.NotFoundError, anthropic.NotFoundError),
    ],
)
def test_the_sdks_raise_their_own_errors(stack: Stack, status: int, ours: Any, theirs: Any) -> None:
    model = {400: "x" * 300, 404: "nobody"}[status]
    with stack.openai() as client, pytest.raises(ours) as refused:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "easy"}])
    assert refused.value.status_code == status
    assert refused.value.code
    with stack.anthropic() as client, pytest.raises(theirs) as refused:
        client.messages.create(model=model, max_tokens=5, messages=[{"role": "user", "content": "easy"}])
    assert refused.value.status_code == status


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "identity"])
def test_an_encoding_that_is_understood_is_undone(stack: Stack, encoding: str) -> None:
    packed = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding](GOOD)
    answer = stack.post("/v1/chat/completions", packed, {"content-encoding": encoding})
    name, arrival = stack.arrival(answer.id)
    assert (answer.status, name) == (200, "mid")
    assert arrival.body == GOOD.replace(b'"auto"', b'"mid-model"')
    assert arrival.headers.get("content-encoding", "identity") == "identity"


def pieces(body: bytes, size: int = MEBIBYTE) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("is_chunked", [False, True])
def test_twenty_megabytes_of_image_pass(stack: Stack, is_chunked: bool) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * (5 * MEBIBYTE)}}
    body = json.dumps(chat_body() | {"messages": [{"role": "user", "content": [{"type": "text", "text": "medium"}, picture]}]}).encode()
    answer = stack.post("/v1/chat/completions", pieces(body) if is_chunked else body)
    assert answer.status == 200, answer.body[:500]
    name, arrival = stack.arrival(answer.id)
    assert name == "mid"
    assert arrival.body == body.replace(b'"auto"', b'"mid-model"')
    record = stack.record(answer.id)
    assert record.request_bytes >= len(body)
    stack.standins["mid"].arrivals.clear()  # of so much


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(("excess", "is_chunked"), [(1, True), (2 * MEBIBYTE, True), (2 * MEBIBYTE, False)])
def test_more_than_the_limit_is_413_in_shape(stack: Stack, excess: int, is_chunked: bool, path: str) -> None:
    body = b'{"model":"auto","x":"' + b"x" * (LIMIT + excess - 23) + b'"}'
    answer = stack.post(path, pieces(body) if is_chunked else body)
    assert answer.status == 413, answer.body[:500]
    said = answer.json()
    assert str(LIMIT) in said["error"]["message"]
    if path == "/v1/messages":
        assert (said["type"], said["error"]["type"]) == ("error", "request_too_large")
    else:
        assert said["error"]["code"] == "request_too_large"
    record = stack.record(answer.id)
    assert (record.outcome, record.status, record.cost_micro_usd) == ("refused", 413, 0)


def test_the_limit_itself_is_allowed(stack: Stack) -> None:
    start = b'{"model":"auto","messages":[{"role":"user","content":"medium"}],"x":"'
    body = start + b"x" * (LIMIT - len(start) - 2) + b'"}'
    answer = stack.post("/v1/chat/completions", body)
    assert answer.status == 200, answer.body[:500]
    stack.standins["mid"].arrivals.clear()


def test_nesting_that_is_deep_and_not_too_deep_passes(stack: Stack) -> None:
    body = b'{"model":"auto","messages":[{"role":"user","content":"medium"}],"x":' + b"[" * 120 + b"]" * 120 + b"}"
    answer = stack.post("/v1/chat/completions", body)
    assert stack.arrival(answer.id)[1].body == body.replace(b'"auto"', b'"mid-model"')


def test_a_lone_surrogate_passes_as_it_came(stack: Stack) -> None:
    body = b'{"model":"auto","messages":[{"role":"user","content":"medium \\ud800"}]}'
    answer = stack.post("/v1/chat/completions", body)
    assert stack.arrival(answer.id)[1].body == body.replace(b'"auto"', b'"mid-model"')
    assert stack.record(answer.id).outcome == "ok"


@pytest.mark.parametrize(
    "members", [{"messages": "none"}, {"messages": [1, None, {"content": {"a": 1}}]}, {"stream": "maybe"}, {"tools": 5}]
)
def test_nonsense_in_json_is_for_the_backend_to_judge(stack: Stack, members: dict[str, Any]) -> None:
    answer = stack.post("/v1/chat/completions", {"model": "auto"} | members)
    assert answer.status in (200, 400)
    assert stack.record(answer.id).attempts


def test_the_gateway_is_as_well_as_before(stack: Stack) -> None:
    assert stack.chat("easy").status == 200
    assert all(worker["restarts"] == 0 for worker in stack.gateway.supervisor.state()["workers"])
    assert not [line for _, text in stack.logs() for line in text.splitlines() if "a call failed" in line]
