"""While the store is away: a share of each limit, and no more, in each worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.config import Limit
from extproc.config.limits import Measure, Per
from extproc.limits import Ask, Expected, Occasion, ask_of, tab_of
from extproc.limits.blind import BlindCounts
from extproc.scope import Scope
from extproc.usage import Tokens
from extproc.usage.rollup import Line

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON_S = 1_924_948_800.0  # 2030-12-31T12:00:00Z
ACME: Scope = ("acme", "", "", "", "")
MakeLimit = Callable[..., Limit]


def ask(*limits: Limit, cost: int = 10, wall_s: float = NOON_S) -> Ask:
    tab = tab_of(limits, ACME, wall_s)
    assert tab is not None
    return ask_of(ACME, tab, [Expected(Line(), Tokens(5), cost, cost)], Occasion("w-1", "", wall_s, "", ""), 900)


def passing(blind: BlindCounts, wanted: Ask, percent: int, wall_s: float = NOON_S) -> int:
    """How many of a hundred pass."""
    return sum(blind.take(wanted, percent, wall_s) is None for _ in range(100))


@pytest.mark.parametrize(
    ("fields", "percent", "passes"),
    [
        ({"amount": 1_000}, 10, 10),
        ({"amount": 1_000}, 1, 1),
        ({"amount": 999}, 1, 0),  # 9.99 does not hold 10
        ({"amount": 1_000}, 0, 0),
        ({"amount": 1_000}, 100, 100),
        ({"amount": 0}, 100, 0),
        ({"of": Measure.REQUESTS, "amount": 10}, 5, 0),
        # One request of a rate always fits, or small rates would be none at all; but not where nothing may pass.
        ({"of": Measure.REQUESTS, "per": Per.SECOND, "amount": 10}, 5, 1),
        ({"of": Measure.REQUESTS, "per": Per.MINUTE, "amount": 10}, 0, 0),
        ({"of": Measure.REQUESTS, "per": Per.MINUTE, "amount": 100}, 5, 5),
        ({"of": Measure.TOKENS, "per": Per.MINUTE, "amount": 1_000}, 5, 10),
        # Whether those before have ended is only known to the store.
        ({"of": Measure.IN_FLIGHT, "per": None, "amount": 1}, 5, 100),
        # What only watches refuses nobody.
        ({"is_enforced": False, "amount": 0}, 5, 100),
    ],
)
def test_a_share_of_each_limit_passes(fields: dict[str, Any], percent: int, passes: int, limited: MakeLimit) -> None:
    assert passing(BlindCounts(), ask(limited(**fields)), percent) == passes


def test_what_costs_nothing_passes(limited: MakeLimit) -> None:
    assert passing(BlindCounts(), ask(limited(amount=0), cost=0), 0) == 100


def test_the_one_that_has_no_room_is_named_and_no_other_is_charged(limited: MakeLimit) -> None:
    blind, wide, narrow = BlindCounts(), limited("wide", amount=1_000), limited("narrow", amount=100)
    wanted = ask(wide, narrow)
    assert [blind.take(wanted, 10, NOON_S) for _ in range(5)] == [None, 1, 1, 1, 1]
    assert passing(blind, ask(wide), 10) == 9


def test_a_new_window_has_room_again(limited: MakeLimit) -> None:
    blind, rate = BlindCounts(), limited(of=Measure.REQUESTS, per=Per.SECOND, amount=100)
    assert passing(blind, ask(rate), 10, NOON_S) == 10
    assert passing(blind, ask(rate), 10, NOON_S + 0.9) == 0
    assert passing(blind, ask(rate), 10, NOON_S + 1) == 10
    day = limited("day")
    assert passing(blind, ask(day), 10) == 10
    assert passing(blind, ask(day, wall_s=NOON_S + 43_200), 10) == 10


def test_once_the_store_is_heard_it_begins_anew(limited: MakeLimit) -> None:
    blind, wanted = BlindCounts(), ask(limited())
    assert passing(blind, wanted, 10) == 10
    blind.clear()
    assert passing(blind, wanted, 10) == 10


@on_a_busy_machine
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 5)), max_size=30),
    st.lists(st.integers(0, 2_000), min_size=1, max_size=3),
    st.integers(0, 100),
)
def test_no_limit_lets_more_than_its_share_pass(wishes: list[tuple[int, int]], amounts: list[int], percent: int) -> None:
    limits = [Limit(f"l{n}", ("acme",), Measure.USD, amount, Per.DAY, amount, "UTC", True, (), 0, 0) for n, amount in enumerate(amounts)]
    blind, passed = BlindCounts(), 0
    for cost, _ in wishes:
        room = min(amount * percent // 100 for amount in amounts) - passed
        full = blind.take(ask(*limits, cost=cost), percent, NOON_S)
        assert (full is None) == (not cost or cost <= room)
        passed += cost if full is None else 0
