"""Settlements: in batches and in turns, each once, whatever the store or one of them does."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from extproc.config import Limit
from extproc.config.limits import Measure
from extproc.errors import StoreError
from extproc.limits import Settler
from extproc.limits.script import key_of, lease_key
from extproc.scope import parse
from extproc.store import Store
from extproc.usage import Record
from extproc.usage.rollup import SUMS
from tests.limits.conftest import NOON_US
from tests.limits.worker import AWAY, LATE, LEASE_S, UNHEARD, US, Wish, Worker
from tests.limits.world import World

ACME = parse("acme/retail/search/indexer/alice")
ONE = Wish(ACME, cost=10, used_cost=7)
MakeLimit = Callable[..., Limit]
MakeWorker = Callable[..., Worker]


def record(scope: str = "acme", **fields: object) -> Record:
    return replace(Record("", "", NOON_US / US, "routed", "ok", 200, api="chat", scope=scope), **fields)


def requests_of(client: redis.Redis, organisation: str = "acme") -> int:
    """How many are in its books."""
    values = [value for key in client.keys(key_of(organisation, "hour:*")) for value in client.hvals(key)]
    return sum(int.from_bytes(value[:8], "big") for value in values)


async def settled(settler: Settler) -> None:
    settler.close()
    await asyncio.wait_for(settler.run(), 10)


# ---- queues ----


async def test_what_waits_is_in_the_books_when_it_is_closed(store: Store, client: redis.Redis) -> None:
    settler = Settler(store, lambda _: "[]")
    running = asyncio.create_task(settler.run())
    settler.put([record()])
    await asyncio.sleep(0.05)
    assert (settler.waiting, requests_of(client)) == (0, 1)
    settler.put([record() for _ in range(120)])
    assert settler.waiting == 120
    settler.close()
    await asyncio.wait_for(running, 10)
    assert (settler.waiting, requests_of(client)) == (0, 121)


async def test_organisations_take_turns(store: Store, client: redis.Redis) -> None:
    settler = Settler(store, lambda _: "[]")
    settler.put([record("large") for _ in range(60)] + [record("small"), record("")])
    seen = []
    while settler.waiting:
        assert await settler._send()
        seen.append(tuple(requests_of(client, name) for name in ("large", "small", "")))
    assert seen == [(25, 0, 0), (25, 1, 0), (25, 1, 1), (50, 1, 1), (60, 1, 1)]
    assert client.smembers("tiermesh:organisations") == {b"large", b"small", b""}
    assert settler.organisations == {"large", "small", ""}


async def test_what_is_no_llm_api_is_not_in_the_books(store: Store, client: redis.Redis) -> None:
    settler = Settler(store, lambda _: "[]")
    settler.put([record(api=""), record()])
    await settled(settler)
    assert requests_of(client) == 1


async def test_beyond_the_bound_they_are_dropped_and_counted(store: Store, client: redis.Redis) -> None:
    settler = Settler(store, lambda _: "[]", bound=10)
    settler.put([record() for _ in range(15)])
    assert (settler.waiting, settler.counters.dropped) == (10, 5)
    await settled(settler)
    settler.put([record()])
    await settled(settler)
    assert (requests_of(client), settler.counters.dropped) == (11, 5)


# ---- leases ----


async def test_what_was_used_takes_the_place_of_what_was_reserved(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    limits = [limited(), limited("flight", of=Measure.IN_FLIGHT, per=None), limited("tokens", of=Measure.TOKENS)]
    one = worker(*limits)
    cheap, dear, free = ONE, replace(ONE, used_cost=500, used_output=900), replace(ONE, used_cost=0, used_prompt=0, outcome="failed")
    for wish in (cheap, dear, free):
        one.settler.put([(await one.ask(wish)).record])
    assert await one.flush()
    world.compare()
    used = {name.partition("|")[0]: state[:2] for name, state in world.states().items()}
    assert used == {"purse": (507, 0), "flight": (0, 0), "tokens": (150 + 1_000, 0)}
    assert one.settler.counters.settled == 3
    assert world.client.hlen(lease_key("acme")) == 0


@pytest.mark.parametrize("is_certain", [True, False])
async def test_each_is_settled_once_whoever_says_so(is_certain: bool, world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one, other = worker(limited()), worker()
    one.wire.troubles.extend([] if is_certain else [UNHEARD])
    request = await one.ask(ONE)
    for place in (one, one, other, one):
        place.settler.put([request.record, request.record])
        assert await place.flush()
        world.compare()
    assert sum(world.books.spent().values()) == 7
    assert one.settler.counters.settled + other.settler.counters.settled == 1
    assert one.settler.counters.known + other.settler.counters.known == 7


async def test_one_that_ends_before_it_was_asked_for(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """Given up on its way, and carried out once its request has ended."""
    one = worker(limited(), limited("flight", of=Measure.IN_FLIGHT, per=None))
    one.wire.troubles.append(LATE)
    request = await one.ask(ONE)
    one.settler.put([request.record])
    assert await one.flush()
    (arrive,) = world.on_the_way
    assert await arrive() == [[2]]
    world.compare()
    assert not any(world.books.reserved().values())


async def test_a_lease_that_the_store_has_lost_is_charged_all_the_same(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited())
    world.split_off()
    lost = [await one.ask(ONE) for _ in range(3)]
    world.fail_over(0)
    one.settler.put([request.record for request in lost] + [one.refused(ONE)])
    assert await one.flush()
    assert sum(world.books.spent().values()) == 21
    assert (one.settler.counters.lost, one.settler.counters.settled) == (3, 3)


async def test_new_leases_do_not_hide_lost_ones(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """After a failover the store counts again from where the replica was."""
    one, other = worker(limited()), worker()
    world.split_off()
    lost = [await one.ask(ONE) for _ in range(3)]
    world.fail_over(0)
    fresh = [await other.ask(ONE) for _ in range(3)]
    for place, requests in ((other, fresh), (one, lost)):
        place.settler.put([request.record for request in requests])
        assert await place.flush()
        world.compare()
    assert sum(world.books.spent().values()) == 42


async def test_lost_leases_are_charged_also_where_the_answer_that_named_them_was_lost(
    world: World, worker: MakeWorker, limited: MakeLimit
) -> None:
    one = worker(limited())
    world.split_off()
    lost = [await one.ask(ONE) for _ in range(3)]
    world.fail_over(0)
    one.settler.put([request.record for request in lost])
    await one.flush([UNHEARD, UNHEARD])
    assert await one.flush()
    world.compare()
    assert sum(world.books.spent().values()) == 21


async def test_one_that_comes_when_its_lease_has_been_closed_changes_nothing(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited())
    request = await one.ask(ONE)
    one.settler.put([one.refused(ONE)])
    await one.flush()
    for seconds in (LEASE_S, 86_400):
        world.now_us += int(seconds * US)
        await one.sweep()
    assert world.client.hlen(lease_key("acme")) == 0
    one.settler.put([request.record])
    assert await one.flush()
    world.compare()
    assert list(world.books.spent().values()) == [10]  # the estimate
    assert one.settler.counters.known == 1


# ---- batches ----


@pytest.mark.parametrize("troubles", [(AWAY,), (UNHEARD,), (UNHEARD, UNHEARD, AWAY), (LATE, UNHEARD, LATE)])
async def test_a_batch_whose_fate_is_unknown_is_sent_again_and_taken_once(
    troubles: tuple[str, ...], world: World, worker: MakeWorker, limited: MakeLimit
) -> None:
    one = worker(limited())
    for _ in range(30):
        one.settler.put([(await one.ask(ONE)).record, one.refused(ONE)])
    await one.flush(troubles)
    assert await one.flush()
    for step in world.on_the_way:
        assert await step() in ([], [13, 0, 0, []])
    world.compare()
    assert sum(world.books.spent().values()) == 210
    assert one.settler.counters.failures == len(troubles)
    assert one.settler.counters.settled == 30


async def test_a_batch_the_store_chokes_on_is_dropped_and_counted(
    store: Store, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    settler = Settler(store, lambda _: "no JSON")
    poison = record(lease="w-1", lease_sequence=0)
    settler.put([poison] * 25 + [record() for _ in range(5)])
    await settled(settler)
    assert (settler.counters.dropped, requests_of(client)) == (25, 5)
    assert "25 settlements of acme are lost" in caplog.text


async def test_what_a_broken_batch_has_done_is_done(world: World, worker: MakeWorker, limited: MakeLimit, store: Store) -> None:
    """Leases that were settled before the store choked are off their counts, those behind it are there still."""
    one = worker(limited(), limited("flight", of=Measure.IN_FLIGHT, per=None))
    first, second = await one.ask(ONE), await one.ask(ONE)
    settler = Settler(store, lambda _: "no JSON")
    settler.put([first.record, record(lease="w-1", lease_sequence=0), second.record])
    await settled(settler)
    used = {name.partition("|")[0]: state[:2] for name, state in world.states().items()}
    assert used == {"purse": (7, 10), "flight": (1, 0)}
    assert world.client.hkeys(lease_key("acme")) == [second.lease.encode()]
    settler = Settler(store, lambda _: "[]")
    settler.put([first.record, second.record])
    await settled(settler)
    assert (settler.counters.known, settler.counters.settled) == (1, 1)
    used = {name.partition("|")[0]: state[:2] for name, state in world.states().items()}
    assert used == {"purse": (14, 0), "flight": (0, 0)}


async def test_a_lease_of_another_version_is_as_good_as_lost(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited())
    request = await one.ask(ONE)
    world.wipe()
    world.client.hset(lease_key("acme"), request.lease, "what is this")
    world.client.zadd(key_of("acme", "leases"), {request.lease: 1})
    one.settler.put([request.record])
    assert await one.flush()
    world.compare()
    assert list(world.books.spent().values()) == [7]
    assert world.client.zcard(key_of("acme", "leases")) == 0


async def test_a_key_of_somebody_elses_stops_nobody(store: Store, client: redis.Redis) -> None:
    client.set(key_of("acme", f"hour:{NOON_US // US // 3600}"), "taken")
    settler = Settler(store, lambda _: "[]")
    settler.put([record(), record("other")])
    await settled(settler)
    assert (settler.counters.dropped, requests_of(client, "other")) == (1, 1)


async def test_a_record_that_cannot_be_settled_stops_nobody(store: Store, client: redis.Redis, caplog: pytest.LogCaptureFixture) -> None:
    def counts_of(_: Record) -> str:
        raise ValueError("no such policy")

    settler = Settler(store, counts_of)
    settler.put([record(lease="w-1"), record("other"), record("third", decided_at=float("nan"))])
    await settled(settler)
    assert (settler.counters.dropped, requests_of(client, "other")) == (2, 1)
    assert "no such policy" in caplog.text


async def test_while_the_store_is_away_it_is_tried_again_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        tries = 0

        async def command(self, *_: object) -> None:
            self.tries += 1
            raise StoreError("away")

    store = Away()
    settler = Settler(store, lambda _: "[]", interval_s=0)  # type: ignore[arg-type]
    settler.put([record()])
    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(settler.run())
        await asyncio.sleep(0.35)  # tries after 0, 0.1 and 0.3 s
        task.cancel()
    assert store.tries == settler.counters.failures
    assert 2 <= store.tries <= 3
    assert len(caplog.records) == 1
    assert settler.waiting == 1


async def test_a_store_that_comes_back_empty_hears_of_organisations_again(world: World, worker: MakeWorker) -> None:
    """Or nobody would sweep their leases, and no report name them."""
    one = worker()
    for seconds, is_known in ((0, True), (59, False), (1, True)):
        world.now_us += seconds * US
        one.settler.put([one.refused(ONE)])
        assert await one.flush()
        assert bool(world.client.exists("tiermesh:organisations")) == is_known
        world.wipe()


# ---- books ----


async def test_the_books_hold_what_records_say(world: World, worker: MakeWorker, client: redis.Redis) -> None:
    one = worker()
    one.settler.put([replace(one.refused(ONE), outcome=outcome, cost_micro_usd=5) for outcome in ("ok", "failed", "refused", "cut_off")])
    assert await one.flush()
    world.compare()
    lines = {json.loads(line)[4]: dict(zip(SUMS, sums, strict=True)) for (_, line), sums in world.rollups().items()}
    assert {name: (sums["requests"], sums["failures"], sums["cost_micro_usd"]) for name, sums in lines.items()} == {
        "": (3, 2, 15),
        "(other)": (1, 0, 5),
    }
