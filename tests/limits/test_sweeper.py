"""What has to be done now and then: leases that nobody settled are charged, and put right when they are heard of after all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from extproc.config import Limit
from extproc.config.limits import Measure, Notices
from extproc.errors import StoreError
from extproc.limits import Event, Herald, Sweeper
from extproc.limits.script import key_of, lease_key
from extproc.scope import parse
from extproc.store import Store
from extproc.testing import ManualClock
from extproc.usage import Record
from extproc.usage.rollup import entry_of
from tests.limits.conftest import NOON_US
from tests.limits.worker import LEASE_S, US, Wish, Worker
from tests.limits.world import World

ACME = parse("acme/retail/search/indexer/alice")
ONE = Wish(ACME, cost=10, used_cost=7, prompt=100, output=50, used_prompt=90, used_output=20)
MakeLimit = Callable[..., Limit]
MakeWorker = Callable[..., Worker]


async def introduce(worker: Worker) -> None:
    """Sweepers know an organisation once something of it has been settled."""
    worker.settler.put([worker.refused(ONE)])
    assert await worker.flush()


async def test_a_lease_nobody_settles_is_charged_at_its_estimate(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one, other = worker(limited(), limited("flight", of=Measure.IN_FLIGHT, per=None, amount=1)), worker()
    request = await one.ask(ONE)
    await introduce(one)
    world.now_us += int(LEASE_S * US) - 1
    await other.sweep()
    assert other.lost == []
    assert not (await one.ask(ONE)).grant.is_admitted
    world.now_us += 1
    await other.sweep()
    world.compare()
    (record,) = other.lost
    assert (record.outcome, record.is_estimated, record.estimate_reason) == ("lost", True, "never_settled")
    assert (record.lease, record.scope, record.request_id) == (
        request.lease,
        "acme/retail/search/indexer/alice",
        f"request-{request.lease}",
    )
    assert (record.cost_micro_usd, record.prompt_tokens, record.completion_tokens) == (10, 100, 50)
    assert (record.started_at, record.decided_at) == (NOON_US / US, NOON_US / US)
    assert other.sweeper.unheard == 1
    assert (await one.ask(ONE)).grant.is_admitted  # it is in flight no more
    await other.sweep()
    await one.sweep()
    assert len(other.lost + one.lost) == 1


async def test_the_record_says_what_the_books_say(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=10, downgrade_at=50))
    await one.ask(replace(ONE, cost=6))
    request = await one.ask(replace(ONE, cost=8))
    assert request.grant.alternative == 1
    await introduce(one)
    world.now_us += int(LEASE_S * US)
    await one.sweep()
    entries = [held.estimate_entry for held in world.books.requests.values()]
    assert [(hour, line, sums) for hour, line, _, sums in map(entry_of, one.lost)] == entries
    assert [(record.tier, record.backend, record.cost_micro_usd) for record in one.lost] == [
        ("complex", "way-0", 6),
        ("standard", "way-1", 2),
    ]


@pytest.mark.parametrize("used", [0, 10, 500])
async def test_one_that_is_heard_of_after_all_is_put_right(used: int, world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(thresholds=(50,)), limited("t", of=Measure.TOKENS), limited("flight", of=Measure.IN_FLIGHT, per=None))
    request = await one.ask(replace(ONE, used_cost=used, outcome="ok" if used else "failed"))
    await introduce(one)
    world.now_us += int(LEASE_S * US)
    await one.sweep()
    for _ in range(2):
        one.settler.put([request.record])
        assert await one.flush()
        world.compare()
    assert world.books.spent()[f"purse|acme|w1:{NOON_US // US - 43_200}"] == used
    assert (one.settler.counters.mended, one.settler.counters.known) == (1, 1)
    assert world.client.hlen(lease_key("acme")) == 0
    assert world.client.xlen(key_of("acme", "events")) == (used >= 500)


async def test_more_than_one_step_may_hold(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """A crash may leave many; none of them waits for the next second, neither now nor when they are forgotten."""
    one = worker(limited(amount=10**6))
    for _ in range(130):
        await one.ask(ONE)
    await introduce(one)
    for state in ("unheard", "closed"):
        world.now_us += 86_400 * US
        await one.sweep()
        world.compare()
        assert {held.state for held in world.books.requests.values()} == {state}
    assert len(one.lost) == 130


async def test_every_organisation_is_swept(store: Store, world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    lost: list[Record] = []
    sweeper = Sweeper(world_store(world), Herald(Notices(), lambda _: None), ManualClock(), lost.extend)
    worlds = [World(store, world.client, name, NOON_US) for name in ("b", "", "a")]
    for each in worlds:
        each.policies.append((limited(scope="*"),))
        one = Worker(each, worker().admission)
        wish = ONE.of(each.organisation)
        await one.ask(wish)
        one.settler.put([one.refused(wish)])
        assert await one.flush()
    assert await store.command("SCARD", "tiermesh:organisations") == 3
    await sweeper.charge_unheard()
    assert sorted(record.scope for record in lost) == [
        "-/retail/search/indexer/alice",
        "a/retail/search/indexer/alice",
        "b/retail/search/indexer/alice",
    ]


def world_store(world: World) -> Store:
    """Whose time is that of `world`, when all leases are over."""

    class Later:
        command = world.store.command

        async def run(self, script: object, keys: object, arguments: tuple[str, ...], **kwargs: float) -> object:
            return await world.store.run(script, keys, (str(NOON_US + int(LEASE_S * US)), *arguments[1:]), **kwargs)  # type: ignore[arg-type]

    return Later()  # type: ignore[return-value]


async def test_what_cannot_be_read_keeps_nobody_from_being_charged(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """Leases of another version, and an organisation whose books are no books."""
    one = worker(limited())
    world.client.hset(lease_key("acme"), mapping={"w-1": "what is this", "w-2": '1\n[]\n"\n{}'})
    world.client.zadd(key_of("acme", "leases"), {"w-1": 1, "w-2": 2})
    world.client.set(lease_key("aaa"), "no books")
    world.client.zadd(key_of("aaa", "leases"), {"w-1": 1})
    world.client.sadd("tiermesh:organisations", "aaa")
    await one.ask(ONE)
    await introduce(one)
    world.now_us += int(LEASE_S * US)
    await one.sweep()
    assert len(one.lost) == 1
    assert world.client.zcard(key_of("acme", "leases")) == 1


async def test_it_goes_on_whatever_happens(store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extproc.limits.sweeper._INTERVAL_S", 0.001)
    troubles: list[Exception] = [StoreError("away"), ValueError("odd"), StoreError("timeout")]
    swept = asyncio.Event()

    class Troubled:
        run = store.run

        async def command(self, *arguments: str) -> object:
            if arguments[0] == "SMEMBERS":
                if troubles:
                    raise troubles.pop(0)
                swept.set()
            return await store.command(*arguments)

    sweeper = Sweeper(Troubled(), Herald(Notices(), lambda _: None), ManualClock(), lambda _: None)  # type: ignore[arg-type]
    task = asyncio.create_task(sweeper.run())
    await asyncio.wait_for(swept.wait(), 5)
    task.cancel()
    assert "limits could not be swept" in caplog.text


# ---- events ----


async def test_events_are_announced_once_among_all_workers(world: World, worker: MakeWorker, limited: MakeLimit, store: Store) -> None:
    one = worker(limited(amount=100, thresholds=(10, 50, 90)))
    heard: list[tuple[str, Event]] = []
    sweepers = [
        Sweeper(store, Herald(Notices(), lambda event, name=name: heard.append((name, event))), ManualClock(NOON_US / US), lambda _: None)
        for name in ("first", "second", "third")
    ]
    await introduce(one)
    for sweeper in sweepers:
        await sweeper.charge_unheard()
    for cost in (15, 40, 40):
        await one.ask(replace(ONE, cost=cost))
        await asyncio.gather(*(sweeper.hear(turn) for turn in range(2) for sweeper in sweepers))
    assert [event.percent for _, event in heard] == [10, 50, 90]
    assert world.client.xpending(key_of("acme", "events"), "tiermesh")["pending"] == 0


async def test_what_is_no_event_is_put_aside(world: World, worker: MakeWorker, limited: MakeLimit, store: Store) -> None:
    one, heard = worker(limited(amount=10, thresholds=(50,))), []
    world.client.xadd(key_of("acme", "events"), {"e": "?"})
    await introduce(one)
    await one.ask(ONE)
    sweeper = Sweeper(store, Herald(Notices(), heard.append), ManualClock(NOON_US / US), lambda _: None)
    await sweeper.charge_unheard()
    await sweeper.hear()
    assert [event.percent for event in heard] == [50]
    assert world.client.xpending(key_of("acme", "events"), "tiermesh")["pending"] == 0


async def test_a_store_that_comes_back_empty_is_listened_to_again(
    world: World, worker: MakeWorker, limited: MakeLimit, store: Store
) -> None:
    heard: list[Event] = []
    sweeper = Sweeper(store, Herald(Notices(), heard.append), ManualClock(NOON_US / US), lambda _: None)
    for _ in range(2):
        one = worker(limited(amount=10, thresholds=(50,)))
        await introduce(one)
        await one.ask(ONE)
        await sweeper.charge_unheard()
        try:
            await sweeper.hear()
        except StoreError:  # no such group
            sweeper._grouped.clear()
            await sweeper.hear()
        world.wipe()
    assert [event.percent for event in heard] == [50, 50]
