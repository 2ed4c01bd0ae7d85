"""A worker's watch over the backends, and what workers tell each other."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from extproc.config import compile_config, parse
from extproc.health import Result
from extproc.server import neighbours
from extproc.server.health import HealthWatch
from extproc.server.neighbours import Neighbours
from extproc.telemetry import Metrics
from extproc.testing import ManualClock
from extproc.usage import Record

POLICY = compile_config(parse("backends: {only: {url: 'http://127.0.0.1:1', model: m, tier: simple, location: on_prem}}"))
RESULTS = (Result("only", "error", 5.0), Result("only", "ok", 6.25, 12.5), Result("only", "cut_off", 7.0))


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="tm-", dir="/tmp") as path:  # a name short enough for Unix sockets
        yield Path(path)


class Workers:
    """Several in one process: each with a process number of its own, as far as the sockets' names tell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._pid = os.getpid()

    def next(self) -> int:
        self._pid += 1
        self._monkeypatch.setattr(neighbours.os, "getpid", lambda: self._pid)
        return self._pid


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    monkeypatch.setattr(neighbours, "_LOOK_ROUND_S", 0.0)
    return Workers(monkeypatch)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for is another side's doing
            await asyncio.sleep(0.01)


async def test_every_other_worker_hears_it_and_nobody_hears_themselves(run_dir: Path, workers: Workers) -> None:
    heard: list[list[Result]] = [[], [], []]
    every = []
    for place in heard:
        workers.next()
        every.append(Neighbours(run_dir, place.extend))
    every[0].tell(RESULTS[:1])
    every[0].tell(RESULTS[1:])
    await until(lambda: heard[1] and heard[2])
    assert heard == [[], list(RESULTS), list(RESULTS)]
    for one in every:
        one.close()
    assert list(run_dir.iterdir()) == []  # noqa: ASYNC240 - nothing else runs


async def test_more_than_a_datagram_holds_comes_in_several(run_dir: Path, workers: Workers) -> None:
    heard: list[Result] = []
    workers.next()
    one = Neighbours(run_dir, lambda _: None)
    workers.next()
    other = Neighbours(run_dir, heard.extend)
    one.tell(RESULTS * 200)
    await until(lambda: len(heard) == 600)
    assert heard == list(RESULTS * 200)
    one.close()
    other.close()


async def test_the_socket_of_a_worker_that_was_killed_is_removed(run_dir: Path, workers: Workers) -> None:
    dead = run_dir / f"health-{workers.next()}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(dead))
    workers.next()
    one = Neighbours(run_dir, lambda _: None)
    one.tell(RESULTS)
    await until(lambda: not dead.exists())
    one.close()


async def test_telling_nobody_and_closing_before_it_was_told_are_no_trouble(run_dir: Path, workers: Workers) -> None:
    workers.next()
    one = Neighbours(run_dir, lambda _: None)
    one.tell(RESULTS)
    await asyncio.sleep(0.1)
    one.tell(RESULTS)
    one.close()


@pytest.mark.parametrize(
    "words", [b"", b"{", b"[[1]]", b'[["only","bad",1,null]]', b'["only"]', b"7", b'[["only","ok","1",null]]', b"\xff"]
)
async def test_what_makes_no_sense_is_passed_over(run_dir: Path, workers: Workers, caplog: pytest.LogCaptureFixture, words: bytes) -> None:
    heard: list[Sequence[Result]] = []
    pid = workers.next()
    one = Neighbours(run_dir, heard.append)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(words, str(run_dir / f"health-{pid}.sock"))
    await until(lambda: caplog.messages)
    assert heard == []
    one.close()


def failed(clock: ManualClock, **members: Any) -> Record:
    return Record("r", "s", clock.wall(), "routed", "failed", 503, attempts=("only",), decided_at=clock.wall(), **members)


async def test_a_worker_leaves_alone_what_failed_at_another(run_dir: Path, workers: Workers) -> None:
    clock, watches = ManualClock(), []
    for _ in range(2):
        workers.next()
        watches.append(HealthWatch(POLICY, clock, run_dir))
    one, other = watches
    assert one.health.away(clock.wall()) == {}
    one.observe([failed(clock)] * 5)
    assert one.health.away(clock.wall()) == {"only": "resting"}
    await until(lambda: other.health.away(clock.wall()) == {"only": "resting"})
    clock.advance(6)
    assert other.health.away(clock.wall()) == {}
    other.health.sent("only", clock.wall())
    assert other.health.away(clock.wall()) == {"only": "resting"}
    for watch in watches:
        await watch.close()


async def test_the_metrics_page_tells_who_rests_until_the_watch_is_over(run_dir: Path) -> None:
    clock, metrics = ManualClock(), Metrics()
    watch = HealthWatch(POLICY, clock, run_dir)
    watch.count(metrics)
    watch.observe([failed(clock)] * 5)
    assert 'tiermesh_backend_resting{backend="only"} 1.0' in metrics.page().decode()
    assert 'tiermesh_backend_saturated{backend="only"} 0.0' in metrics.page().decode()
    await watch.close()
    assert 'backend="only"' not in metrics.page().decode()


async def test_a_new_configuration_is_followed(run_dir: Path) -> None:
    clock = ManualClock()
    watch = HealthWatch(POLICY, clock, run_dir)
    watch.observe([failed(clock)] * 5)
    text = "backends: {only: {url: 'http://127.0.0.1:1', model: m, tier: simple, location: on_prem}}\nhealth: {mode: 'off'}"
    watch.follow(compile_config(parse(text)))
    assert watch.health.away(clock.wall()) == {}
    await watch.close()
