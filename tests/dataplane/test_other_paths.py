"""What is no LLM request passes to one backend, byte for byte, and no worker looks at it."""

from __future__ import annotations

import pytest

from tests.dataplane.harness import Stack

pytestmark = pytest.mark.dataplane

MULTIPART = (
    b'--edge\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--edge\r\n'
    b'content-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + bytes(range(256)) * 512 + b"\r\n--edge--\r\n"
)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/files"),
        ("POST", "/v1/audio/transcriptions"),
        ("PUT", "/v1/chat/completions"),
        ("POST", "/v1/chat/completions/abc"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/anything/at?all=1&b=%2F"),
    ],
)
def test_it_arrives_byte_for_byte(stack: Stack, method: str, path: str) -> None:
    before = stack.counter(r"ext_proc\.streams_started$")
    answer = stack.post(path, MULTIPART, {"content-type": "multipart/form-data; boundary=edge"}, method=method)
    name, arrival = stack.arrival(answer.id)
    assert name == "local"
    assert (arrival.method, arrival.path, arrival.body) == (method, path, MULTIPART)
    assert arrival.headers["content-type"] == "multipart/form-data; boundary=edge"
    assert "authorization" not in arrival.headers
    assert answer.headers["x-tiermesh-standin"] == "local"
    assert stack.counter(r"ext_proc\.streams_started$") == before
    record = stack.record(answer.id)
    assert (record.kind, record.api, record.status, record.backend) == ("unmanaged", "", answer.status, "local")


def test_health_passes(stack: Stack) -> None:
    answer = stack.get("/health")
    assert (answer.status, answer.body) == (200, b"")
    assert stack.record(answer.id).outcome == "ok"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_get_of_an_llm_path_is_for_the_backend_to_refuse(stack: Stack, path: str) -> None:
    answer = stack.get(path)
    assert answer.status == 404
    assert answer.headers["x-tiermesh-standin"] == "local"
    assert stack.record(answer.id).kind == "unmanaged"


@pytest.mark.parametrize("headers", [{}, {"anthropic-version": "2023-06-01"}])
def test_models_are_listed_here_and_not_by_a_backend(stack: Stack, headers: dict[str, str]) -> None:
    answer = stack.get("/v1/models", headers)
    said = answer.json()
    assert ("has_more" in said) == bool(headers)
    assert [model["id"] for model in said["data"]] == sorted(model["id"] for model in said["data"])
    assert not stack.arrivals(answer.id)
    record = stack.record(answer.id)
    assert (record.status, record.outcome, record.cost_micro_usd) == (200, "ok", 0)
