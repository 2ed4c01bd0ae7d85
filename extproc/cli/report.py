"""`tiermesh report`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from extproc.cli import stored
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock
from extproc.config import Config, load
from extproc.errors import StartError
from extproc.report import (
    SHOWN,
    Column,
    Filter,
    Gathering,
    Lines,
    Period,
    Sink,
    Statement,
    Tally,
    html,
    moment,
    month_of,
    printable,
    sheet,
    statement_of,
    texts,
    today,
    zone_of,
)

_ANY_WIDTH = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the store."""

    by: tuple[str, ...]
    period: Period
    wanted: Filter
    scope: str
    timezone: str


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0, also where nothing was found."""
    config = load(args.file)
    wall_s = (clock or SystemClock()).wall()
    question = _question(args, wall_s)
    lines = Lines(question.wanted)
    tally = Tally(lines, question.by, question.period.zone)
    gathering = Gathering(lines, question.period) if args.html else None
    sinks: list[Sink] = [tally, gathering] if gathering else [tally]
    with stored.found(config) as url:
        asyncio.run(stored.read(url, question.wanted, question.period.hours, lines, sinks))
    statement = statement_of(question.by, tally.rows(), sort=args.sort or "", top=args.top)
    if gathering:
        _write(args.html, _page(gathering, statement, question, config, wall_s))
    if args.json:
        print(json.dumps(_about(question) | statement.to_json()))
    elif args.csv:
        sys.stdout.write(sheet(statement))
    elif not args.html:
        _show(statement, question)
    return 0


def _question(args: argparse.Namespace, wall_s: float) -> Question:
    try:
        zone = zone_of(args.timezone)
        wanted = Filter.parse(args.scope)
    except ValueError as error:
        raise StartError(str(error)) from error
    now = today(wall_s, zone)
    last: date = args.to or now
    first: date = args.first or month_of(last, zone).first
    if first > last:
        raise StartError(f"the first day, {first}, comes after the last, {last}")
    return Question(tuple(dict.fromkeys(args.by or ("tier",))), Period(first, last, zone), wanted, args.scope, args.timezone)


def _about(question: Question) -> dict[str, str]:
    period = question.period
    return {"from": str(period.first), "to": str(period.last), "timezone": question.timezone, "scope": question.scope}


def _when(question: Question) -> str:
    period = question.period
    days = str(period.first) if period.first == period.last else f"{period.first} to {period.last}"
    return f"{days} ({question.timezone})" + (f", {question.scope}" if question.scope else "")


def _page(gathering: Gathering, statement: Statement, question: Question, config: Config, wall_s: float) -> str:
    made = (
        f"Made by tiermesh report at {moment(wall_s, question.period.zone)} ({question.timezone}). Days are whole hours of that timezone."
    )
    contents = gathering.contents(statement, tuple(config.tiers), title="LLM costs", about=_when(question), footer=made)
    return html(contents)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror}") from error
    print(f"tiermesh: {path} is written", file=sys.stderr)


def _show(statement: Statement, question: Question) -> None:
    console = page()
    if not statement.total.requests:
        console.print(f"No requests from {escape(_when(question))}.", highlight=False)
        return
    columns = list(SHOWN)
    table = _table(statement, columns, _when(question))
    while _width(table, console) > console.width and (spare := max(columns, key=lambda column: column.rank)).rank:
        columns.remove(spare)
        table = _table(statement, columns, _when(question))
    console.print(table)
    left = ", ".join(column.title for column in SHOWN if column not in columns)
    if left:
        console.print(f"Too narrow for: {left}. --csv and --json have every column.", highlight=False)


def _width(table: Table, console: Console) -> int:
    """The columns of the terminal that a table would like to have."""
    return Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).maximum


def _table(statement: Statement, columns: Sequence[Column], title: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for name in statement.by:
        table.add_column(name.replace("_", " "), overflow="fold")
    for column in columns:
        table.add_column(column.title.replace("have cost", "\nhave cost").replace(" tries", "\ntries"), justify="right", no_wrap=True)
    sums = [*(row.sums for row in statement.rows), *([statement.rest] if statement.rest_rows else []), statement.total]
    for names, numbers in zip(_names(statement), texts(columns, sums), strict=True):
        table.add_row(*map(escape, names), *numbers)
    if len(table.rows) > 1:
        table.rows[-2].end_section = True
    return table


def _names(statement: Statement) -> list[tuple[str, ...]]:
    """The first cells of every line, as they may be shown."""
    blanks = ("",) * (len(statement.by) - 1)
    names = [tuple(map(printable, row.names)) for row in statement.rows]
    rest = [(f"({statement.rest_rows} more)", *blanks)] if statement.rest_rows else []
    return [*names, *rest, ("total", *blanks)]
