"""What people and spreadsheets are shown of a number, and what a name must not do there."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.report import SHOWN, Statement, money, money_digits, sheet, statement_of, texts
from extproc.report.column import COLUMNS, members, usd
from extproc.report.sheet import cell
from extproc.usage.rollup import SUMS, Sums

_SUMS = Sums(
    requests=4, failures=1, refusals=1, estimated=1, prompt_tokens=2_000_000, cached_tokens=500_000, completion_tokens=10,
    cost_micro_usd=1_234_567_890, asked_cost_micro_usd=4_938_271_560, failed_cost_micro_usd=5, estimated_cost_micro_usd=7,
)  # fmt: skip


def _read(statement: Statement) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet(statement)), strict=True))


def test_every_sum_is_a_column_under_its_own_name() -> None:
    assert set(SUMS) <= {column.name for column in COLUMNS}
    numbered = Sums(*range(1, len(SUMS) + 1))
    assert {name: members(numbered)[name] for name in SUMS} == {name: getattr(numbered, name) for name in SUMS}


def test_what_is_worked_out_of_sums() -> None:
    found = members(_SUMS)
    assert found["saved_micro_usd"] == 4_938_271_560 - 1_234_567_890
    assert (found["saved_share"], found["cached_share"], found["estimated_share"]) == (0.75, 0.25, 0.25)


def test_a_share_of_nothing_is_none() -> None:
    found = members(Sums())
    assert [name for name, value in found.items() if value is None] == ["cached_share", "saved_share", "estimated_share"]
    assert "" in texts(SHOWN, [Sums()])[0]


@pytest.mark.parametrize(("amount", "text"), [(0, "0.000000"), (1, "0.000001"), (-1, "-0.000001"), (-1_500_000, "-1.500000")])
def test_dollars_are_exact(amount: int, text: str) -> None:
    assert usd(amount) == text


@given(st.integers(-(2**63), 2**63))
def test_dollars_come_back_exactly(amount: int) -> None:
    assert Decimal(usd(amount)) * 1_000_000 == amount


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        ((12_345_678_900, -400), ["$12,345.68", "-$0.00"]),
        ((1_234_567, 0), ["$1.2346", "$0.0000"]),
        ((1_563, 26), ["$0.001563", "$0.000026"]),
    ],
)
def test_amounts_below_each_other_have_the_same_digits(amounts: tuple[int, ...], shown: list[str]) -> None:
    assert [money(amount, money_digits(amounts)) for amount in amounts] == shown


def test_a_sheet_has_every_column_and_the_total() -> None:
    statement = statement_of(("team", "tier"), [(("acme/a", "simple"), _SUMS), (("acme/b", ""), Sums(1))], top=1)
    row, rest, whole = _read(statement)
    assert (row["team"], row["tier"], row["requests"], row["cost_usd"], row["saved_share"]) == (
        "acme/a", "simple", "4", "1234.567890", "0.750000",
    )  # fmt: skip
    assert (rest["team"], rest["tier"], rest["requests"], rest["saved_share"]) == ("(1 more)", "", "1", "")
    assert (whole["team"], whole["requests"], whole["cost_usd"]) == ("total", "5", "1234.567890")
    assert list(row)[2:] == [column.name.replace("micro_usd", "usd") for column in COLUMNS]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_no_name_is_a_formula(start: str) -> None:
    name = f"{start}HYPERLINK(1)"
    assert cell(name) == "'" + name
    (row, _) = _read(statement_of(("asked_model",), [((name,), _SUMS)]))
    assert row["asked_model"].startswith("'")


def test_a_negative_number_stays_a_number() -> None:
    (row, _) = _read(statement_of(("tier",), [(("complex",), Sums(1, cost_micro_usd=5_000_000))]))
    assert row["saved_usd"] == "-5.000000"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_name_comes_back_from_a_sheet(name: str) -> None:
    lines = list(csv.reader(io.StringIO(sheet(statement_of(("asked_model",), [((name,), _SUMS)])), newline="")))
    assert lines[1][0] == cell(name)
