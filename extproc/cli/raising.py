"""`tiermesh raise`: more of a limit, for one scope, until some day, for a reason."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rich.markup import escape
from rich.table import Table

from extproc.cli import stored
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock
from extproc.config import Limit, Policy, compile_config, load
from extproc.config.limits import Measure
from extproc.errors import StartError
from extproc.limits import Event, Raise, count_of, put_raise, read_raised
from extproc.report import read_organisations
from extproc.scope import matches, parse, text_of
from extproc.store import Store

_MICRO = 1_000_000
_SPANS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0 when it is raised, ended or listed."""
    config = load(args.file)
    policy = compile_config(config)
    now_s = (clock or SystemClock()).wall()
    with stored.found(config) as url:
        if args.limit is None:
            asyncio.run(_list(url, policy, now_s, as_json=args.json))
        else:
            asyncio.run(_raise(url, args, policy, now_s))
    return 0


async def _raise(url: str, args: argparse.Namespace, policy: Policy, now_s: float) -> None:
    limit = _limit(policy, args.limit)
    scope = parse(args.scope)
    if not matches(limit.pattern, scope):
        raise StartError(f"`{args.scope}` is not a scope that `{limit.name}` counts: {text_of(limit.pattern)}")
    by = 0 if args.end else _amount(limit, args.by)
    until = now_s if args.end else until_of(args.until, now_s)
    if not args.end and not args.reason:
        raise StartError("a raise needs a --reason: it is what is read when somebody asks why")
    raised = Raise(by, until, args.reason or "ended", now_s, args.who or getpass.getuser())
    name = count_of(limit, scope, now_s).name
    cap, counted = limit.amount + by, name.partition("|")[2]
    event = Event("raise", limit.name, counted, limit.of.value, 0, 0, cap, "", is_enforced=limit.is_enforced, reason=raised.reason)
    async with stored.opened(url) as store:
        await put_raise(store, scope[0], name, raised, event)
    until_when = f"from now until {_moment(until)}" if by else "again"
    print(f"{limit.name} of {counted}: {_shown(limit, cap)} {until_when}")


def _limit(policy: Policy, name: str) -> Limit:
    found = next((limit for limit in policy.limits if limit.name == name), None)
    if found is None:
        raise StartError(f"no limit is called `{name}`; there is {', '.join(limit.name for limit in policy.limits) or 'none'}")
    return found


def _amount(limit: Limit, text: str | None) -> int:
    if text is None or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        raise StartError("say --by how much: a number in the limit's own unit, such as 200 or 12.50")
    amount = Decimal(text)
    if limit.of is Measure.USD:
        return int(amount * _MICRO)
    if amount != int(amount):
        raise StartError(f"`{limit.name}` counts whole {limit.of}: {text} is none")
    return int(amount)


def until_of(text: str | None, now_s: float) -> float:
    """`3d`, `12h`, `2w`, or a time such as 2026-12-01 or 2026-12-01T08:00+01:00 (UTC unless it says otherwise), as epoch seconds."""
    if text is None:
        raise StartError("say --until when, such as 3d, 12h or 2026-12-01")
    if span := re.fullmatch(r"([0-9]{1,4})([mhdw])", text):
        return now_s + timedelta(**{_SPANS[span[2]]: int(span[1])}).total_seconds()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise StartError(f"`{text}` is no time: write 3d, 12h or 2026-12-01") from None
    until = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if until <= now_s:
        raise StartError(f"`{text}` is over already")
    return until


async def _list(url: str, policy: Policy, now_s: float, *, as_json: bool) -> None:
    async with stored.opened(url) as store:
        rows = await _raised(store)
    if as_json:
        members = [
            {"limit": name.partition("|")[0], "scope": name.partition("|")[2], "by": held.by, "until": held.until, "at": held.at}
            | {"who": held.who, "reason": held.reason, "is_over": held.until <= now_s}
            for name, held in rows
        ]
        print(json.dumps({"raises": members}))
        return
    table = Table("limit", "scope", "by", "until", "who", "when", "reason", title="every raise, oldest first")
    for name, held in rows:
        limit, _, scope = name.partition("|")
        known = next((one for one in policy.limits if one.name == limit), None)
        by = _shown(known, held.by) if known else str(held.by)
        over = "" if held.until > now_s else " (over)"
        table.add_row(limit, escape(scope), by, _moment(held.until) + over, escape(held.who), _moment(held.at), escape(held.reason))
    page().print(table if rows else "Nothing has been raised.")


async def _raised(store: Store) -> Sequence[tuple[str, Raise]]:
    organisations = await read_organisations(store)
    return sorted([row for name in organisations for row in await read_raised(store, name)], key=lambda row: row[1].at)


def _shown(limit: Limit, amount: int) -> str:
    return f"{amount / _MICRO:,.2f} USD" if limit.of is Measure.USD else f"{amount:,} {limit.of}"


def _moment(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
