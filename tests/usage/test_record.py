from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.usage import Record, Tokens

_record = Record(
    "r",
    "s",
    1.5,
    "routed",
    "ok",
    200,
    api="chat",
    score=0.25,
    chain=("a", "b"),
    attempts=("a",),
    backend="a",
    prompt_tokens=9,
    cost_micro_usd=3,
    asked_cost_micro_usd=10,
)


def test_a_record_comes_back_from_its_line() -> None:
    assert Record.from_json(json.loads(_record.line())) == _record


def test_a_record_comes_back_from_its_members() -> None:
    assert Record.from_json(_record.to_json()) == _record


def test_a_line_is_one_line_with_every_field() -> None:
    line = _record.line()
    assert "\n" not in line
    assert json.loads(line) == {**json.loads(json.dumps(_record.to_json())), "saved_micro_usd": 7}


def test_what_was_saved_is_what_was_asked_less_what_was_paid() -> None:
    assert _record.saved_micro_usd == 7


def test_the_counts_of_a_record_are_those_a_price_wants() -> None:
    assert _record.tokens == Tokens(prompt=9)


def test_members_of_a_later_version_are_skipped() -> None:
    assert Record.from_json({**_record.to_json(), "later": {"id": 1}}) == _record


@pytest.mark.parametrize(
    "change", [{"status": "200"}, {"status": 1.5}, {"chain": "a"}, {"score": "high"}, {"is_stream": 1}, {"cost_micro_usd": None}]
)
def test_a_member_of_the_wrong_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Record.from_json({**_record.to_json(), **change})


def test_a_member_that_must_be_there_is_missed() -> None:
    with pytest.raises(ValueError, match="stream_id: missing"):
        Record.from_json({"request_id": "r"})


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text()))
def test_what_is_no_record_raises_nothing_but_value_error(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Record.from_json(members)


@pytest.mark.parametrize(("backend", "attempts", "expected"), [("b", ("a", "b"), "b"), (None, ("a", "b"), "b"), (None, (), "")])
def test_the_last_backend_is_the_one_that_answered_or_was_tried_last(backend: str | None, attempts: tuple[str, ...], expected: str) -> None:
    assert Record("r", "s", 0.0, "routed", "failed", 503, attempts=attempts, backend=backend).last_backend == expected
