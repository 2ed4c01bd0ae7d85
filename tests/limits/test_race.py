"""Workers with connections of their own, all at once: what is checked and what is charged are one step."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis

from extproc.config import Limit
from extproc.config.compiled import Admission
from extproc.config.limits import Measure
from extproc.limits import Ask, Expected, Gate, Grant, Occasion, Settler, ask_of, tab_of
from extproc.limits.script import key_of, lease_key
from extproc.limits.tab import MEASURES
from extproc.local.valkey import ValkeyProcess
from extproc.scope import Scope, parse, text_of
from extproc.store import Store
from extproc.testing import ManualClock
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line
from tests.limits.conftest import NOON_US
from tests.limits.worker import US

NOW_S = NOON_US / US
MakeLimit = Callable[..., Limit]
MakeAdmission = Callable[..., Admission]


@pytest.fixture
async def stores(valkey: ValkeyProcess, client: redis.Redis) -> AsyncIterator[list[Store]]:
    stores = [Store.connect(valkey.url, timeout_s=5.0) for _ in range(6)]
    for store in stores:
        assert await store.ready(5.0)
    yield stores
    for store in stores:
        await store.close()


def ask(gate: Gate, limits: list[Limit], scope: Scope, cost: int, tokens: int = 1) -> Ask:
    tab = tab_of(limits, scope, NOW_S)
    assert tab is not None
    expected = Expected(Line(*scope[1:], api="chat"), Tokens(tokens), cost, cost)
    return ask_of(scope, tab, [expected], Occasion(gate.new_lease(), "", NOW_S, "", ""), 900)


def record(ask: Ask, scope: Scope, grant: Grant, cost: int) -> Record:
    about: dict[str, Any] = {"api": "chat", "scope": text_of(scope), "lease": ask.lease, "lease_sequence": grant.sequence}
    return Record("", "", NOW_S, "routed", "ok", 200, decided_at=NOW_S, prompt_tokens=1, cost_micro_usd=cost, **about)


def used(client: redis.Redis) -> dict[str, tuple[float, float, float]]:
    return {name.decode(): struct.unpack(">ddd", state) for name, state in client.hgetall(key_of("acme", "counts")).items()}


@pytest.mark.parametrize("seed", range(4))
async def test_no_budget_is_overdrawn_and_nobody_refused_while_there_is_room(
    seed: int, stores: list[Store], client: redis.Redis, limited: MakeLimit, admission: MakeAdmission
) -> None:
    draw = random.Random(seed)
    limits = [
        limited("all", amount=2_000),
        limited("team", scope="acme/*/*", amount=700),
        limited("tokens", scope="acme/*", of=Measure.TOKENS, amount=1_500),
        limited("flight", scope="acme/*/*/*", of=Measure.IN_FLIGHT, per=None, amount=20),
    ]
    scopes = [parse(f"acme/d{draw.randrange(2)}/t{draw.randrange(3)}/a{draw.randrange(3)}") for _ in range(400)]
    gates = [Gate(store, ManualClock(NOW_S), flight_patience_s=()) for store in stores]
    asks = [
        ask(gates[place % len(gates)], limits, scope, draw.choice((1, 20, 90)), draw.choice((1, 5, 60)))
        for place, scope in enumerate(scopes)
    ]
    grants = await asyncio.gather(
        *(gates[place % len(gates)].admit(each, admission(store_timeout_s=5.0)) for place, each in enumerate(asks))
    )
    states = used(client)
    assert 20 < sum(grant.is_admitted for grant in grants) < 400
    totals: dict[str, int] = {}
    for each, grant in zip(asks, grants, strict=True):
        for count in each.tab.counts:
            amount = each.amounts[0][MEASURES.index(count.limit.of)]
            totals[count.field] = totals.get(count.field, 0) + amount * grant.is_admitted
    for field, total in totals.items():
        first, second, _ = states.get(field, (0, 0, 0))
        assert first + second == total
    for each, grant in zip(asks, grants, strict=True):
        left = {count.field: count.limit.amount - totals[count.field] for count in each.tab.counts}
        assert all(room >= 0 for room in left.values())
        # What was used has only ever become more: who was refused would not fit now either.
        fits = all(each.amounts[0][MEASURES.index(count.limit.of)] <= left[count.field] for count in each.tab.counts)
        assert grant.is_admitted or not fits


async def test_an_overdraft_is_never_more_than_what_was_in_flight(
    stores: list[Store], client: redis.Redis, limited: MakeLimit, admission: MakeAdmission
) -> None:
    """Every request costs three times what was thought; sixty callers go on until they are refused."""
    limit, scope, in_flight, most = limited(amount=30_000), parse("acme"), 0, 0
    estimate, actual = 10, 30
    settlers = [Settler(store, lambda _: "[]", interval_s=0) for store in stores]
    running = [asyncio.create_task(settler.run()) for settler in settlers]
    gates = [Gate(store, ManualClock(NOW_S)) for store in stores]

    async def caller(place: int) -> int:
        nonlocal in_flight, most
        for done in range(10_000):
            each = ask(gates[place % 6], [limit], scope, estimate)
            grant = await gates[place % 6].admit(each, admission(store_timeout_s=5.0))
            if not grant.is_admitted:
                return done
            in_flight += 1
            most = max(most, in_flight)
            await asyncio.sleep(0.001 * (place % 3))
            in_flight -= 1
            settlers[place % 6].put([record(each, scope, grant, actual)])
        raise AssertionError("nobody was ever refused")

    passed = sum(await asyncio.gather(*(caller(place) for place in range(60))))
    for settler in settlers:
        settler.close()
    await asyncio.gather(*running)
    ((spent, reserved, _),) = used(client).values()
    assert (spent, reserved) == (passed * actual, 0)
    assert spent > limit.amount - actual
    # In flight is also what has ended and is not in the books yet: at most what waits and one batch of each worker.
    assert spent - limit.amount <= (60 + 6 * 25) * (actual - estimate)
    assert client.hlen(lease_key("acme")) == 0


async def test_of_many_who_want_the_last_of_it_one_has_it(
    stores: list[Store], client: redis.Redis, limited: MakeLimit, admission: MakeAdmission
) -> None:
    gates = [Gate(store, ManualClock(NOW_S), flight_patience_s=()) for store in stores]
    for fields in ({"amount": 10}, {"of": Measure.REQUESTS, "amount": 1}, {"of": Measure.IN_FLIGHT, "per": None, "amount": 1}):
        client.flushdb()
        asks = [ask(gate, [limited("wide"), limited(**fields)], parse("acme"), 10) for gate in gates * 5]
        grants = await asyncio.gather(
            *(gate.admit(each, admission(store_timeout_s=5.0)) for gate, each in zip(gates * 5, asks, strict=True))
        )
        assert sum(grant.is_admitted for grant in grants) == 1
        assert {grant.refused_by for grant in grants} == {None, 1}


async def test_of_many_who_say_that_one_has_ended_one_is_believed(
    stores: list[Store], client: redis.Redis, limited: MakeLimit, admission: MakeAdmission
) -> None:
    gate, scope = Gate(stores[0], ManualClock(NOW_S)), parse("acme")
    asks = [ask(gate, [limited()], scope, 10) for _ in range(20)]
    grants = [await gate.admit(each, admission(store_timeout_s=5.0)) for each in asks]
    settlers = [Settler(store, lambda _: "[]", interval_s=0) for store in stores]
    for place, settler in enumerate(settlers):
        records = [record(each, scope, grant, 7) for each, grant in zip(asks, grants, strict=True)]
        random.Random(place).shuffle(records)
        settler.put(records)
        settler.close()
    await asyncio.gather(*(settler.run() for settler in settlers))
    ((spent, reserved, _),) = used(client).values()
    assert (spent, reserved) == (140, 0)
    assert sum(settler.counters.settled for settler in settlers) == 20
    assert sum(settler.counters.known for settler in settlers) == 100
