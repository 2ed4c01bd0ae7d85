"""Workers die, are replaced, reload and drain while requests go on: no request is lost, and none is billed twice or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from extproc.testing import Behaviour, Load, play, request_bytes
from tests.dataplane.harness import Stack, chat_body, running, until

pytestmark = pytest.mark.dataplane

PATH = "/v1/chat/completions"
LOAD = [request_bytes(PATH, json.dumps(chat_body(f"{word} " * 20)).encode()) for word in ("easy", "medium", "hard")]
LOAD.append(request_bytes(PATH, json.dumps(chat_body("easy", stream=True)).encode()))


class Playing:
    """Load in the background, from `with` on."""

    def __init__(self, stack: Stack, clients: int = 8) -> None:
        self._stack, self._clients = stack, clients
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._play()))
        self.load = Load()

    async def _play(self) -> None:
        over = asyncio.Event()
        playing = asyncio.ensure_future(play("127.0.0.1", self._stack.port, LOAD, clients=self._clients, until=over))
        await asyncio.to_thread(self._over.wait)
        over.set()
        self.load = await playing

    def __enter__(self) -> Playing:
        self._thread.start()
        self.wait_for(20)
        return self

    def wait_for(self, count: int) -> None:
        """Returns when `count` more requests have reached the stand-ins."""
        served = self._served()
        until(lambda: self._served() >= served + count, "the load stands still")

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _served(self) -> int:
        return sum(standin.served for standin in self._stack.standins.values())


def assert_none_failed(load: Load) -> None:
    assert load.answers > 0
    assert (load.failed, dict(load.failures), set(load.statuses)) == (0, {}, {200})


@contextlib.contextmanager
def supervised(stack: Stack) -> Iterator[None]:
    """Somebody looks after the workers, as `up` does."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            stack.gateway.watch()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


@pytest.fixture(scope="module")
def module_stack() -> Iterator[Stack]:
    with running(decide_in_s=2) as stack:
        yield stack


@pytest.fixture
def busy(module_stack: Stack) -> Stack:
    """A gateway that tests kill workers of; every worker of it runs at the start of each."""
    module_stack.gateway.watch()
    until(lambda: all(worker["running"] for worker in module_stack.gateway.supervisor.state()["workers"]), "a worker is missing")
    return module_stack


@contextlib.contextmanager
def every_request_is_on_a_record(stack: Stack) -> Iterator[Callable[[Load], None]]:
    """Gives a claim about load that was played inside: as many records as answers."""
    before = stack.count_records()

    def claim(load: Load) -> None:
        until(lambda: stack.count_records() - before >= load.answers, "a request has no record")
        time.sleep(0.3)  # time for a second record, if there were one
        assert stack.count_records() - before == load.answers

    yield claim


def test_replacing_every_worker_under_load_fails_no_request_and_loses_no_record(busy: Stack) -> None:
    pids = busy.gateway.supervisor.pids
    with every_request_is_on_a_record(busy) as claim:
        with Playing(busy) as playing:
            busy.gateway.supervisor.replace_all()
            playing.wait_for(50)
        assert_none_failed(playing.load)
        claim(playing.load)
    assert not set(pids) & set(busy.gateway.supervisor.pids)
    assert_alive(busy)


def test_a_worker_that_is_told_to_leave_fails_no_request(busy: Stack) -> None:
    leaving = busy.gateway.supervisor.pids[0]
    with supervised(busy), every_request_is_on_a_record(busy) as claim:
        with Playing(busy) as playing:
            os.kill(leaving, signal.SIGTERM)
            until(lambda: leaving not in busy.gateway.supervisor.pids, "it stays")
            playing.wait_for(100)
        assert_none_failed(playing.load)
        claim(playing.load)


def test_a_worker_that_is_killed_fails_no_request_and_comes_back(busy: Stack) -> None:
    killed = busy.gateway.supervisor.pids[1]
    with supervised(busy):
        with Playing(busy) as playing:
            os.kill(killed, signal.SIGKILL)
            until(lambda: busy.gateway.supervisor.state()["workers"][1]["pid"] != killed, "nobody came")
            playing.wait_for(100)
        assert_none_failed(playing.load)
    assert_alive(busy)


def assert_alive(stack: Stack) -> None:
    """Both workers decide."""
    until(lambda: stack.counter(r"cluster\.tiermesh\.membership_healthy$") == 2, "a worker is not back")
    record = stack.record(stack.chat("medium").id)
    assert (record.kind, record.backend) == ("routed", "mid")


@contextlib.contextmanager
def edited(stack: Stack, old: str, new: str) -> Iterator[None]:
    """The configuration file with a change in it, put back afterwards and taken up again."""
    text = stack.config_path.read_text()
    assert old in text
    stack.config_path.write_text(text.replace(old, new))
    try:
        yield
    finally:
        stack.config_path.write_text(text)


def deciders(stack: Stack, ask: str, count: int = 8) -> set[str]:
    """Who answers `ask`, asked often enough to meet every worker."""
    return {stack.chat(ask).headers["x-tiermesh-backend"] for _ in range(count)}


def test_a_changed_file_is_followed_under_load_and_a_bad_one_is_not(busy: Stack) -> None:
    assert deciders(busy, "medium") == {"mid"}
    with Playing(busy, clients=2) as playing:
        with edited(busy, "models:", "tiers: {simple: {up_to: 0.6}, standard: {up_to: 0.7}, complex: {up_to: 1}}\nmodels:"):
            until(lambda: deciders(busy, "medium") == {"local"}, "the change is not followed")
        until(lambda: deciders(busy, "medium") == {"mid"}, "the change back is not followed")
        with edited(busy, "models:", "modells:"):
            until(lambda: says(busy, "the configuration was not taken up: modells"), "nobody complains")
            assert deciders(busy, "medium") == {"mid"}
    assert_none_failed(playing.load)


def says(stack: Stack, words: str) -> bool:
    """Whether both workers have logged this."""
    logs = [path.read_text() for path in stack.gateway.supervisor.run_dir.glob("worker-*.log")]
    return all(words in log for log in logs)


def test_a_request_in_flight_keeps_the_policy_it_began_with(busy: Stack) -> None:
    busy.standins["local"].then(Behaviour(status=503, first_byte_s=3))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(busy.chat("easy, slowly")))
    asking.start()
    busy.await_arrival("local", b"easy, slowly")
    with edited(busy, "input: 0.25, cached_input", "input: 250, cached_input"):
        until(lambda: deciders(busy, "medium " * 99) and busy.record(busy.chat("medium " * 99).id).cost_micro_usd > 10_000, "no new price")
        asking.join()
        record = busy.record(answers[0].id)
    assert (record.attempts, record.outcome) == (("local", "mid"), "ok")
    assert record.cost_micro_usd < 1_000


def test_the_store_dies_and_requests_go_on(busy: Stack) -> None:
    store = busy.gateway.supervisor._store
    assert store is not None
    store.stop()
    try:
        with Playing(busy, clients=2) as playing:
            playing.wait_for(50)
        assert_none_failed(playing.load)
        lost_from_sight = busy.chat("medium")
        assert lost_from_sight.headers["x-tiermesh-backend"] == "mid"
    finally:
        store.start()
    assert busy.record(lost_from_sight.id).outcome == "ok"  # it waited for the store


def test_stopping_lets_a_stream_finish_and_settles_it() -> None:
    with running(workers=1) as stack:
        stack.standins["local"].then(Behaviour(tokens=30, gap_s=0.05))
        connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
        connection.request("POST", PATH, json.dumps(chat_body("easy", stream=True)))
        answer = connection.getresponse()
        answer.readline()
        said: list[bytes] = []
        reading = threading.Thread(target=lambda: said.append(answer.read()))
        reading.start()
        records = keep_records_of(stack)
        stack.gateway.stop()
        reading.join()
        connection.close()
        assert said[0].endswith(b"data: [DONE]\n\n")
        assert answer.headers["x-request-id"] in records()
        assert not stack.gateway.supervisor.state()["ready"]


def keep_records_of(stack: Stack) -> Callable[[], str]:
    """The store's file, which is still there when the store is not."""
    return lambda: b"".join(path.read_bytes() for path in (stack.gateway.supervisor.run_dir / "state").rglob("*.aof")).decode(
        "utf-8", "replace"
    )


@pytest.mark.parametrize("on_failure", ["open", "closed"])
def test_without_any_worker_requests_stay_on_premises_or_are_refused(on_failure: str) -> None:
    with running(on_failure=on_failure, decide_in_s=0.5) as stack:
        assert stack.chat("hard").headers["x-tiermesh-backend"] == "frontier"
        pids = stack.gateway.supervisor.pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not any(worker["running"] for worker in stack.gateway.supervisor.state()["workers"]), "they live")
        unread = {"model": "auto", "max_tokens": 5, "messages": [{"role": "user", "content": "hard"}]}
        answers = {path: stack.post(path, unread) for path in (PATH, "/v1/messages")}
        for path, answer in answers.items():
            if on_failure == "open":
                assert (answer.status, answer.headers["x-tiermesh-backend"]) == (200, "local")
                assert stack.arrival(answer.id)[0] == "local"
            else:
                assert answer.status == 503
                assert (answer.json().get("type") == "error") == (path == "/v1/messages")
                assert not stack.arrivals(answer.id)
        with supervised(stack):
            until(lambda: stack.chat("hard").headers.get("x-tiermesh-backend") == "frontier", "no worker came back")
            if on_failure == "open":
                record = stack.record(answers[PATH].id)
                assert (record.kind, record.outcome, record.backend) == ("unmanaged", "unmanaged", "local")
                assert (record.prompt_tokens > 0, record.cost_micro_usd >= 0) == (True, True)
