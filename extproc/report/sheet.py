"""A report as CSV (RFC 4180), for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from extproc.report.column import COLUMNS, Column, usd
from extproc.report.statement import Statement
from extproc.usage.rollup import Sums

# A cell that begins with one of these is a formula to a spreadsheet, and names come from outside: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def sheet(statement: Statement) -> str:
    """A heading, a line a row, and the total; money in US dollars with six digits, exact."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow([*statement.by, *(_heading(column) for column in COLUMNS)])
    lines.writerows(_lines(statement))
    return text.getvalue()


def cell(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return "'" + name if name.startswith(_FORMULA) else name


def _lines(statement: Statement) -> Iterator[list[str]]:
    blanks = [""] * (len(statement.by) - 1)
    for row in statement.rows:
        yield [*map(cell, row.names), *_numbers(row.sums)]
    if statement.rest_rows:
        yield [f"({statement.rest_rows} more)", *blanks, *_numbers(statement.rest)]
    yield ["total", *blanks, *_numbers(statement.total)]


def _heading(column: Column) -> str:
    return column.name.replace("_micro_usd", "_usd")


def _numbers(sums: Sums) -> Iterator[str]:
    for column in COLUMNS:
        value = column.value(sums)
        if value is None:
            yield ""
        elif column.kind == "money":
            yield usd(int(value))
        else:
            yield f"{value:.6f}" if column.kind == "share" else str(value)
