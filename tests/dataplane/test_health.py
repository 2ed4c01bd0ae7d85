"""Backends that fail or are full are left alone, and come back: through real Envoy, with several workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from extproc.testing import Behaviour
from extproc.usage import Record
from tests.dataplane.harness import Stack, running, until

pytestmark = pytest.mark.dataplane

WORKERS = 3
LONGEST_REST_S = 2.0
RULES = f"failures_in_a_row: 3, rest_s: 1, longest_rest_s: {LONGEST_REST_S}"
SATURATION = 'saturation: {metrics_url: "LOCAL/metrics", waiting: 4, readings_full: 2, readings_free: 2, every_s: 0.1}'
TOLD_S = 0.3  # longer than workers need to tell each other


@pytest.fixture(scope="module")
def watched() -> Iterator[Stack]:
    with running(workers=WORKERS, patience_s=2, health=RULES, local=SATURATION) as stack:
        yield stack


@pytest.fixture
def stack(watched: Stack) -> Iterator[Stack]:
    yield watched
    for standin in watched.standins.values():
        standin.behaviour = Behaviour()
    until(lambda: all(ask(watched).reasons == ("score<=0.35",) for _ in range(10)), "the backends are not back after a test")


def ask(stack: Stack) -> Record:
    answer = stack.chat()
    assert answer.status == 200
    return stack.record(answer.id)


def ask_many(stack: Stack, count: int) -> list[Record]:
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda _: stack.chat(), range(count)))
    assert {answer.status for answer in answers} == {200}
    return [stack.record(answer.id) for answer in answers]


def rest(stack: Stack) -> None:
    """Has the local backend fail until a worker leaves it alone and the others know."""
    stack.standins["local"].behaviour = Behaviour(status=503)
    until(lambda: "local!resting" in ask(stack).reasons, "the failing backend never rests")
    time.sleep(TOLD_S)


def test_a_failing_backend_is_left_alone_by_every_worker_and_comes_back(stack: Stack) -> None:
    assert ask(stack).attempts == ("local",)
    rest(stack)
    records = ask_many(stack, 40)
    assert all(record.backend == "mid" for record in records)
    assert sum(record.attempts == ("local", "mid") for record in records) <= WORKERS
    stack.standins["local"].behaviour = Behaviour()
    until(lambda: ask(stack).attempts == ("local",), "the backend does not come back")


def test_after_a_rest_one_request_a_worker_finds_out_whether_it_helped(stack: Stack) -> None:
    rest(stack)
    stack.standins["local"].behaviour = Behaviour(fault="hang")
    time.sleep(LONGEST_REST_S)
    records = ask_many(stack, 40)
    assert 1 <= sum(record.attempts == ("local", "mid") for record in records) <= WORKERS


def test_a_full_backend_is_left_out_until_it_has_room(stack: Stack) -> None:
    stack.standins["local"].behaviour = Behaviour(waiting=9)
    until(lambda: all("local!saturated" in ask(stack).reasons for _ in range(5)), "the full backend is still asked")
    assert ask(stack).backend == "mid"
    stack.standins["local"].behaviour = Behaviour()
    until(lambda: ask(stack).backend == "local", "the backend that has room is not asked")


def test_where_all_fail_they_are_tried_all_the_same(stack: Stack) -> None:
    for standin in stack.standins.values():
        standin.behaviour = Behaviour(status=503)
    for _ in range(8):
        assert stack.chat().status == 503
    for standin in stack.standins.values():
        standin.behaviour = Behaviour()
    assert stack.chat().status == 200
