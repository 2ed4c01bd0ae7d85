"""Rollups say of an hour exactly what its records say, line by line, and survive other versions of themselves."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.usage import Record
from extproc.usage.rollup import (
    OTHER,
    SUMS,
    VALUE_BYTES,
    Line,
    Sums,
    entry_of,
    field_of,
    folded,
    hour_key,
    hour_of,
    line_of,
    sums_of,
    total,
    value_of,
)

NOON = 1_793_534_400.0  # 2026-11-01T12:00:00Z


def _record(**fields: object) -> Record:
    values: dict[str, object] = {"started_at": NOON, "kind": "routed", "outcome": "ok", "status": 200, "api": "chat", **fields}
    return Record("r", "s", **values)  # type: ignore[arg-type]


def _only(record: Record) -> tuple[int, Line, Sums]:
    hour, field, fold, numbers = entry_of(record)
    assert fold == folded(field)
    return hour, line_of(field), Sums(*numbers)


def test_a_record_becomes_the_line_it_belongs_to() -> None:
    hour, line, sums = _only(
        _record(
            scope="acme/retail/search/indexer/alice", asked_model="gpt-5", model="qwen", tier="simple", backend="local",
            location="on_prem", task="code", prompt_tokens=100, cached_tokens=40, cache_write_tokens=7, completion_tokens=20,
            reasoning_tokens=5, cost_micro_usd=30, asked_cost_micro_usd=90, failed_cost_micro_usd=4,
        )
    )  # fmt: skip
    assert hour == int(NOON) // 3600
    assert line == Line("retail", "search", "indexer", "alice", "gpt-5", "qwen", "simple", "local", "on_prem", "code", "chat")
    assert sums == Sums(1, 0, 0, 0, 100, 40, 7, 20, 5, 30, 90, 4, 4)


@pytest.mark.parametrize(
    ("outcome", "failures", "refusals"),
    [("ok", 0, 0), ("failed", 1, 0), ("cut_off", 1, 0), ("aborted", 1, 0), ("refused", 0, 1), ("unmanaged", 0, 0), ("lost", 0, 0)],
)
def test_outcomes_are_counted(outcome: str, failures: int, refusals: int) -> None:
    _, _, sums = _only(_record(outcome=outcome))
    assert (sums.requests, sums.failures, sums.refusals) == (1, failures, refusals)


def test_of_an_estimate_the_whole_cost_is_estimated() -> None:
    _, _, sums = _only(_record(is_estimated=True, cost_micro_usd=30, failed_cost_micro_usd=4))
    assert (sums.estimated, sums.cost_micro_usd, sums.estimated_cost_micro_usd) == (1, 30, 30)


def test_a_failure_belongs_to_the_last_backend_tried() -> None:
    _, line, _ = _only(_record(outcome="failed", backend=None, attempts=("local", "mid")))
    assert (line.backend, line.model) == ("mid", "")


def test_what_a_refused_request_asked_for_is_no_line_of_its_own() -> None:
    _, line, _ = _only(_record(outcome="refused", asked_model="no-such-model-17"))
    assert line.asked_model == OTHER


@pytest.mark.parametrize(("decided_at", "hour"), [(0.0, 498_204), (NOON + 3599.9, 498_204), (NOON + 3600, 498_205)])
def test_the_hour_is_the_decisions_or_else_the_start(decided_at: float, hour: int) -> None:
    found, _, _ = _only(_record(decided_at=decided_at))
    assert found == hour == hour_of(decided_at or NOON)


def test_all_keys_of_an_organisation_share_a_slot_and_nobodys_has_a_name() -> None:
    assert hour_key("acme", 498_204) == "tiermesh:{acme}:hour:498204"
    assert hour_key("", 498_204) == "tiermesh:{-}:hour:498204"


_names = st.text(max_size=12)
_counts = st.integers(0, 10**12)
_lines = st.builds(Line, *[_names] * 11)
_sums = st.builds(Sums, *[_counts] * len(SUMS))


@given(_lines)
def test_a_line_comes_back_whatever_its_names(line: Line) -> None:
    field = field_of(line)
    assert field.isascii()
    assert line_of(field) == line_of(field.encode()) == line


@given(st.builds(Sums, *[st.integers(-(2**63), 2**63 - 1)] * len(SUMS)))
def test_sums_come_back(sums: Sums) -> None:
    value = value_of(sums)
    assert len(value) == VALUE_BYTES
    assert sums_of(value) == sums


@given(_sums, st.integers(0, len(SUMS)), st.binary(max_size=7), st.lists(_counts, max_size=3))
def test_an_older_writers_sums_are_short_and_a_newer_ones_long(sums: Sums, known: int, torn: bytes, added: list[int]) -> None:
    value = value_of(sums)
    short = sums_of(value[: 8 * known] + (torn if known < len(SUMS) else b""))
    assert [getattr(short, name) for name in SUMS[:known]] == [getattr(sums, name) for name in SUMS[:known]]
    assert not any(getattr(short, name) for name in SUMS[known:])
    assert sums_of(value + struct.pack(f">{len(added)}q", *added)) == sums


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ('["retail","search"]', Line("retail", "search")),
        (json.dumps(["a"] * 14), Line(*"a" * 11)),
        ("[]", Line()),
        (b"\xff\xfe", Line(*[OTHER] * 11)),
        ("{}", Line(*[OTHER] * 11)),
        ("[1]", Line(*[OTHER] * 11)),
        ("[" * 100_000, Line(*[OTHER] * 11)),
    ],
)
def test_lines_of_other_versions_and_of_none(field: str | bytes, line: Line) -> None:
    assert line_of(field) == line


@given(_lines)
def test_folding_gives_up_what_callers_can_invent_and_nothing_else(line: Line) -> None:
    fold = line_of(folded(field_of(line)))
    assert {name for name in Line._fields if getattr(fold, name) != OTHER} <= {"model", "tier", "backend", "location", "api"}
    assert (fold.model, fold.tier, fold.backend, fold.location, fold.api) == (line.model, line.tier, line.backend, line.location, line.api)
    assert folded(field_of(fold)) == field_of(fold)


_records = st.lists(
    st.builds(
        _record,
        scope=st.sampled_from(["", "acme", "acme/retail/search/indexer/alice", "acme/-/search", "other/x"]),
        outcome=st.sampled_from(["ok", "refused", "failed", "cut_off", "aborted", "unmanaged", "lost"]),
        tier=st.sampled_from(["simple", "complex"]),
        is_estimated=st.booleans(),
        decided_at=st.sampled_from([0.0, NOON, NOON + 7200]),
        prompt_tokens=_counts,
        completion_tokens=_counts,
        cost_micro_usd=_counts,
        asked_cost_micro_usd=_counts,
        failed_cost_micro_usd=_counts,
    ),
    max_size=30,
)


@given(_records)
def test_entries_add_up_to_the_records(records: list[Record]) -> None:
    whole = total(Sums(*entry_of(record)[3]) for record in records)
    assert whole.requests == len(records)
    assert whole.estimated == sum(record.is_estimated for record in records)
    for name in ("prompt_tokens", "completion_tokens", "cost_micro_usd", "asked_cost_micro_usd", "failed_cost_micro_usd"):
        assert getattr(whole, name) == sum(getattr(record, name) for record in records)
