"""The scripts at the edges: sizes, names, numbers, and limits that come, change and go. Each step is compared with the reference."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import redis

from extproc.config import Limit
from extproc.config.limits import Measure, Per
from extproc.limits.script import key_of
from extproc.scope import parse, scope_of, text_of
from extproc.usage.rollup import SUMS
from tests.limits.conftest import NOON_US
from tests.limits.worker import LEASE_S, US, Wish, Worker
from tests.limits.world import World

ACME = parse("acme/retail/search/indexer/alice")
ONE = Wish(ACME, cost=10, used_cost=10)
MakeLimit = Callable[..., Limit]
MakeWorker = Callable[..., Worker]


async def count_admitted(worker: Worker, wish: Wish, times: int) -> int:
    return sum([(await worker.ask(wish)).grant.is_admitted for _ in range(times)])


async def settle(worker: Worker, wish: Wish) -> None:
    request = await worker.ask(wish)
    assert request.grant.is_admitted
    worker.settler.put([request.record])
    assert await worker.flush()


@pytest.fixture(autouse=True)
def _agreeing(world: World) -> Any:
    yield
    world.compare()


# ---- names ----


@pytest.mark.parametrize("name", ["", "-", "a|b", "a/b", "{x}", "ü \n\0", "*", "%", "-1:2", "x" * 300, "\ud800", "a,'\"\\"])
async def test_names_of_all_kinds(name: str, world: World, worker: MakeWorker, limited: MakeLimit, client: redis.Redis) -> None:
    world.organisation = scope_of([name])[0]
    scope = scope_of([name] * 5)
    limits = [limited("a", scope="*"), limited("b", scope="*/*/*/*/*"), limited("f", scope="*/*", of=Measure.IN_FLIGHT, per=None)]
    one = worker(*limits)
    await settle(one, replace(ONE, scope=scope))
    assert world.states()[f"b|{text_of(scope)}|w1:{NOON_US // US - 43_200}"] == (10, 0, 0)
    assert client.smembers("tiermesh:organisations") == {scope[0].encode()}
    prefix = f"tiermesh:{{{scope[0] or '-'}}}:".encode()
    assert all(key.startswith(prefix) for key in client.keys("*") if key != b"tiermesh:organisations")


# ---- sizes ----


async def test_two_hundred_limits_at_once(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    limits = [limited(f"l{place}", amount=100 + place, thresholds=(1, 50, 100)) for place in range(200)]
    one = worker(*limits)
    assert await count_admitted(one, ONE, 11) == 10
    request = await one.ask(replace(ONE, cost=0))
    assert len(request.grant.standings) == 200
    await settle(one, replace(ONE, cost=0, used_cost=5))


async def test_the_largest_amounts(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """A limit may be a million million dollars, more than a double holds exactly; what is spent of it stays exact."""
    most, huge = 10**18, 2**52 - 2**14
    one = worker(limited(amount=most, thresholds=(50,)), limited("t", of=Measure.TOKENS, amount=10**12, per=Per.MINUTE))
    await settle(one, replace(ONE, cost=huge, used_cost=huge))
    request = await one.ask(replace(ONE, cost=huge))
    assert request.grant.standings[0].cap == most
    one.settler.put([replace(request.record, cost_micro_usd=huge - 1)])
    world.records[request.lease] = replace(request.record, cost_micro_usd=huge - 1)
    assert await one.flush()
    assert world.states()[f"purse|acme|w1:{NOON_US // US - 43_200}"] == (2 * huge - 1, 0, 0)


async def test_sums_beyond_a_double_are_a_long_way_off(world: World, worker: MakeWorker, client: redis.Redis) -> None:
    """Nine thousand million dollars in one line of one hour are exact to the micro-dollar."""
    one = worker()
    for _ in range(2):
        one.settler.put([replace(one.refused(ONE), cost_micro_usd=2**51 + 1)])
        assert await one.flush()
    ((_, sums),) = world.rollups().items()
    assert sums[SUMS.index("cost_micro_usd")] == 2**52 + 2


async def test_lines_of_other_versions_keep_what_they_have(world: World, worker: MakeWorker, client: redis.Redis) -> None:
    """An older writer's values are shorter, a newer one's longer."""
    one = worker()
    await one.ask(ONE)
    record = one.refused(ONE)
    one.settler.put([record])
    await one.flush()
    ((key, sums),) = world.rollups().items()
    name = key_of("acme", f"hour:{key[0]}")
    client.hset(name, key[1], struct.pack(">2q", 7, 3))
    one.settler.put([record])
    await one.flush()
    assert world.rollups()[key] == (8, 3, 1, *sums[3:])
    client.hset(name, key[1], struct.pack(f">{len(sums) + 2}q", *sums, 40, 50))
    one.settler.put([record])
    await one.flush()
    assert world.rollups()[key] == (*(2 * number for number in sums), 40, 50)
    client.delete(name)
    world.books.plain = ()


# ---- limits that come, change and go ----


async def test_a_limit_of_nothing_lets_only_what_is_free_pass(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=0, thresholds=(50, 100), downgrade_at=50))
    assert not (await one.ask(ONE)).grant.is_admitted
    request = await one.ask(replace(ONE, cost=0))
    assert request.grant.is_admitted
    assert request.grant.alternative == 1  # nothing is left: whatever is cheaper
    assert not world.client.exists(key_of("acme", "events"))  # nothing has been used of it


async def test_what_is_free_passes_where_all_is_spent(worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=20))
    await settle(one, replace(ONE, used_cost=90))
    assert not (await one.ask(ONE)).grant.is_admitted
    assert (await one.ask(replace(ONE, cost=0))).grant.is_admitted


@pytest.mark.parametrize("fields", [{"of": Measure.IN_FLIGHT, "per": None}, {"of": Measure.REQUESTS}])
async def test_nothing_may_pass_at_all(fields: dict[str, Any], worker: MakeWorker, limited: MakeLimit) -> None:
    assert await count_admitted(worker(limited(amount=0, **fields)), ONE, 3) == 0


async def test_a_limit_that_is_taken_away_leaves_nothing_behind(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(), limited("f", of=Measure.IN_FLIGHT, per=None, amount=2), limited("t", of=Measure.TOKENS, per=Per.MINUTE))
    requests = [await one.ask(ONE) for _ in range(2)]
    world.policies.append(())
    one.settler.put([requests[0].record])
    await one.flush()
    world.now_us += int(LEASE_S * US)
    await one.sweep()
    assert not +world.books.reserved()
    assert sum(world.books.spent().values()) == 20


async def test_a_name_that_counts_something_else_now_begins_anew(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """A rate's state is a time. Taken for requests in flight it would refuse everybody for good."""
    one = worker(limited("x", of=Measure.REQUESTS, per=Per.SECOND, amount=10))
    assert await count_admitted(one, ONE, 3) == 3
    for fields in ({"of": Measure.IN_FLIGHT, "per": None}, {"of": Measure.TOKENS, "per": Per.DAY}, {"of": Measure.USD}):
        world.policies.append((limited("x", **fields),))
        assert await count_admitted(one, ONE, 3) == 3
        world.compare()


async def test_thresholds_may_be_none(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=20, thresholds=()), limited("f", of=Measure.IN_FLIGHT, per=None, amount=2, thresholds=()))
    assert await count_admitted(one, ONE, 3) == 2
    assert not world.client.exists(key_of("acme", "events"))


async def test_a_raise_that_cannot_be_read_keeps_nobody_from_being_served(
    worker: MakeWorker, limited: MakeLimit, client: redis.Redis
) -> None:
    client.hset(key_of("acme", "raises"), "purse|acme", '{"by": 5, "until": 9e9, "reason": "\\udc80"}')
    assert await count_admitted(worker(limited(amount=20)), ONE, 3) == 2


async def test_whoever_asks_may_be_behind_the_time(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """To a clock that is slow a window lasts that is over by the store's. It is full all the same."""
    slow, limit = worker(limited(amount=20), skew_us=-5 * US), limited(amount=20)
    world.policies.append((limit,))
    world.now_us = NOON_US + 43_200 * US + 3 * US
    assert await count_admitted(slow, ONE, 9) == 2
    assert (await slow.ask(ONE)).grant.wait_ms == 0
    assert await count_admitted(worker(), ONE, 9) == 2


# ---- rates ----


@pytest.mark.parametrize(
    ("per", "amount", "burst"),
    [
        (Per.MINUTE, 1, 1),
        (Per.MINUTE, 1, 3),
        (Per.MINUTE, 7, 7),
        (Per.MINUTE, 7, 1),
        (Per.MINUTE, 70, 100),
        (Per.SECOND, 3, 3),
        (Per.SECOND, 30_000_007, 50),
        (Per.SECOND, 1_000_000, 100),
        (Per.MINUTE, 10**9, 60),
    ],
)
async def test_exactly_a_burst_may_come_at_once(
    per: Per, amount: int, burst: int, world: World, worker: MakeWorker, limited: MakeLimit
) -> None:
    one = worker(limited(of=Measure.REQUESTS, per=per, amount=amount, burst=burst))
    lefts = []
    for _ in range(burst):
        request = await one.ask(ONE)
        assert request.grant.is_admitted
        lefts.append(request.grant.standings[0].left)
    assert lefts == list(range(burst - 1, -1, -1))
    request = await one.ask(ONE)
    assert not request.grant.is_admitted
    unit_us = Fraction(60 * US if per is Per.MINUTE else US, amount)
    assert request.grant.wait_ms == -(-unit_us // 1000)
    world.now_us += -(-unit_us // 1)
    assert (await one.ask(ONE)).grant.is_admitted


@pytest.mark.parametrize(("per", "amount"), [(Per.MINUTE, 7), (Per.SECOND, 999_983), (Per.MINUTE, 1_000_003), (Per.SECOND, 40_000_000)])
async def test_no_part_of_a_unit_is_lost(per: Per, amount: int, world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """All of a rate in small change, and not one more."""
    burst = 1_000
    one = worker(limited(of=Measure.TOKENS, per=per, amount=amount, burst=burst))
    for tokens in [1] * 100 + [9] * 100:
        assert (await one.ask(Wish(ACME, prompt=tokens, output=0))).grant.is_admitted
    assert not (await one.ask(Wish(ACME, prompt=1, output=0))).grant.is_admitted


async def test_a_burst_in_one_piece_fits(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    for amount in range(1, 200):
        world.policies.append((limited(f"l{amount}", of=Measure.TOKENS, per=Per.MINUTE, amount=amount, burst=3 * amount),))
        assert (await worker().ask(Wish(ACME, prompt=3 * amount, output=0))).grant.is_admitted
        assert not (await worker().ask(Wish(ACME, prompt=1, output=0))).grant.is_admitted


async def test_a_rate_is_paid_back_at_the_pace_it_was_taken(
    world: World, worker: MakeWorker, limited: MakeLimit, client: redis.Redis
) -> None:
    """A raise makes a rate drain faster, so what is returned is less time."""
    one = worker(limited("r", of=Measure.TOKENS, per=Per.MINUTE, amount=100))
    client.hset(key_of("acme", "raises"), "r|acme", json.dumps({"by": 100, "until": NOON_US / US + 60}))
    world.books.raises["r|acme"] = (100, NOON_US / US + 60)
    going_on = Wish(ACME, prompt=100, output=0)
    assert (await one.ask(going_on)).grant.is_admitted
    for _ in range(10):
        await settle(one, replace(going_on, used_prompt=0, used_output=0, used_cost=0, outcome="failed"))
    assert await count_admitted(one, going_on, 9) == 1


async def test_what_was_not_thought_of_counts_from_when_it_is_known(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """One a second, a hundred at once. What has drained meanwhile makes no room for it."""
    one = worker(limited("r", of=Measure.TOKENS, per=Per.MINUTE, amount=60, burst=100))
    request = await one.ask(Wish(ACME, prompt=1, output=0, used_prompt=50, used_output=0))
    world.now_us += 50 * US
    one.settler.put([request.record])
    assert await one.flush()
    (standing,) = (await one.ask(Wish(ACME, prompt=0, output=0))).grant.standings
    assert standing.left == 51


# ---- what is forgotten ----


async def test_counts_are_forgotten_when_their_time_is_over(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    limits = (
        limited("day"),
        limited("rate", of=Measure.TOKENS, per=Per.MINUTE, amount=100, burst=10**9),
        limited("idle", of=Measure.REQUESTS, per=Per.SECOND),
        limited("flight", of=Measure.IN_FLIGHT, per=None),
    )
    one = worker(*limits)
    await settle(one, replace(ONE, prompt=10**6, used_prompt=10**6))
    assert {name.partition("|")[0] for name in world.states()} == {"day", "rate", "idle", "flight"}
    world.now_us += 90_000 * US
    await one.sweep()
    assert {name.partition("|")[0] for name in world.states()} == {"day", "rate"}  # 10,000 minutes of tokens
    world.now_us += 36 * 86_400 * US
    await one.sweep()
    assert world.states() == {}
    assert not world.client.exists(key_of("acme", "ends"))
    world.books.requests.clear()
    world.client.delete(*world.client.keys("*:hour:*"))


async def test_a_request_in_flight_for_days_stays_counted(world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited("flight", of=Measure.IN_FLIGHT, per=None, amount=1))
    one.settler.put([one.refused(ONE)])
    assert await one.flush()
    lease = (await one.ask(ONE)).lease
    for later_us in (NOON_US + 90_000 * US, NOON_US + 200_000 * US):  # as if its lease were that long
        world.client.zadd(key_of("acme", "leases"), {lease: later_us + 1})
        world.books.requests[lease] = replace(world.books.requests[lease], due_us=later_us + 1)
        world.now_us = later_us
        await one.sweep()
        assert not (await one.ask(ONE)).grant.is_admitted


async def test_hours_are_kept_for_as_long_as_they_are_to_be(world: World, worker: MakeWorker, client: redis.Redis) -> None:
    one = worker()
    one.settler.put([one.refused(ONE)])
    await one.flush()
    (key,) = client.keys("*:hour:*")
    assert client.expiretime(key) == NOON_US // US + 400 * 86_400


async def test_lines_beyond_the_bound_share_one(world: World, worker: MakeWorker, client: redis.Redis) -> None:
    world.lines = 3
    one = worker()
    for user in range(10):
        one.settler.put([one.refused(replace(ONE, scope=(*ACME[:4], f"user-{user}")))])
    await one.flush()
    lines = {line: sums[0] for (_, line), sums in world.rollups().items()}
    assert sorted(lines.values()) == [1, 1, 1, 7]
    assert [json.loads(line)[3] for line, requests in lines.items() if requests == 7] == ["(other)"]
