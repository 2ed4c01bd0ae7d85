"""A worker that dies between asking the store and answering Envoy leaves a lease, and a request that is served without a decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from extproc.clock import SystemClock
from extproc.config import Limit
from extproc.config.compiled import Admission
from extproc.config.limits import Measure, Notices
from extproc.limits import Expected, Gate, Herald, Occasion, Settler, Sweeper, ask_of, read_accounts, tab_of
from extproc.limits.script import UNDECIDED_KEY, key_of
from extproc.report import Hour, read_hours
from extproc.scope import parse
from extproc.store import Store
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line, hour_of

ALICE = parse("acme/retail/search/indexer/alice")
MakeLimit = Callable[..., Limit]
MakeAdmission = Callable[..., Admission]


@pytest.fixture
def limits(limited: MakeLimit) -> list[Limit]:
    return [limited(amount=1_000_000), limited("flight", of=Measure.IN_FLIGHT, per=None), limited("pace", of=Measure.REQUESTS)]


async def reserve(store: Store, limits: list[Limit], admission: Admission, request_id: str) -> None:
    """A worker asks, and dies."""
    clock = SystemClock()
    gate = Gate(store, clock)
    tab = tab_of(limits, ALICE, clock.wall())
    assert tab is not None
    expected = Expected(Line(*ALICE[1:], api="chat", backend="local"), Tokens(100, completion=50), 40, 90)
    occasion = Occasion(gate.new_lease(), request_id, clock.wall(), "policy", "")
    assert (await gate.admit(ask_of(ALICE, tab, [expected], occasion, 0.001), admission)).is_admitted
    await asyncio.sleep(0.005)  # the lease is due


async def settle(store: Store, request_id: str) -> None:
    settler = Settler(store, lambda _: "[]", interval_s=0.0)
    now_s = SystemClock().wall()
    settler.put([Record(request_id, "stream", now_s, "unmanaged", "unmanaged", 200, "chat", backend="local", cost_micro_usd=30)])
    settler.close()
    await asyncio.wait_for(settler.run(), 5)


async def sweep(store: Store) -> list[Record]:
    lost: list[Record] = []
    sweeper = Sweeper(store, Herald(Notices(), lambda _: None), SystemClock(), lost.extend)
    await store.command("SADD", "tiermesh:organisations", "acme")
    await sweeper.charge_unheard()
    return lost


async def lines(store: Store) -> dict[str, tuple[int, int]]:
    now = hour_of(SystemClock().wall())
    found: list[Hour] = [hour async for hour in read_hours(store, ["acme", ""], (now - 1, now))]
    return {hour.organisation: (sums.requests, sums.cost_micro_usd) for hour in found for _, sums in hour.lines() if sums.requests}


async def test_what_was_served_without_a_decision_is_not_charged_for_its_lease_too(
    store: Store, limits: list[Limit], admission: MakeAdmission
) -> None:
    await reserve(store, limits, admission(), "request-1")
    await settle(store, "request-1")
    assert await sweep(store) == []
    assert await lines(store) == {"": (1, 30)}
    accounts = await read_accounts(store, "acme", limits, SystemClock().wall())
    assert {(account.limit.name, account.used) for account in accounts} == {("purse", 0), ("flight", 0), ("pace", 0)}
    assert await store.command("HLEN", key_of("acme", "lease")) == await store.command("ZCARD", key_of("acme", "leases")) == 0
    assert await sweep(store) == []


async def test_others_are_charged_at_their_estimate(store: Store, limits: list[Limit], admission: MakeAdmission) -> None:
    await reserve(store, limits, admission(), "request-1")
    await settle(store, "request-2")
    assert [record.request_id for record in await sweep(store)] == ["request-1"]
    assert await lines(store) == {"": (1, 30), "acme": (1, 40)}


async def test_while_nobody_can_be_asked_they_stay_charged(store: Store, limits: list[Limit], admission: MakeAdmission) -> None:
    lost: list[Record] = []
    sweeper = Sweeper(store, Herald(Notices(), lambda _: None), SystemClock(), lost.extend)
    await store.command("SADD", "tiermesh:organisations", "acme")
    await sweeper.charge_unheard()
    await reserve(store, limits, admission(), "request-1")
    await store.command("SET", UNDECIDED_KEY, "what no one can read")
    await sweeper.charge_unheard(turn=1)
    assert [record.request_id for record in lost] == ["request-1"]
    assert await lines(store) == {"acme": (1, 40)}


async def test_names_of_the_undecided_are_kept_for_two_days(store: Store, limits: list[Limit], admission: MakeAdmission) -> None:
    await settle(store, "request-1")
    now_s = int(SystemClock().wall())
    await store.command("ZADD", UNDECIDED_KEY, now_s - 172_900, "older")
    await sweep(store)
    assert await store.command("ZRANGE", UNDECIDED_KEY, "0", "-1") == [b"request-1"]
