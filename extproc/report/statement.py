"""A finished report: rows in order, what was left out of them, and the total of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from extproc.report.column import members
from extproc.report.dimension import TIME, Key
from extproc.usage.rollup import Sums, total

SORTS: dict[str, Callable[[Sums], int]] = {
    "cost": lambda sums: sums.cost_micro_usd,
    "saved": lambda sums: sums.asked_cost_micro_usd - sums.cost_micro_usd,
    "requests": lambda sums: sums.requests,
    "tokens": lambda sums: sums.prompt_tokens + sums.completion_tokens,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One group: its names, in the order of the statement's `by`, and its sums."""

    names: Key
    sums: Sums


@dataclass(frozen=True, slots=True)
class Statement:
    """`rows` and `rest` together are `total`; `rest` is what `rest_rows` further groups come to."""

    by: Key
    rows: tuple[Row, ...]
    rest_rows: int
    rest: Sums
    total: Sums

    def to_json(self) -> dict[str, Any]:
        """`by`, `rows`, `rest` and `total`, with every column by its name."""
        return {
            "by": list(self.by),
            "rows": [dict(zip(self.by, row.names, strict=True)) | members(row.sums) for row in self.rows],
            "rest": {"rows": self.rest_rows} | members(self.rest),
            "total": members(self.total),
        }


def statement_of(by: Key, groups: Iterable[tuple[Key, Sums]], *, sort: str = "", top: int = 0) -> Statement:
    """The groups, largest first by `sort` (a name in SORTS), the first `top` of them by themselves; 0 is all.

    Without `sort` groups of time are in the order of time, others by cost.
    """
    rows = sorted((Row(names, sums) for names, sums in groups), key=lambda row: row.names)
    if sort or not set(by) & set(TIME):
        size = SORTS[sort or "cost"]
        rows.sort(key=lambda row: size(row.sums), reverse=True)
    shown, left = (rows[:top], rows[top:]) if top else (rows, [])
    rest = total(row.sums for row in left)
    return Statement(by, tuple(shown), len(left), rest, total(row.sums for row in shown) + rest)
