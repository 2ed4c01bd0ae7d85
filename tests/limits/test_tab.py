"""Which limits count a scope's requests, under which names, and until when."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.config import Limit
from extproc.config.limits import Measure, Per
from extproc.limits import Tabs, count_of, tab_of
from extproc.limits.tab import unit_us
from extproc.scope import Scope, scope_of

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON_S = 1_924_948_800.0  # 2030-12-31T12:00:00Z
DAY_S = 86_400
INDEXER: Scope = ("acme", "retail", "search", "indexer", "alice")
MakeLimit = Callable[..., Limit]


def spec(limit: Limit, scope: Scope = INDEXER) -> list[object]:
    tab = tab_of([limit], scope, NOON_S)
    assert tab is not None
    (row,) = json.loads(tab.text)
    return list(row)


def test_every_limit_that_matches_counts_and_no_other(limited: MakeLimit) -> None:
    limits = [
        limited("all", scope="*"),
        limited("acme", scope="acme"),
        limited("team", scope="acme/*/search"),
        limited("other", scope="acme/wholesale"),
        limited("user", scope="*/*/*/*/alice"),
    ]
    tab = tab_of(limits, INDEXER, NOON_S)
    assert tab is not None
    assert [count.name for count in tab.counts] == [
        "all|acme",
        "acme|acme",
        "team|acme/retail/search",
        "user|acme/retail/search/indexer/alice",
    ]
    assert tab_of(limits[3:4], INDEXER, NOON_S) is None
    assert tab_of([], INDEXER, NOON_S) is None


def test_a_count_is_named_by_the_part_of_the_scope_that_its_pattern_has(limited: MakeLimit) -> None:
    limit = limited("team", scope="*/*/*")
    names = [count_of(limit, scope, NOON_S).name for scope in (INDEXER, (*INDEXER[:3], "app", "bob"), ("acme", "", "search", "", ""))]
    assert names == ["team|acme/retail/search", "team|acme/retail/search", "team|acme/-/search"]
    assert count_of(limit, ("", "", "", "", "u"), NOON_S).name == "team|"


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({}, ["purse|acme", "w", 1, 1000, NOON_S + DAY_S / 2, NOON_S - DAY_S / 2, 1, 0, 0]),
        (
            {"thresholds": (50, 95), "downgrade_at": 80, "downgrade_rank": 1, "is_enforced": False},
            ["purse|acme", "w", 1, 1000, NOON_S + DAY_S / 2, NOON_S - DAY_S / 2, 0, 80, 2, 50, 95],
        ),
        ({"of": Measure.REQUESTS, "per": Per.SECOND, "amount": 50, "burst": 100}, ["purse|acme", "r", 2, 50, 20_000, 2_000_000, 1, 0, 0]),
        ({"of": Measure.TOKENS, "per": Per.MINUTE, "amount": 60_000}, ["purse|acme", "r", 5, 60_000, 1_000, 60_000_000, 1, 0, 0]),
        ({"of": Measure.IN_FLIGHT, "per": None, "amount": 8}, ["purse|acme", "f", 6, 8, 0, 0, 1, 0, 0]),
        ({"of": Measure.INPUT_TOKENS}, ["purse|acme", "w", 3, 1000, NOON_S + DAY_S / 2, NOON_S - DAY_S / 2, 1, 0, 0]),
        ({"of": Measure.OUTPUT_TOKENS}, ["purse|acme", "w", 4, 1000, NOON_S + DAY_S / 2, NOON_S - DAY_S / 2, 1, 0, 0]),
    ],
)
def test_scripts_are_told_all_there_is_to_a_count(fields: dict[str, object], row: list[object], limited: MakeLimit) -> None:
    assert spec(limited(**fields)) == row


def test_downgrades_are_rows_from_the_most_capable_tier_to_the_least(limited: MakeLimit) -> None:
    ranks = ((80, 2), (90, 0), (95, 1), (50, 2), (0, 3))
    limits = [limited(f"l{place}", downgrade_at=at, downgrade_rank=rank) for place, (at, rank) in enumerate(ranks)]
    tab = tab_of(limits, INDEXER, NOON_S)
    assert tab is not None
    assert tab.ranks == (2, 1, 0)
    assert [row[8] for row in json.loads(tab.text)] == [2, 4, 3, 2, 0]


def test_a_tab_lasts_until_the_first_of_its_windows_ends(limited: MakeLimit) -> None:
    limits = [limited("month", per=Per.MONTH), limited("day"), limited("rate", of=Measure.REQUESTS, per=Per.SECOND)]
    tab = tab_of(limits, INDEXER, NOON_S)
    assert tab is not None
    assert tab.until == NOON_S + DAY_S / 2
    forever = tab_of(limits[2:], INDEXER, NOON_S)
    assert forever is not None
    assert forever.until == 2**53


def test_tabs_are_worked_out_once_a_window(limited: MakeLimit) -> None:
    tabs = Tabs((limited("day"), limited("other", scope="other")))
    first = tabs.at(INDEXER, NOON_S)
    assert first is not None
    assert tabs.at(INDEXER, NOON_S + DAY_S / 2 - 1) is first
    later = tabs.at(INDEXER, NOON_S + DAY_S / 2)
    assert later is not None
    assert later.counts[0].start == first.counts[0].end
    assert tabs.at(("elsewhere", "", "", "", ""), NOON_S) is None
    assert Tabs(()).at(INDEXER, NOON_S) is None


def test_tabs_of_more_users_than_anybody_has_do_not_pile_up(limited: MakeLimit) -> None:
    tabs = Tabs((limited("each", scope="*/*/*/*/*"),))
    for user in range(10_050):
        assert tabs.at(("acme", "", "", "", str(user)), NOON_S) is not None
    assert len(tabs._tabs) < 10_001


def test_a_limit_that_is_changed_to_count_something_else_begins_anew(limited: MakeLimit) -> None:
    changed = (
        limited(),
        limited(of=Measure.TOKENS),
        limited(of=Measure.REQUESTS),
        limited(of=Measure.REQUESTS, per=Per.MINUTE),
        limited(of=Measure.IN_FLIGHT, per=None),
    )
    assert len({count_of(limit, INDEXER, NOON_S).field for limit in changed}) == len(changed)
    # More of the same goes on where it was.
    assert count_of(limited(amount=5), INDEXER, NOON_S).field == count_of(limited(), INDEXER, NOON_S).field


@on_a_busy_machine
@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5), st.integers(1, 5))
def test_two_scopes_share_a_count_only_where_they_are_the_same(ones: list[str], others: list[str], levels: int) -> None:
    limit = Limit("l", ("*",) * levels, Measure.USD, 1, Per.MONTH, 1, "UTC", True, (), 0, 0)
    one, other = scope_of(ones), scope_of(others)
    fields = [count_of(limit, scope, NOON_S).field for scope in (one, other)]
    assert (fields[0] == fields[1]) == (one[:levels] == other[:levels])
    assert all(field.count("|") == 2 for field in fields)


def test_a_unit_is_the_time_in_which_a_rate_drains_by_one(limited: MakeLimit) -> None:
    assert unit_us(limited(per=Per.SECOND, amount=8)) == 125_000
    assert unit_us(limited(per=Per.MINUTE, amount=1)) == 60_000_000
    assert unit_us(limited(per=Per.DAY)) is None
    assert unit_us(limited(per=None)) is None
