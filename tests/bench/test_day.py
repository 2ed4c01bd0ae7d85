"""A day of synthetic requests: the same for the same seed, and to the micro-dollar what a plain sum says."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from extproc.bench.day import Options, Report, run, show
from extproc.bench.day.report import Truth
from extproc.bench.day.traffic import APPS, HOURS, MODELS, TEAMS, by_hour, day
from extproc.scope import parse
from extproc.usage.rollup import SUMS, hour_of

FIRST_HOUR = 497_000


def test_a_day_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    first, again, other = (list(day(500, seed, FIRST_HOUR)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.parametrize("requests", [1, 24, 999, 1_000_000])
def test_the_hours_of_a_day_make_up_all_of_it(requests: int) -> None:
    hours = by_hour(requests)
    assert (len(hours), sum(hours)) == (24, requests)
    assert max(hours) == pytest.approx(requests * max(HOURS) / sum(HOURS), abs=1)


def test_a_day_has_what_a_day_has() -> None:
    records = list(day(20_000, 7, FIRST_HOUR))
    assert [record.decided_at for record in records] == sorted(record.decided_at for record in records)
    assert {hour_of(record.decided_at) for record in records} == set(range(FIRST_HOUR, FIRST_HOUR + 24))
    assert len({record.request_id for record in records}) == 20_000
    scopes = [parse(record.scope) for record in records]
    assert len({scope[2] for scope in scopes}) == TEAMS
    assert len({scope[3] for scope in scopes}) == APPS
    assert len({scope[4] for scope in scopes}) > 1_800
    assert {record.model for record in records} == {*(model.name for model in MODELS), ""}
    outcomes = Counter(record.outcome for record in records)
    assert set(outcomes) == {"ok", "refused", "failed", "aborted", "cut_off"}
    assert outcomes["ok"] > 0.9 * len(records)
    assert all(record.cost_micro_usd > 0 for record in itertools.islice(records, 100) if record.outcome == "ok")


@pytest.fixture(scope="module")
def report() -> Report:
    return run(Options(requests=4_000))


def test_the_books_are_a_plain_sum_to_the_micro_dollar(report: Report) -> None:
    assert report.differences == ()
    cost = sum(record.cost_micro_usd for record in day(4_000, 7, FIRST_HOUR))
    assert report.books.sums["cost_micro_usd"] == cost == report.commands_micro_usd["tier"] == report.commands_micro_usd["user"]
    assert report.books.sums["requests"] == 4_000
    assert report.leased > 300
    assert report.books.spent_micro_usd == report.truth.leased["cost_micro_usd"] > 0
    assert report.known == report.repeated > 0
    assert report.size.lines > report.size.most_lines_an_hour > 100
    assert report.size.hour_bytes > 100 * report.size.lines


def test_a_micro_dollar_too_much_shows(report: Report) -> None:
    books = replace(report.books, sums={**report.books.sums, "cost_micro_usd": report.books.sums["cost_micro_usd"] + 1}, open_leases=1)
    wrong = replace(report, books=books)
    assert [difference.partition(" is ")[0] for difference in wrong.differences] == ["rollups: cost_micro_usd", "open leases"]
    assert not wrong.as_json()["is_exact"]
    assert json.loads(json.dumps(report.as_json()))["is_exact"]


def test_the_report_names_the_total(report: Report) -> None:
    console = Console(file=io.StringIO(), width=160)
    show(report, console)
    show(replace(report, known=0), console)
    said = console.file.getvalue()
    assert f"{report.truth.sums['cost_micro_usd']:,} micro-USD" in said
    assert "all totals are equal" in said
    assert f"settlements known when repeated is 0, not {report.repeated}" in said


def test_lines_beyond_the_bound_share_one_and_the_total_stays() -> None:
    report = run(Options(requests=3_000, lines=100))
    assert report.differences == ()
    assert report.size.folded_requests > 500
    assert report.most_lines == 100


def test_a_plain_sum_has_every_sum_of_the_rollups() -> None:
    truth = Truth()
    for record in day(2_000, 7, FIRST_HOUR):
        truth.add(record, is_leased=False)
    assert set(truth.sums) == set(SUMS)
    assert {name for name in SUMS if not truth.sums[name]} == {"cache_write_tokens"}
    assert not truth.leased
