"""Tallies against the slow way: every line of every hour, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.report import BY, TIME, Filter, Hour, Lines, Statement, Tally, feed, statement_of, zone_of
from extproc.report.dimension import name_of
from extproc.report.period import labels_of
from extproc.usage.rollup import OTHER, SUMS, Line, Sums, field_of, folded, total, value_of

_names = st.sampled_from(["", "a", "b"])
_lines = st.builds(Line, *[_names] * 11)
_sums = st.builds(Sums, st.integers(1, 100), *[st.integers(0, 10**15)] * (len(SUMS) - 1))
_hashes = st.dictionaries(_lines, _sums, max_size=6)
_rollups = st.lists(st.tuples(st.sampled_from(["", "acme", "other"]), st.integers(498_000, 498_060), _hashes), max_size=6)
_Rollup = list[tuple[str, int, dict[Line, Sums]]]


def _hours(rollup: _Rollup) -> Iterable[Hour]:
    for organisation, hour, lines in rollup:
        yield Hour(organisation, hour, tuple(field_of(line).encode() for line in lines), tuple(map(value_of, lines.values())))


def _tallied(rollup: _Rollup, by: tuple[str, ...], zone: str = "UTC", scope: str = "") -> dict[tuple[str, ...], Sums]:
    lines = Lines(Filter.parse(scope))
    tally = Tally(lines, by, zone_of(zone))
    for hour in _hours(rollup):
        feed(hour, lines, [tally])
    return dict(tally.rows())


def _slowly(rollup: _Rollup, by: tuple[str, ...], zone: str, scope: str) -> dict[tuple[str, ...], Sums]:
    wanted = Filter.parse(scope)
    found: dict[tuple[str, ...], Sums] = {}
    for organisation, hour, lines in rollup:
        labels = labels_of(hour, zone_of(zone))
        for line, sums in lines.items():
            if wanted.takes(organisation, line):
                key = tuple(labels[name] if name in TIME else name_of(name, organisation, line) for name in by)
                found[key] = found.get(key, Sums()) + sums
    return found


@given(
    _rollups,
    st.lists(st.sampled_from(BY), max_size=3, unique=True).map(tuple),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    st.sampled_from(["", "acme", "*/a", "acme/a/*/b", "-"]),
)
def test_it_adds_up_as_the_slow_way_does(rollup: _Rollup, by: tuple[str, ...], zone: str, scope: str) -> None:
    assert _tallied(rollup, by, zone, scope) == _slowly(rollup, by, zone, scope)


@given(_rollups, st.sampled_from(BY))
def test_whatever_it_is_cut_by_the_total_is_the_same(rollup: _Rollup, by: str) -> None:
    whole = total(sums for _, _, lines in rollup for sums in lines.values())
    assert statement_of((by,), _tallied(rollup, (by,)).items()).total == whole


def test_teams_of_the_same_name_in_two_departments_are_two() -> None:
    rollup: _Rollup = [("acme", 1, {Line("retail", "search"): Sums(1), Line("ops", "search"): Sums(2), Line("ops", ""): Sums(4)})]
    assert _tallied(rollup, ("team",)) == {("acme/retail/search",): Sums(1), ("acme/ops/search",): Sums(2), ("acme/ops/-",): Sums(4)}


def test_a_name_of_the_path_is_a_scope_to_ask_for() -> None:
    rollup: _Rollup = [("acme", 1, {Line("ops", ""): Sums(4), Line("ops", "sre"): Sums(2)})]
    ((name,),) = _tallied(rollup, ("team",), scope="acme/ops/-")
    assert name == "acme/ops/-"


def test_values_of_other_versions_are_counted_too() -> None:
    line, sums = Line("retail"), Sums(*range(1, len(SUMS) + 1))
    value = value_of(sums)
    lines = Lines()
    tally = Tally(lines, (), zone_of("UTC"))
    feed(Hour("acme", 1, (field_of(line).encode(), b"?"), (value[:40], value + b"\1" * 16)), lines, [tally])
    ((_, found),) = tally.rows()
    assert asdict(found) == {name: 2 * number if number <= 5 else number for number, name in enumerate(SUMS, start=1)}


def test_folded_lines_are_a_row_of_their_own() -> None:
    line = Line("retail", "search", "indexer", "alice", "x", "qwen", "simple", "local", "on_prem", "code", "chat")
    hour = Hour("acme", 1, (folded(field_of(line)).encode(),), (value_of(Sums(7)),))
    lines = Lines()
    by_team, by_tier = (Tally(lines, (by,), zone_of("UTC")) for by in ("team", "tier"))
    feed(hour, lines, [by_team, by_tier])
    assert dict(by_team.rows()) == {(f"acme/{OTHER}/{OTHER}",): Sums(7)}
    assert dict(by_tier.rows()) == {("simple",): Sums(7)}


def _statement(sort: str = "", top: int = 0, by: tuple[str, ...] = ("tier",)) -> Statement:
    groups = {
        ("2026-11-02",): Sums(5, prompt_tokens=1, cost_micro_usd=10, asked_cost_micro_usd=50),
        ("2026-11-01",): Sums(1, prompt_tokens=9, cost_micro_usd=20, asked_cost_micro_usd=20),
        ("2026-11-03",): Sums(3, prompt_tokens=3, cost_micro_usd=30, asked_cost_micro_usd=10),
    }
    return statement_of(by, groups.items(), sort=sort, top=top)


@pytest.mark.parametrize(("sort", "days"), [("", "312"), ("cost", "312"), ("saved", "213"), ("requests", "231"), ("tokens", "132")])
def test_rows_are_sorted_largest_first(sort: str, days: str) -> None:
    assert "".join(row.names[0][-1] for row in _statement(sort).rows) == days


def test_days_are_in_order_unless_told_otherwise() -> None:
    assert [row.names[0][-1] for row in _statement(by=("day",)).rows] == ["1", "2", "3"]
    assert [row.names[0][-1] for row in _statement("cost", by=("day",)).rows] == ["3", "1", "2"]


@pytest.mark.parametrize("top", [0, 1, 2, 3, 9])
def test_what_is_left_out_is_in_the_total_all_the_same(top: int) -> None:
    statement = _statement(top=top)
    assert len(statement.rows) == min(top or 3, 3)
    assert len(statement.rows) + statement.rest_rows == 3
    assert total([*(row.sums for row in statement.rows), statement.rest]) == statement.total == total(row.sums for row in _statement().rows)
