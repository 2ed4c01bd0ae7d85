"""Books against what was served: what is too much, too little or held still shows, and what is marked is no loss."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from extproc.bench.faults import Options, Report, run, show
from extproc.bench.faults.books import Books, Leases
from extproc.bench.faults.clients import Answer
from extproc.bench.faults.configuration import MODELS
from extproc.bench.faults.ledger import Ledger, compare
from extproc.bench.faults.report import Outcome
from extproc.bench.faults.seen import normal_ms, seen
from extproc.bench.faults.truth import Served, served
from extproc.errors import StartError
from extproc.testing import Arrival
from extproc.usage import Record
from extproc.usage.rollup import Sums

ALICE, BOB = "acme/retail/search/indexer/alice", "acme/retail/search/indexer/bob"
Amount = tuple[int, int]  # requests, micro-USD
SCOPES = {"tag-1": ALICE, "tag-2": BOB}
SERVED = [Served("tag-1", "id-1", "small", 10, 5, 100), Served("tag-2", "id-2", "small", 20, 5, 200)]


def record(request_id: str, scope: str, cost: int, **members: object) -> Record:
    known = {"id-1": (10, 5), "id-2": (20, 5)}.get(request_id, (0, 0))
    made = Record(request_id, "s", 0.0, "routed", "ok", 200, "chat", scope=scope, cost_micro_usd=cost)
    return replace(made, prompt_tokens=known[0], completion_tokens=known[1], **members)


RECORDS = (record("id-1", ALICE, 100), record("id-2", BOB, 200))
LOST = record("id-1", ALICE, 130, outcome="lost", is_estimated=True)


def books(by_scope: dict[str, tuple[int, int]], records: Sequence[Record] = RECORDS, **members: object) -> Books:
    sums = {scope: Sums(requests=requests, cost_micro_usd=cost) for scope, (requests, cost) in by_scope.items()}
    spent = sum(cost for scope, (_, cost) in by_scope.items() if scope)
    return replace(Books(sums, spent, 0, 0, Leases(), tuple(records)), **members)


RIGHT = {ALICE: (1, 100), BOB: (1, 200)}


def ledger(found: Books, truth: Sequence[Served] = SERVED) -> Ledger:
    return compare(truth, SCOPES, found)


def test_books_that_say_what_was_served_are_right() -> None:
    found = ledger(books(RIGHT))
    assert found.is_right
    assert (found.served, found.served_micro_usd, found.billed, found.billed_micro_usd) == (2, 300, 2, 300)


@pytest.mark.parametrize(
    ("by_scope", "double", "missing"),
    [
        ({ALICE: (2, 200), BOB: (1, 200)}, (1, 100), (0, 0)),
        ({ALICE: (1, 100)}, (0, 0), (1, 200)),
        ({ALICE: (2, 300), BOB: (0, 0)}, (1, 200), (1, 200)),  # one too many here does not make up for one too few there
        ({ALICE: (1, 101), BOB: (1, 200)}, (0, 1), (0, 0)),
    ],
)
def test_what_is_too_much_or_too_little_shows(
    by_scope: dict[str, tuple[int, int]], double: tuple[int, int], missing: tuple[int, int]
) -> None:
    found = ledger(books(by_scope))
    assert ((found.double, found.double_micro_usd), (found.missing, found.missing_micro_usd)) == (double, missing)
    assert not found.is_right


def test_a_served_request_without_a_record_is_due_all_the_same() -> None:
    assert ledger(books(RIGHT, RECORDS[:1])).is_right
    assert ledger(books({ALICE: (1, 100)}, RECORDS[:1])).missing == 1


def test_a_lost_request_is_billed_at_its_estimate_and_marked() -> None:
    found = ledger(books({ALICE: (1, 130), BOB: (1, 200)}, (LOST, RECORDS[1])))
    assert found.is_right
    assert found.lost == 1


def test_a_lost_request_that_was_heard_of_is_billed_once() -> None:
    mended = (LOST, *RECORDS)
    assert ledger(books(RIGHT, mended)).is_right
    assert ledger(books(RIGHT, mended)).mended == 1
    assert ledger(books({ALICE: (2, 230), BOB: (1, 200)}, mended)).double_micro_usd == 130


def test_one_that_was_refused_after_all_costs_nothing() -> None:
    refused = record("id-3", BOB, 0, outcome="refused", kind="refused")
    lost = record("id-3", BOB, 50, outcome="lost", is_estimated=True)
    assert ledger(books(RIGHT, (*RECORDS, lost, refused))).is_right
    assert ledger(books({ALICE: (1, 100), BOB: (2, 250)}, (*RECORDS, lost, refused))).double_micro_usd == 50


def test_one_that_nobody_decided_about_is_billed_to_nobody_and_once() -> None:
    undecided = record("id-1", "", 100, kind="unmanaged", outcome="unmanaged")
    assert ledger(books({"": (1, 100), BOB: (1, 200)}, (undecided, RECORDS[1]))).is_right
    both = ledger(books({"": (1, 100), ALICE: (1, 130), BOB: (1, 200)}, (undecided, LOST, RECORDS[1])))
    assert (both.double, both.double_micro_usd, both.undecided) == (1, 130, 1)


@pytest.mark.parametrize(
    "members",
    [
        {"reserved_micro_usd": 1},
        {"in_flight": 1},
        {"leases": Leases(open=1)},
        {"spent_micro_usd": 299},
        {"records": (*RECORDS, RECORDS[0])},
        {"records": (replace(RECORDS[0], completion_tokens=6), RECORDS[1])},
    ],
    ids=["reserved", "in flight", "a lease", "not counted", "a record twice", "tokens"],
)
def test_what_is_held_or_said_wrong_is_not_right(members: dict[str, object]) -> None:
    assert not ledger(replace(books(RIGHT), **members)).is_right


def test_what_a_stand_in_served_is_its_own_count() -> None:
    body = json.dumps({"model": "auto", "user": "tag-5", "messages": [{"role": "user", "content": "x" * 40}]}).encode()
    arrival = Arrival("POST", "/v1/chat/completions", {"x-request-id": "id-5", "x-tokens": "7"}, body)
    (one,) = served([arrival, Arrival("GET", "/health", {}, b"")], MODELS[0])
    assert one == Served("tag-5", "id-5", "small", 10, 7, 4)  # 10 tokens at 0.10 and 7 at 0.40 a million: 3.8 micro-USD


def test_answers_are_held_against_what_such_a_request_takes() -> None:
    before = [Answer("t", "plain", 0.0, 0.002, 200)] * 99 + [Answer("t", "slow", 0.0, 0.12, 200)]
    normal = normal_ms(before)
    assert seen(before, normal).in_time == 1.0
    took = (
        ("plain", 0.021, 200),
        ("plain", 0.5, 503),
        ("slow", 0.13, 200),
        ("plain", 0.004, 429),
        ("plain", 20.0, 0),
        ("plain", 0.001, 504),
    )
    found = seen([Answer("t", kind, 1.0, took_s, status) for kind, took_s, status in took], normal)
    assert (found.sent, found.ok, found.limited, found.unavailable, found.other, found.none) == (6, 2, 1, 1, 1, 1)
    assert found.in_time == pytest.approx(4 / 6, abs=1e-3)
    assert (found.longest_ms, found.added_ms) == (500.0, 498.0)
    assert seen([], normal).in_time is None


def test_the_report_shows_both_ledgers_and_names_what_is_wrong() -> None:
    right, wrong = ledger(books(RIGHT)), ledger(books({ALICE: (2, 200), BOB: (1, 200)}))
    phases = {"before": seen([], {})}
    report = Report((Outcome("store-killed-open", 3.0, phases, right, right, 1.0), Outcome("envoy-killed", 3.0, phases, right, wrong, 1.0)))
    assert report.wrong == ("envoy-killed",)
    assert json.loads(json.dumps(report.as_json()))["wrong"] == ["envoy-killed"]
    console = Console(file=io.StringIO(), width=160)
    show(report, console)
    show(Report(report.outcomes[:1]), console)
    said = console.file.getvalue()
    for words in ("store-killed-open: 3 s", "1 for $0.000100", "not right after: envoy-killed", "Nothing was billed twice"):
        assert words in said


def test_an_experiment_that_is_not_there_is_named() -> None:
    with pytest.raises(StartError, match="'store-eaten'; there are store-killed-open"):
        run(Options(only=("store-eaten",)))
