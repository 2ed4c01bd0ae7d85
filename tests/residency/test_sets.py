"""The labelled sets: what they are made of, and how well the built-in detectors do on them."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from extproc import dialects
from extproc.bench.quality import Labelled, Report, judged, report
from extproc.config import Api
from extproc.config.kinds import KINDS
from extproc.dialects import Request
from extproc.residency import Scanner, ScanPolicy
from extproc.testing import ManualClock
from tests.residency.sets import build
from tests.residency.sets.dialogue import EVERY_PLACE

Row = dict[str, Any]

# What the detectors have to keep: recall at least, false positives at most.
FLOORS = {"dev": (0.97, 0.05), "dev_2": (0.95, 0.06), "held_out": (0.88, 0.08)}
# Of these kinds nothing may be missed.
WHOLE_KINDS = ("api_key", "private_key", "jwt", "connection_string", "payment_card", "iban")

SETS = pytest.mark.parametrize("name", build.SETS)


def rows_of(name: str) -> list[Row]:
    return [json.loads(line) for line in (build.HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def request_of(row: Row) -> Request:
    request = dialects.parse(Api(row["api"]), json.dumps(row["body"]).encode(), max_body_bytes=1 << 20)
    assert isinstance(request, Request), (row["id"], request)
    return request


@SETS
def test_a_set_is_what_its_source_builds(name: str) -> None:
    assert (build.HERE / f"{name}.jsonl").read_text(encoding="utf-8") == build.text_of(name)


@SETS
def test_every_row_is_whole_and_its_body_can_be_read(name: str) -> None:
    for row in rows_of(name):
        assert list(row) == ["id", "api", "body", "label", "kinds", "where", "language", "why"]
        assert row["label"] == ("sensitive" if row["kinds"] else "clean"), row["id"]
        assert set(row["kinds"]) <= set(KINDS), row["id"]
        assert row["where"] in {where for where, _ in EVERY_PLACE.values()}
        assert row["why"]
        request_of(row)


@SETS
def test_no_disguise_is_left_undrawn(name: str) -> None:
    assert "{{!" not in (build.HERE / f"{name}.jsonl").read_text(encoding="utf-8")


@SETS
def test_ids_are_unique_and_both_labels_are_about_half(name: str) -> None:
    rows = rows_of(name)
    assert len({row["id"] for row in rows}) == len(rows)
    share = sum(row["label"] == "clean" for row in rows) / len(rows)
    assert 0.45 <= share <= 0.55


@SETS
def test_kinds_languages_places_and_apis_are_all_there(name: str) -> None:
    rows = rows_of(name)
    kinds = Counter(kind for row in rows for kind in row["kinds"])
    assert kinds.keys() == KINDS
    assert len({row["language"] for row in rows}) >= 15
    assert len({row["where"] for row in rows}) >= 20
    assert {row["api"] for row in rows} >= {"chat", "responses", "messages"}


def test_the_sets_share_no_source_text() -> None:
    texts = [
        {text.strip().lower() for path in build.sources(name) for text in path.read_text(encoding="utf-8").split("\n") if is_text(text)}
        for name in build.SETS
    ]
    assert all(one & other == set() for one, other in combinations(texts, 2))


def is_text(line: str) -> bool:
    # Short lines are syntax that any two files share, such as the head of a manifest.
    return len(line.strip()) > 30 and not line.startswith("@ ")


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(ScanPolicy(), ManualClock())


def report_of(name: str, scanner: Scanner) -> Report:
    clock = ManualClock()
    return report([judged(scanner, Labelled.of(row), request_of(row), clock) for row in rows_of(name)])


@SETS
def test_the_detectors_keep_their_floor(name: str, scanner: Scanner) -> None:
    made = report_of(name, scanner)
    least, most = FLOORS[name]
    recall, wrong = made.overall.recall.share, made.overall.false_positives.share
    assert recall is not None
    assert wrong is not None
    assert recall >= least, made.missed
    assert wrong <= most, made.false


@pytest.mark.parametrize("name", ["dev", "held_out"])
def test_no_secret_card_or_account_is_missed(name: str, scanner: Scanner) -> None:
    by_kind = report_of(name, scanner).by_kind
    assert {kind: by_kind[kind].recall.share for kind in WHOLE_KINDS} == dict.fromkeys(WHOLE_KINDS, 1.0)
