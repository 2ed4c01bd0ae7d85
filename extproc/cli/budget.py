"""`tiermesh budget`."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from extproc.cli import stored
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock
from extproc.config import Limit, compile_config, load
from extproc.config.limits import Measure
from extproc.errors import StartError
from extproc.limits import Account
from extproc.limits.window import rfc3339
from extproc.report import Filter, moment, money, path_of, zone_of

_BAR_CELLS = 20
_SPENT, _RESERVED, _FREE = "█", "▒", "·"
_WARNING_SHARE = 0.8


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0, whatever has been used up."""
    config = load(args.file)
    limits = [limit for limit in compile_config(config).limits if args.limit in ("", limit.name)]
    if not limits:
        raise StartError(f"there is no limit {args.limit!r}, or it is off" if args.limit else "no limits are configured, or all are off")
    try:
        wanted = Filter.parse(args.scope)
    except ValueError as error:
        raise StartError(str(error)) from error
    wall_s = (clock or SystemClock()).wall()
    with stored.found(config) as url:
        accounts = asyncio.run(stored.accounts(url, wanted, limits, wall_s))
    shown = sorted(accounts, key=lambda account: (-account.share, account.scope, account.limit.name))
    if args.json:
        print(json.dumps({"at": rfc3339(wall_s), "scope": args.scope, "rows": [_members(account) for account in shown]}))
    else:
        _show(shown, limits)
    return 0


def _members(account: Account) -> dict[str, Any]:
    limit = account.limit
    return {
        "limit": limit.name,
        "scope": path_of(stored.levels_of(account)),
        "of": limit.of.value,
        "unit": "micro_usd" if limit.of is Measure.USD else "requests" if limit.of in (Measure.REQUESTS, Measure.IN_FLIGHT) else "tokens",
        "per": limit.per.value if limit.per else None,
        "enforced": limit.is_enforced,
        "spent": account.spent,
        "reserved": account.reserved,
        "cap": account.cap,
        "share": round(account.share, 6),
        "ends_at": rfc3339(account.ends_at, limit.timezone) if account.ends_at else None,
        "raised": _raised(account),
    }


def _raised(account: Account) -> dict[str, Any] | None:
    raised = account.raised
    return None if raised is None else asdict(raised) | {"at": rfc3339(raised.at), "until": rfc3339(raised.until)}


def _show(accounts: Sequence[Account], limits: Sequence[Limit]) -> None:
    console = page()
    if accounts:
        table = Table("scope", "limit", "", "", "used", "of", "until", "")
        for column in table.columns[:-1]:
            column.no_wrap, column.overflow = True, "fold"  # notes give way to all the others
        for column in table.columns[3:6]:
            column.justify = "right"
        for account in accounts:
            table.add_row(*_cells(account))
        console.print(table)
        console.print(f"{_SPENT} spent  {_RESERVED} reserved by requests that have not ended", highlight=False)
    idle = sorted({limit.name for limit in limits} - {account.limit.name for account in accounts})
    if idle:
        console.print(f"Nothing counted now by: {escape(', '.join(idle))}.", highlight=False)


def _cells(account: Account) -> tuple[str, ...]:
    limit = account.limit
    colour = "red" if account.share >= 1 else "yellow" if account.share >= _WARNING_SHARE else "green"
    kind = f"{limit.of.value.replace('_', ' ')}{f' a {limit.per.value}' if limit.per else ''}"
    return (
        escape(path_of(stored.levels_of(account))),
        f"{limit.name} ({kind})",
        f"[{colour}]{bar(account.spent, account.reserved, account.cap)}[/]",
        f"{int(account.share * 100)}%",
        amount(limit, account.used),
        amount(limit, account.cap),
        moment(account.ends_at, zone_of(limit.timezone)) if account.ends_at else "",
        escape(", ".join(_notes(account))),
    )


def _notes(account: Account) -> list[str]:
    limit, raised = account.limit, account.raised
    notes = [] if limit.is_enforced else ["shadow"]
    if raised is not None:
        until = moment(raised.until, zone_of(limit.timezone))
        notes.append(f"raised by {amount(limit, raised.by)} until {until} ({raised.who}: {raised.reason})")
    if limit.is_enforced and limit.downgrade_at and account.share * 100 >= limit.downgrade_at:
        notes.append("downgraded")
    return notes


def amount(limit: Limit, value: int) -> str:
    """An amount in a limit's unit."""
    return money(value) if limit.of is Measure.USD else f"{value:,}"


def bar(spent: int, reserved: int, cap: int) -> str:
    """How much of a cap is gone. Anything spent shows, and it is full only when nothing is left."""
    if cap <= 0:
        return _SPENT * _BAR_CELLS
    used = _filled(spent + reserved, cap)
    solid = min(used, _filled(spent, cap))
    return _SPENT * solid + _RESERVED * (used - solid) + _FREE * (_BAR_CELLS - used)


def _filled(value: int, cap: int) -> int:
    if value >= cap:
        return _BAR_CELLS
    return min(_BAR_CELLS - 1, max(1, round(_BAR_CELLS * value / cap))) if value > 0 else 0
