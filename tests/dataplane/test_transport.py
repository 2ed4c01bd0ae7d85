"""The other gRPC transport does the same."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from extproc.testing import Behaviour
from tests.dataplane.harness import Stack, counted, running
from tests.dataplane.test_lifecycle import Playing, assert_none_failed

pytestmark = pytest.mark.dataplane


@pytest.fixture(scope="module")
def grpcio() -> Iterator[Stack]:
    with running(transport="grpcio") as stack:
        yield stack


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(("word", "backend"), [("easy", "local"), ("medium", "mid"), ("hard", "frontier")])
def test_requests_are_decided_and_counted(grpcio: Stack, word: str, backend: str, is_stream: bool) -> None:
    answer = grpcio.chat(f"{word} " * 30, stream=is_stream)
    name, arrival = grpcio.arrival(answer.id)
    record = grpcio.record(answer.id)
    assert (answer.status, name, record.backend, record.is_estimated) == (200, backend, backend, False)
    assert record.tokens == counted(arrival, name)
    assert b'"choices":[],' not in answer.body


def test_failover(grpcio: Stack) -> None:
    grpcio.standins["local"].then(Behaviour(status=503))
    answer = grpcio.chat("easy", temperature=0.7)
    record = grpcio.record(answer.id)
    assert (answer.status, record.attempts, record.backend) == (200, ("local", "mid"), "mid")
    assert json.loads(grpcio.arrivals(answer.id)["mid"][0].body)["temperature"] == 0.7


def test_a_refusal_and_the_models(grpcio: Stack) -> None:
    answer = grpcio.post("/v1/messages", b"{not JSON")
    assert (answer.status, answer.json()["type"]) == (400, "error")
    assert grpcio.record(answer.id).refusal == "invalid_json"
    assert grpcio.get("/v1/models").json()["object"] == "list"


def test_a_large_body(grpcio: Stack) -> None:
    answer = grpcio.chat("medium", padding="x" * 20_000_000)
    assert answer.status == 200
    assert len(grpcio.arrival(answer.id)[1].body) > 20_000_000


def test_replacing_every_worker_under_load_fails_no_request(grpcio: Stack) -> None:
    pids = grpcio.gateway.supervisor.pids
    with Playing(grpcio, clients=4) as playing:
        grpcio.gateway.supervisor.replace_all()
        playing.wait_for(50)
    assert_none_failed(playing.load)
    assert not set(pids) & set(grpcio.gateway.supervisor.pids)
