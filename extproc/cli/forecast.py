"""`tiermesh forecast`."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from extproc.cli import stored
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock
from extproc.config import Limit, compile_config, load
from extproc.config.limits import Measure, Per
from extproc.errors import StartError
from extproc.limits import Account
from extproc.report import MIN_DAYS, Filter, Forecast, History, Lines, Now, moment, money, money_digits, path_of, printable, zone_of
from extproc.scope import LEVELS

_Rows = Sequence[tuple[str, Forecast]]
_Budgets = Mapping[str, int]  # micro-USD, by the name of a row


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
    limits = _monthly(compile_config(config).limits, args.by)
    with stored.found(config) as url:
        asyncio.run(stored.read(url, wanted, now.window.hours, lines, [parts, whole]))
        budgets = _budgets(asyncio.run(stored.accounts(url, wanted, limits, now.wall_s))) if limits else {}
    interval = args.interval / 100
    rows = [(group[0], forecast) for group, forecast in parts.forecasts(interval=interval)]
    totals = [("total", forecast) for _, forecast in whole.forecasts(interval=interval)]
    if args.json:
        print(json.dumps(_json(args, now, rows, totals, budgets)))
    else:
        _show(args, now, rows, totals, budgets)
    return 0


def _monthly(limits: Sequence[Limit], by: str) -> list[Limit]:
    """The limits that are a month's budget of one row each."""
    levels = LEVELS.index(by) + 1 if by in LEVELS else 0
    return [limit for limit in limits if limit.of is Measure.USD and limit.per is Per.MONTH and len(limit.pattern) == levels]


def _budgets(accounts: Sequence[Account]) -> _Budgets:
    """What each may spend in its month, raises included; the least where several limits say."""
    budgets: dict[str, int] = {}
    for account in accounts:
        name = path_of(stored.levels_of(account))
        budgets[name] = min(account.cap, budgets.get(name, account.cap))
    return budgets


def _json(args: argparse.Namespace, now: Now, rows: _Rows, totals: _Rows, budgets: _Budgets) -> dict[str, Any]:
    return {
        "from": str(now.month.first),
        "to": str(now.month.last),
        "at": moment(now.wall_s, now.zone),
        "timezone": args.timezone,
        "scope": args.scope,
        "by": args.by,
        "interval_percent": args.interval,
        "days_needed": MIN_DAYS,
        "rows": [{args.by: name} | _members(forecast) | {"budget_micro_usd": budgets.get(name)} for name, forecast in rows],
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


def _show(args: argparse.Namespace, now: Now, rows: _Rows, totals: _Rows, budgets: _Budgets) -> None:
    console = page()
    if not rows:
        console.print("Nothing has been spent yet.", highlight=False)
        return
    title = f"{now.month.first} to {now.month.last}, as of {moment(now.wall_s, now.zone)} ({args.timezone})"
    table = Table(title=escape(title + (f", {args.scope}" if args.scope else "")), title_justify="left")
    table.add_column(args.by.replace("_", " "), overflow="fold")
    for heading in ("spent so far", "month end", f"{args.interval} % interval", "days of history", *(["budget"] if budgets else [])):
        table.add_column(heading, justify="right")
    digits = money_digits(forecast.expected_micro_usd or forecast.spent_micro_usd for _, forecast in totals)
    for name, forecast in rows:
        table.add_row(*_cells(name, forecast, digits, budgets.get(name))[: len(table.columns)])
    table.rows[-1].end_section = True
    for name, forecast in totals:
        table.add_row(*_cells(name, forecast, digits, None)[: len(table.columns)])
    console.print(table)


def _cells(name: str, forecast: Forecast, digits: int, budget: int | None) -> tuple[str, ...]:
    shown, spent, days = escape(printable(name)), money(forecast.spent_micro_usd, digits), str(forecast.days)
    allowed = "" if budget is None else money(budget, digits)
    expected, low, high = forecast.expected_micro_usd, forecast.low_micro_usd, forecast.high_micro_usd
    if expected is None or low is None or high is None:
        return shown, spent, "", f"too little history ({forecast.days} of {MIN_DAYS} days)", days, allowed
    colour = "" if budget is None or high <= budget else "red" if expected > budget else "yellow"
    month_end = f"[{colour}]{money(expected, digits)}[/]" if colour else money(expected, digits)
    return shown, spent, month_end, f"{money(low, digits)} to {money(high, digits)}", days, allowed
