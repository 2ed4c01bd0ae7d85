"""`tiermesh forecast`."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from extproc.cli import stored
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock
from extproc.config import load
from extproc.errors import StartError
from extproc.report import MIN_DAYS, Filter, Forecast, History, Lines, Now, moment, money, money_digits, zone_of

_Rows = Sequence[tuple[str, Forecast]]


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0, also where there is too little history to say anything."""
    config = load(args.file)
    try:
        now = Now((clock or SystemClock()).wall(), zone_of(args.timezone))
        wanted = Filter.parse(args.scope)
    except ValueError as error:
        raise StartError(str(error)) from error
    lines = Lines(wanted)
    parts, whole = History(lines, (args.by,), now), History(lines, (), now)
    with stored.found(config) as url:
        asyncio.run(stored.read(url, wanted, now.window.hours, lines, [parts, whole]))
    interval = args.interval / 100
    rows = [(group[0], forecast) for group, forecast in parts.forecasts(interval=interval)]
    totals = [("total", forecast) for _, forecast in whole.forecasts(interval=interval)]
    if args.json:
        print(json.dumps(_json(args, now, rows, totals)))
    else:
        _show(args, now, rows, totals)
    return 0


def _json(args: argparse.Namespace, now: Now, rows: _Rows, totals: _Rows) -> dict[str, Any]:
    return {
        "from": str(now.month.first),
        "to": str(now.month.last),
        "at": moment(now.wall_s, now.zone),
        "timezone": args.timezone,
        "scope": args.scope,
        "by": args.by,
        "interval_percent": args.interval,
        "days_needed": MIN_DAYS,
        "rows": [{args.by: name} | _members(forecast) for name, forecast in rows],
        "total": _members(totals[0][1]) if totals else None,
    }


def _members(forecast: Forecast) -> dict[str, int | None]:
    return {
        "spent_micro_usd": forecast.spent_micro_usd,
        "expected_micro_usd": forecast.expected_micro_usd,
        "low_micro_usd": forecast.low_micro_usd,
        "high_micro_usd": forecast.high_micro_usd,
        "days_of_history": forecast.days,
    }


def _show(args: argparse.Namespace, now: Now, rows: _Rows, totals: _Rows) -> None:
    console = page()
    if not rows:
        console.print("Nothing has been spent yet.", highlight=False)
        return
    title = f"{now.month.first} to {now.month.last}, as of {moment(now.wall_s, now.zone)} ({args.timezone})"
    table = Table(title=escape(title + (f", {args.scope}" if args.scope else "")), title_justify="left")
    table.add_column(args.by.replace("_", " "), overflow="fold")
    for heading in ("spent so far", "month end", f"{args.interval} % interval", "days of history"):
        table.add_column(heading, justify="right")
    digits = money_digits(forecast.expected_micro_usd or forecast.spent_micro_usd for _, forecast in totals)
    for name, forecast in rows:
        table.add_row(escape(name) or "-", *_cells(forecast, digits))
    table.add_section()
    for name, forecast in totals:
        table.add_row(name, *_cells(forecast, digits))
    console.print(table)


def _cells(forecast: Forecast, digits: int) -> tuple[str, str, str, str]:
    spent = money(forecast.spent_micro_usd, digits)
    expected, low, high = forecast.expected_micro_usd, forecast.low_micro_usd, forecast.high_micro_usd
    if expected is None or low is None or high is None:
        return spent, "", f"too little history ({forecast.days} of {MIN_DAYS} days)", str(forecast.days)
    return spent, money(expected, digits), f"{money(low, digits)} to {money(high, digits)}", str(forecast.days)
