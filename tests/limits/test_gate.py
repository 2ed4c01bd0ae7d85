"""The gate: what the store says, thresholds, raises, and what is learnt of answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from extproc.config import Limit
from extproc.config.limits import Measure, Per
from extproc.limits import Door, Event, Raise, put_raise, read_raised
from extproc.limits.event import read
from extproc.limits.script import key_of
from extproc.scope import parse
from extproc.store import Store
from extproc.usage import Record
from tests.limits.conftest import NOON_US
from tests.limits.worker import US, Wish, Worker
from tests.limits.world import World

ACME = parse("acme/retail/search/indexer/alice")
ONE = Wish(ACME, cost=10, used_cost=10)
MakeLimit = Callable[..., Limit]
MakeWorker = Callable[..., Worker]


async def end(worker: Worker, record: Record) -> None:
    worker.settler.put([record])
    assert await worker.flush()
    worker.world.compare()


def told(client: redis.Redis) -> list[Event]:
    events = [read(fields) for _, fields in client.xrange(key_of("acme", "events"))]
    return [event for event in events if event is not None]


# ---- verdicts ----


async def test_who_is_let_pass_and_who_is_not(worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited("wide"), limited(amount=25), limited("watched", amount=5, is_enforced=False, downgrade_at=100))
    grants = [(await one.ask(ONE)).grant for _ in range(3)]
    assert [grant.is_admitted for grant in grants] == [True, True, False]
    assert [grant.sequence for grant in grants] == [1, 2, 0]
    assert [grant.shadow_refused for grant in grants] == [(2,), (2,), ()]
    assert [grant.shadow_downgraded for grant in grants] == [(), (2,), ()]
    assert (grants[2].refused_by, grants[2].wait_ms) == (1, 43_200_000)
    assert [grant.standings[1].left for grant in grants] == [15, 5, 5]


async def test_the_one_that_says_no_for_longest_speaks(worker: MakeWorker, limited: MakeLimit) -> None:
    full = {"amount": 0}
    one = worker(
        limited("flight", of=Measure.IN_FLIGHT, per=None, **full), limited("day", **full), limited("month", per=Per.MONTH, **full),
        limited("week", per=Per.WEEK, **full),
    )  # fmt: skip
    grant = (await one.ask(ONE)).grant
    assert grant.refused_by == 3  # the year ends tonight, the week goes on


@pytest.mark.parametrize("order", [1, -1])
async def test_a_budget_that_runs_low_buys_what_is_cheaper(order: int, worker: MakeWorker, limited: MakeLimit) -> None:
    limits = [limited(amount=100, downgrade_at=50, downgrade_rank=1), limited("low", amount=100, downgrade_at=75, downgrade_rank=0)]
    one = worker(*limits[::order])
    ways = [(await one.ask(replace(ONE, cost=28))).grant.alternative for _ in range(6)]
    # 28 and 28 as decided, then 7 a quarter of it, then 4 a seventh.
    assert ways == [0, 0, 1, 1, 1, 2]


async def test_no_two_leases_have_the_same_name(worker: MakeWorker) -> None:
    gates = [worker().gate, worker().gate]
    leases = {gate.new_lease() for gate in gates for _ in range(1_000)}
    assert len(leases) == 2_000
    assert max(map(len, leases)) <= 20


async def test_a_request_that_is_known_already_passes(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=10))
    request = await one.ask(ONE)
    again = await one.gate.admit(world.asks[request.lease], one.admission)
    assert (again.is_admitted, again.sequence, again.standings) == (True, 0, ())
    await end(one, request.record)
    assert (await one.gate.admit(world.asks[request.lease], one.admission)).is_admitted
    world.compare()


# ---- thresholds ----


async def test_thresholds_are_told_once_a_window(world: World, worker: MakeWorker, limited: MakeLimit, client: redis.Redis) -> None:
    one, other = worker(limited(amount=100, thresholds=(50, 80, 95))), worker()
    for place in range(10):
        await (one, other)[place % 2].ask(ONE)
    assert [(event.percent, event.used, event.cap) for event in told(client)] == [(50, 50, 100), (80, 80, 100), (95, 100, 100)]
    (event, *_) = told(client)
    assert (event.limit, event.scope, event.measure, event.is_enforced) == ("purse", "acme", "usd", True)
    assert (event.at, event.window_ends) == ("2030-12-31T12:00:00Z", "2031-01-01T00:00:00Z")
    world.now_us += 43_200 * US
    for _ in range(5):
        await one.ask(ONE)
    assert [event.percent for event in told(client)[3:]] == [50]


async def test_a_leap_over_thresholds_tells_the_highest(worker: MakeWorker, limited: MakeLimit, client: redis.Redis) -> None:
    one = worker(limited(amount=100, thresholds=(50, 80, 95)))
    await one.ask(replace(ONE, cost=85))
    assert [event.percent for event in told(client)] == [80]


async def test_what_costs_more_than_was_thought_reaches_one_too(worker: MakeWorker, limited: MakeLimit, client: redis.Redis) -> None:
    one = worker(limited(amount=100, thresholds=(50,)))
    request = await one.ask(replace(ONE, used_cost=170))
    assert told(client) == []
    await end(one, request.record)
    assert [(event.percent, event.used) for event in told(client)] == [(50, 170)]


async def test_of_requests_in_flight_once_an_hour(world: World, worker: MakeWorker, limited: MakeLimit, client: redis.Redis) -> None:
    one = worker(limited(of=Measure.IN_FLIGHT, per=None, amount=4, thresholds=(50, 100)))
    requests = [await one.ask(ONE), await one.ask(ONE)]
    for minutes, events in ((0, 1), (59, 1), (60, 2), (61, 2)):
        world.now_us = NOON_US + minutes * 60 * US
        await end(one, requests.pop(0).record)
        requests.append(await one.ask(ONE))
        assert [(event.percent, event.used, event.window_ends) for event in told(client)] == [(50, 2, "")] * events


async def test_of_a_rate_once_an_hour(world: World, worker: MakeWorker, limited: MakeLimit, client: redis.Redis) -> None:
    one = worker(limited(of=Measure.REQUESTS, per=Per.MINUTE, amount=7, burst=4, thresholds=(50, 100)))
    for minutes, events in ((0, 2), (59, 2), (60, 4)):
        world.now_us = NOON_US + minutes * 60 * US
        assert await admitted(one, ONE) == 4
        world.compare()
        assert [event.percent for event in told(client)] == [50, 100] * (events // 2)
    assert [(event.used, event.cap) for event in told(client)][:2] == [(2, 4), (4, 4)]


# ---- raises ----


@pytest.mark.parametrize(
    ("fields", "passes", "raised"),
    [
        ({"amount": 20}, 2, 4),
        ({"of": Measure.REQUESTS, "amount": 3}, 3, 23),
        ({"of": Measure.IN_FLIGHT, "per": None, "amount": 3}, 3, 23),
        ({"of": Measure.REQUESTS, "per": Per.MINUTE, "amount": 3}, 3, 23),
        ({"of": Measure.REQUESTS, "per": Per.MINUTE, "amount": 3, "burst": 5}, 5, 25),
    ],
)
async def test_a_raise_holds_until_it_is_over(
    fields: dict[str, Any], passes: int, raised: int, world: World, worker: MakeWorker, limited: MakeLimit, store: Store
) -> None:
    one, until = worker(limited("x", scope="acme/*", **fields)), NOON_US / US + 60
    more = Raise(20, until, "launch", NOON_US / US, "dana")
    event = Event("raise", "x", "acme/retail", limited(**fields).of.value, 0, 0, fields["amount"] + 20, "", reason="launch")
    await put_raise(store, "acme", "x|acme/retail", more, event)
    world.books.raises["x|acme/retail"] = (20, until)
    assert await admitted(one, ONE) == raised
    other = replace(ONE, scope=parse("acme/wholesale"))
    assert await admitted(one, other) == passes  # nobody else's is raised
    world.wipe()
    await put_raise(store, "acme", "x|acme/retail", more, event)
    world.books.raises["x|acme/retail"] = (20, until)
    world.now_us += 60 * US
    assert await admitted(one, ONE) == passes
    assert [event for event in told(world.client) if event.kind == "raise"] == [replace(event, at="2030-12-31T12:00:00Z")]
    assert await read_raised(store, "acme") == [("x|acme/retail", more)]


async def admitted(worker: Worker, wish: Wish) -> int:
    return sum([(await worker.ask(wish)).grant.is_admitted for _ in range(40)])


async def test_a_raise_may_come_while_a_window_is_full(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=20))
    assert await admitted(one, ONE) == 2
    world.client.hset(key_of("acme", "raises"), "purse|acme", json.dumps({"by": 30, "until": NOON_US / US + 1}))
    world.books.raises["purse|acme"] = (30, NOON_US / US + 1)
    assert await admitted(one, ONE) == 3


# ---- what is learnt ----


async def test_lengths_of_answers_are_learnt_and_told_to_every_worker(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one, other = worker(limited(amount=10**9)), worker()
    learnt = []
    for place in range(60):
        wish = replace(ONE, used_output=(380, 420)[place % 2])
        request = await one.ask(wish)
        learnt.append(one.gate.learnt("acme/retail/search/indexer|chat"))
        await end(one, request.record)
    assert learnt[0] is None  # nothing is known of it yet
    assert learnt[1] == 380 + 2 * 190  # one answer says little
    assert all(440 <= length <= 520 for length in learnt[-20:])  # the mean, and twice what they deviate by
    await other.ask(replace(ONE, scope=parse("acme/retail/search/indexer/bob")))  # whoever uses the app
    assert other.gate.learnt("acme/retail/search/indexer|chat") == pytest.approx(learnt[-1], abs=20)
    assert other.gate.learnt("acme/retail/search/other|chat") is None


@pytest.mark.parametrize("outcome", ["failed", "aborted", "cut_off", "lost"])
async def test_only_whole_answers_teach(outcome: str, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=10**9))
    await end(one, (await one.ask(replace(ONE, outcome=outcome))).record)
    await one.ask(ONE)
    assert one.gate.learnt("acme/retail/search/indexer|chat") is None


async def test_a_door_tells_what_is_known_or_what_is_configured(worker: MakeWorker, limited: MakeLimit, world: World) -> None:
    one = worker(limited(amount=10**9))

    class Policy:
        limits, admission = world.limits, one.admission

    door = Door(Policy, one.gate)  # type: ignore[arg-type]
    assert door.expected_output("acme/retail/search/indexer|chat") == 100
    await end(one, (await one.ask(replace(ONE, used_output=7))).record)
    await one.ask(ONE)
    assert door.expected_output("acme/retail/search/indexer|chat") == 7 + 2 * 3
    assert door.tab(ACME, NOON_US / US) is not None
    assert door.tab(parse("other"), NOON_US / US) is None
    assert door.lease() != door.lease()
