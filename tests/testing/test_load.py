"""The load player counts what happened, and what did not."""

from __future__ import annotations

import asyncio
import json

import pytest

from extproc.testing import Behaviour, ManualClock, Standin, play, request_bytes

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
STREAM = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
PATH = "/v1/chat/completions"


async def test_every_request_is_answered_and_timed() -> None:
    async with Standin("small") as standin:
        load = await play(standin.host, standin.port, [request_bytes(PATH, BODY), request_bytes(PATH, STREAM)], clients=3, count=30)
        assert standin.served == 30
    assert (load.answers, load.failed, load.statuses[200]) == (30, 0, 30)
    assert len(load.latencies_s) == len(load.first_bytes_s) == len(load.bodies_s) == 30
    assert all(first <= whole for first, whole in zip(load.first_bytes_s, load.latencies_s, strict=True))
    assert load.rate > 0


async def test_a_stream_is_timed_from_its_first_byte_to_its_last() -> None:
    async with Standin("small", behaviour=Behaviour(tokens=4, gap_s=0.005)) as standin:
        load = await play(standin.host, standin.port, [request_bytes(PATH, STREAM)], count=1)
    assert load.bodies_s[0] >= 0.02
    assert load.first_bytes_s[0] < load.latencies_s[0] - 0.015


async def test_errors_are_answers_and_cut_answers_are_failures() -> None:
    async with Standin("small") as standin:
        standin.then(Behaviour(status=503), Behaviour(cut_after=2), Behaviour(fault="reset"), Behaviour(fault="close"))
        load = await play(standin.host, standin.port, [request_bytes(PATH, STREAM)], count=6)
    assert load.statuses == {200: 2, 503: 1}
    assert (sum(load.failures.values()), load.failed) == (3, 4)


async def test_silence_is_a_failure_when_patience_ends() -> None:
    async with Standin("small", behaviour=Behaviour(fault="hang")) as standin:
        load = await play(standin.host, standin.port, [request_bytes(PATH, BODY)], clients=2, duration_s=0.05, patience_s=0.05)
    assert load.failures == {"no answer in time": 2}


async def test_nobody_there_is_counted_until_someone_is() -> None:
    standin = Standin("small")
    await standin.start()
    await standin.refuse()
    stop = asyncio.Event()
    playing = asyncio.ensure_future(play(standin.host, standin.port, [request_bytes(PATH, BODY)], until=stop))
    await asyncio.sleep(0.02)
    await standin.start()
    while standin.served < 5:  # noqa: ASYNC110 - what is awaited is another party's doing
        await asyncio.sleep(0.01)
    stop.set()
    load = await playing
    await standin.refuse()
    assert load.failed > 0
    assert load.statuses[200] >= 5


async def test_the_end_must_be_given() -> None:
    with pytest.raises(ValueError, match="say how long"):
        await play("127.0.0.1", 1, [b""])


async def test_a_manual_clock_wakes_sleepers_in_order() -> None:
    clock, woken = ManualClock(100.0), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.wall()))

    tasks = [asyncio.ensure_future(sleeper(seconds)) for seconds in (3.0, 1.0, 0.0, 2.0)]
    await asyncio.sleep(0.01)
    clock.advance(2.5)
    await asyncio.sleep(0.01)
    assert woken == [(0.0, 100.0), (1.0, 102.5), (2.0, 102.5)]
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert clock.monotonic() == clock.wall()
    assert clock.time_ns() == 103_500_000_000
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
