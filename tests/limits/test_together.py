"""Asks that wait for the store travel together, are answered as if each had come alone, and leave nothing behind where nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from extproc.clock import SystemClock
from extproc.config import Limit
from extproc.config.compiled import Admission
from extproc.config.limits import Measure, Per
from extproc.errors import StoreError
from extproc.limits import Gate
from extproc.limits.script import RESERVE, lease_key
from extproc.scope import parse
from extproc.store import Script
from tests.limits.test_away import ask
from tests.limits.worker import Request, Wire, Wish, Worker
from tests.limits.world import World

ACME = parse("acme/retail/search/indexer/alice")
ONE = Wish(ACME, cost=10, used_cost=10)
MakeLimit = Callable[..., Limit]
MakeWorker = Callable[..., Worker]


class Slow(Wire):
    """Holds back every reservation, or its answer, until it is let through; how many asks each has."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.sizes: list[int] = []
        self.holds_answers = False
        self.may_go = asyncio.Event()

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str] = (), *, timeout_s: float | None = None) -> Any:
        if script is not RESERVE:
            return await super().run(script, keys, arguments, timeout_s=timeout_s)
        self.sizes.append((len(arguments) - 1) // 6)
        if self.holds_answers:
            reply = await super().run(script, keys, arguments, timeout_s=timeout_s)
            await self.may_go.wait()
            return reply
        await self.may_go.wait()
        return await super().run(script, keys, arguments, timeout_s=timeout_s)


def slowed(worker: Worker) -> Slow:
    wire = Slow(worker.world)
    worker.gate._store = wire  # type: ignore[assignment]
    return wire


async def asking(worker: Worker, count: int, wish: Wish = ONE) -> list[asyncio.Task[Request]]:
    tasks = [asyncio.create_task(worker.ask(wish)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_meanwhile_travels_together(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=305), limited("pace", of=Measure.REQUESTS, per=Per.MINUTE, amount=700, burst=1_000))
    wire, tasks = slowed(one), await asking(one, 40)
    wire.may_go.set()
    requests = [await task for task in tasks]
    assert wire.sizes == [1, 16, 16, 7]
    assert [request.grant.is_admitted for request in requests] == [True] * 30 + [False] * 10
    assert [request.grant.standings[0].left for request in requests] == [*range(295, 0, -10), *[5] * 10]
    assert [request.grant.sequence for request in requests[:30]] == list(range(1, 31))
    world.compare()
    assert one.gate._queues == {}


async def test_organisations_do_not_wait_for_each_other(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(scope="*", is_enforced=False))
    wire = slowed(one)
    tasks = [*await asking(one, 2), *await asking(one, 2, replace(ONE, scope=parse("other")))]
    assert wire.sizes == [1, 1]
    wire.may_go.set()
    assert all(request.grant.is_admitted for request in await asyncio.gather(*tasks))


@pytest.mark.parametrize("is_open", [True, False])
async def test_when_the_store_is_not_heard_all_of_them_go_by_what_is_configured(
    is_open: bool, worker: MakeWorker, limited: MakeLimit
) -> None:
    one = worker(limited(amount=1_000), is_open=is_open)
    wire, tasks = slowed(one), await asking(one, 20)
    wire.troubles.extend(("unheard", "away", "late"))
    wire.may_go.set()
    requests = [await task for task in tasks]
    assert sum(request.grant.is_admitted for request in requests) == (10 if is_open else 0)
    assert {request.grant.sequence for request in requests} == {0}


async def test_an_error_of_ours_is_heard_by_all_and_stops_nobody_behind_it(worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited())
    wire, tasks = slowed(one), await asking(one, 4)

    async def broken(*_: object, **__: object) -> Any:
        raise ValueError("odd")

    one.gate._store = wire
    run, wire.run = wire.run, broken  # type: ignore[method-assign]
    wire.may_go.set()
    assert (await tasks[0]).grant.is_admitted  # it was on its way
    for task in tasks[1:]:
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.sleep(0)
    wire.run = run  # type: ignore[method-assign]
    assert (await one.ask(ONE)).grant.is_admitted


# ---- who leaves ----


async def test_who_leaves_before_his_ask_is_sent_asks_for_nothing(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited())
    wire, tasks = slowed(one), await asking(one, 4)
    for task in tasks[1:3]:
        task.cancel()
    wire.may_go.set()
    assert (await tasks[3]).grant.is_admitted
    assert wire.sizes == [1, 1]
    world.compare()
    assert len(world.books.requests) == 2


async def test_where_all_have_left_nothing_is_sent(worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited())
    wire, tasks = slowed(one), await asking(one, 3)
    for task in tasks[1:]:
        task.cancel()
    wire.may_go.set()
    await tasks[0]
    await asyncio.sleep(0.01)
    assert wire.sizes == [1]
    assert (await one.ask(ONE)).grant.is_admitted


@pytest.mark.parametrize("leaving", [(0,), (1,), (0, 1, 2), (1, 3)])
async def test_who_leaves_while_his_ask_is_on_its_way_leaves_no_lease(
    leaving: tuple[int, ...], world: World, worker: MakeWorker, limited: MakeLimit
) -> None:
    """No log entry will ever name it: without this it would be held for as long as a lease lasts."""
    one = worker(limited(), limited("flight", of=Measure.IN_FLIGHT, per=None), limited("pace", of=Measure.TOKENS, per=Per.MINUTE))
    wire = slowed(one)
    wire.holds_answers = True
    tasks = await asking(one, 4)
    await until_leased(world, 1)
    if 0 not in leaving:  # the first has its answer, and the others are on their way
        wire.may_go.set()
        await tasks[0]
        wire.may_go.clear()
        await until_leased(world, 4)
    for place in leaving:
        tasks[place].cancel()
    await asyncio.sleep(0)
    wire.may_go.set()
    for place, task in enumerate(tasks):
        if place not in leaving:
            assert (await task).grant.is_admitted
    await one.come_to_rest()
    world.compare()
    staying = 4 - len(leaving)
    assert sum(state[1] for name, state in world.states().items() if name.startswith("purse")) == 10 * staying
    assert world.client.hlen(lease_key("acme")) == staying


async def until_leased(world: World, leases: int) -> None:
    for _ in range(1_000):
        if world.client.hlen(lease_key("acme")) == leases:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it has taken too long")


# ---- time ----


class Stopwatch:
    """Answers nothing, and knows how long it was given."""

    def __init__(self, clock: SystemClock) -> None:
        self.given: list[float] = []
        self.may_go = asyncio.Event()

    async def run(self, *_: object, timeout_s: float) -> Any:
        self.given.append(timeout_s)
        await self.may_go.wait()
        raise StoreError("timeout")


async def test_an_ask_that_waited_here_is_given_what_is_left_but_not_less_than_half(
    limited: MakeLimit, admission: Callable[..., Admission]
) -> None:
    """The store is not taken for slow because a worker was."""
    store = Stopwatch(SystemClock())
    gate = Gate(store, SystemClock())  # type: ignore[arg-type]
    tasks = [asyncio.create_task(gate.admit(ask(gate, limited()), admission(store_timeout_s=0.2))) for _ in range(2)]
    await asyncio.sleep(0.05)
    tasks.append(asyncio.create_task(gate.admit(ask(gate, limited()), admission(store_timeout_s=9.0))))
    await asyncio.sleep(0.3)
    store.may_go.set()
    for task in tasks:
        await task
    assert store.given == [pytest.approx(0.2, abs=0.01), pytest.approx(0.1)]
