"""`tiermesh eval residency`, and the arithmetic behind it."""

from __future__ import annotations

import functools
import json
from math import isclose
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import dialects
from extproc.bench.quality import Baseline, Labelled, Outcome, Share, report
from extproc.cli import inspecting
from extproc.clock import SystemClock
from extproc.config import Api
from extproc.dialects import Request
from extproc.residency import Scanner, ScanPolicy
from tests.cli.conftest import Tiermesh


@functools.cache
def compiled(policy: ScanPolicy) -> Scanner:
    return Scanner(policy, SystemClock())


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # The detectors take longer to compile than all the rows of a test take to scan.
    monkeypatch.setattr(inspecting, "Scanner", lambda policy, _, **__: compiled(policy))


def row(row_id: str, text: str, kinds: list[str], **members: Any) -> dict[str, Any]:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}
    label = "sensitive" if kinds else "clean"
    whole = {"id": row_id, "api": "chat", "body": body, "label": label, "kinds": kinds, "where": "first user turn", "language": "en"}
    return whole | members


CARD = row("card", "charge 4111 1111 1111 1111", ["payment_card"])
WIDE = row("wide", "charge ４１１１ １１１１ １１１１ １１１１", ["payment_card"], language="ja", where="tool result")  # noqa: RUF001
CLEAN = row("clean", "How do tides work?", [])
WRONG = row("wrong", "Is 5555 5555 5555 4444 a Mersenne prime?", [])  # a card number all the same


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (CARD, WIDE, CLEAN, WRONG)))
    return path


def test_figures_as_json(tiermesh: Tiermesh, rows: Path) -> None:
    done = tiermesh("eval", "residency", rows, "--json")
    said = done.json()
    assert (done.status, said["rows"], said["files"]) == (0, 4, [str(rows)])
    ours, baseline = said["tiermesh"], said["baseline"]
    assert (ours["recall"]["count"], ours["recall"]["of"], ours["recall"]["share"]) == (2, 2, 1.0)
    assert (ours["false_positives"]["count"], ours["false_positives"]["of"]) == (1, 2)
    assert (baseline["recall"]["count"], baseline["missed"]) == (1, ["wide"])
    assert (ours["missed"], ours["false"]) == ([], ["wrong"])
    assert ours["by_kind"]["payment_card"]["named"]["share"] == 1.0
    assert {where: group["recall"]["count"] for where, group in baseline["by_where"].items()} == {"first user turn": 1, "tool result": 0}
    assert set(ours["by_language"]) == {"en", "ja"}
    assert 0 <= ours["p50_ms"] <= ours["p99_ms"]


def test_figures_in_words(tiermesh: Tiermesh, rows: Path) -> None:
    done = tiermesh("eval", "residency", rows)
    assert done.status == 0
    for word in ("tiermesh", "baseline", "100.0% (2/2)", "payment_card", "first user turn", "ja"):
        assert word in done.out
    assert "wrongly flagged" not in done.out
    shown = tiermesh("eval", "residency", rows, "--show").out
    assert "missed: none" in shown
    assert "wrongly flagged: wrong" in shown


def test_several_files_are_one_set(tiermesh: Tiermesh, rows: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps(CLEAN))
    said = tiermesh("eval", "residency", rows, other, "--json").json()
    assert said["tiermesh"]["false_positives"]["of"] == 3


def test_rows_that_cannot_be_used_are_named(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    bad = ["{", json.dumps(CLEAN | {"label": "maybe"}), json.dumps(CLEAN | {"kinds": "email"}), json.dumps(CLEAN | {"label": []})]
    path.write_text("\n".join([*bad, json.dumps(CLEAN)]))
    done = tiermesh("eval", "residency", path, "--json")
    assert (done.status, done.json()["rows"]) == (1, 1)
    assert [line.split(": ")[0] for line in done.err.splitlines()] == [f"{path}:{number}" for number in range(1, 5)]


def test_a_body_that_cannot_be_read_counts_as_found(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row("a", "", ["email"], body={})))
    said = tiermesh("eval", "residency", path, "--json").json()
    assert (said["tiermesh"]["recall"]["share"], said["tiermesh"]["p99_ms"]) == (1.0, 0.0)


def test_nothing_at_all(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("")
    assert tiermesh("eval", "residency", path).status == 0
    said = tiermesh("eval", "residency", path, "--json").json()["tiermesh"]
    assert (said["missed"], said["by_kind"], "recall" in said) == ([], {}, False)


def test_a_subject_is_needed(tiermesh: Tiermesh) -> None:
    assert tiermesh("eval").status == 2
    assert tiermesh("eval", "weather", "x").status == 2


# The ends of Wilson's interval are the shares that a normal test at 95% would just not reject.
@pytest.mark.parametrize(("count", "of"), [(0, 10), (10, 10), (5, 10), (95, 100), (1, 270), (135, 135)])
def test_intervals_are_wilsons(count: int, of: int) -> None:
    for end in Share(count, of).interval():
        assert isclose((count / of - end) ** 2, 1.959964**2 * end * (1 - end) / of, rel_tol=1e-5, abs_tol=1e-12)


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share(counts: tuple[int, int]) -> None:
    share = Share(*counts)
    low, high = share.interval()
    assert share.share is not None
    assert 0 <= low <= share.share + 1e-12
    assert share.share - 1e-12 <= high <= 1


def test_of_nothing_nothing_is_known() -> None:
    assert (Share(0, 0).share, Share(0, 0).interval()) == (None, (0.0, 1.0))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to ann@example.org", ["email"]),
        ("ring (415) 555-0132", ["phone"]),
        ("ssn 219-09-9999", ["us_ssn"]),
        ("4111-1111-1111-1111", ["payment_card"]),
        ("4111-1111-1111-1112", []),
        ("to DE89 3704 0044 0532 0130 00", ["iban"]),
        ("AKIAIOSFODNN7EXAMPLE", ["api_key"]),
        ("-----BEGIN RSA PRIVATE KEY-----", ["private_key"]),
        ("api_key = abcdefgh1234", ["api_key"]),
        ("api_key = short", []),
        ("How do tides work?", []),
    ],
)
def test_the_baseline_finds_what_eight_expressions_find(text: str, kinds: list[str]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    request = dialects.parse(Api.CHAT, json.dumps(body).encode(), max_body_bytes=1 << 20)
    assert isinstance(request, Request)
    assert [kind for kind, _ in Baseline().scan(request).kinds] == kinds


def test_times_are_of_the_rows_that_were_scanned() -> None:
    labelled = Labelled("a", False, (), "", "")
    outcomes = [Outcome(labelled, False, frozenset(), ms) for ms in (*range(1, 101), None)]
    made = report(outcomes)
    assert (made.p50_ms, made.p99_ms, made.by_where, made.by_language) == (51, 100, {}, {})
