"""Records as people read them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from extproc.usage import Record

Row = tuple[str, Record]

_PAGE_COLUMNS = 150


def page() -> Console:
    """Standard output; a file or a pipe, which has no width of its own, gets one that holds our tables."""
    return Console(width=None if sys.stdout.isatty() else _PAGE_COLUMNS)


def record_table(rows: Sequence[Row]) -> Table:
    """One line a request: score, tier, why, who answered, tokens, money."""
    table = Table("request", "score", "tier", "why", "backend", "tokens", "cost", "saved")
    for column in (1, 5, 6, 7):
        table.columns[column].justify = "right"
        table.columns[column].no_wrap = True  # numbers that wrap cannot be compared
    for title, record in rows:
        table.add_row(
            title,
            "" if record.score is None else f"{record.score:.2f}",
            record.tier or record.outcome,
            _why(record),
            " > ".join(record.attempts) or "none",
            f"{record.prompt_tokens}+{record.completion_tokens}{'~' if record.is_estimated else ''}",
            _usd(record.cost_micro_usd),
            _usd(record.saved_micro_usd),
        )
    return table


def totals(rows: Sequence[Row]) -> dict[str, int]:
    """Sums over the records, money in micro-USD."""
    records = [record for _, record in rows]
    return {
        "requests": len(records),
        "prompt_tokens": sum(record.prompt_tokens for record in records),
        "completion_tokens": sum(record.completion_tokens for record in records),
        "cost_micro_usd": sum(record.cost_micro_usd for record in records),
        "asked_cost_micro_usd": sum(record.asked_cost_micro_usd for record in records),
        "saved_micro_usd": sum(record.saved_micro_usd for record in records),
    }


def _why(record: Record) -> str:
    if record.refusal:
        return f"{record.status} {record.refusal}"
    replaced = f"{record.attempts[0]} failed" if len(record.attempts) > 1 else ""
    return ", ".join(filter(None, (*record.reasons, replaced)))


def _usd(micro_usd: int) -> str:
    return f"{'-' if micro_usd < 0 else ''}${abs(micro_usd) / 1e6:.6f}"
