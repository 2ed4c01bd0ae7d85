"""`tiermesh explain`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from extproc.cli.local_pipeline import pipeline_of
from extproc.cli.table import page
from extproc.config import Api, spelling
from extproc.dialects import Refusal
from extproc.errors import StartError
from extproc.explain import Explanation, api_from, explain
from extproc.scope import Scope, parse


def run(args: argparse.Namespace) -> int:
    """0 with a decision, 1 when the request would be refused."""
    body = _read(args.file)
    explained = explain(pipeline_of(args.config), _api(args.api, body), body, _scope(args.scope))
    if isinstance(explained, Refusal):
        refused = {"kind": "refused", "status": explained.status, "code": explained.code, "message": explained.message}
        print(json.dumps({"decision": refused}) if args.json else f"refused with {explained.status} {explained.code}: {explained.message}")
        return 1
    if args.json:
        print(json.dumps(explained.to_json()))
    else:
        _show(explained)
    return 1 if explained.decision["kind"] == "refused" else 0


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise StartError(f"{name} cannot be read: {error.strerror}") from error


def _scope(given: str) -> Scope:
    try:
        return parse(spelling.scope(given))
    except ValueError as error:
        raise StartError(f"--scope {error}") from error


def _api(given: str | None, body: bytes) -> Api:
    if given:
        return Api(given)
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return Api.CHAT  # whatever it is, the refusal says what is wrong with it
    return api_from(members) if isinstance(members, dict) else Api.CHAT


def _show(explained: Explanation) -> None:
    console = page()
    facts = "  ".join(f"{name}={_plain(value)}" for name, value in explained.request.items())
    console.print(f"[bold]request[/]   {facts}", highlight=False)
    if explained.verdict:
        scores = "  ".join(f"{name}={_plain(value)}" for name, value in explained.verdict.items())
        console.print(f"[bold]score[/]     {scores}", highlight=False)
    console.print(f"[bold]residency[/] {_residency(explained.residency)}", highlight=False)
    if explained.routing:
        console.print(_routing_table(explained.routing))
    steps = " < ".join(f"{tier['tier']} (up to {tier['up_to']:g})" for tier in explained.tiers)
    console.print(f"[bold]tiers[/]     {steps}", highlight=False)
    console.print(_backend_table(explained))
    decision = explained.decision
    if decision["kind"] == "refused":
        console.print(f"[bold]decision[/]  refused with {decision['status']} {decision['code']}: {decision['message']}", highlight=False)
        return
    console.print(f"[bold]decision[/]  {decision['kind']} to {' then '.join(decision['chain'])}, tier {decision['tier']}", highlight=False)
    console.print(f"[bold]because[/]   {', '.join(decision['reasons'])}", highlight=False)
    cost, asked = decision["cost_micro_usd"] / 1e6, decision["asked_cost_micro_usd"] / 1e6
    console.print(
        f"[bold]cost[/]      ${cost:.6f} instead of ${asked:.6f}, if the answer takes {decision['assumed_answer_tokens']} tokens",
        highlight=False,
    )


def _residency(residency: dict[str, Any]) -> str:
    if not residency["is_read"]:
        return "not read: residency.mode is off"
    if not residency["kinds"]:
        return "nothing that may not leave"
    kinds = ", ".join(f"{kind} x{count}" for kind, count in residency["kinds"].items())
    by = f" by {', '.join(residency['rules'])}" if residency["rules"] else " by default"
    return f"{residency['action']}{by}: {kinds}" + ("" if residency["is_enforced"] else " (shadow)")


def _routing_table(routing: dict[str, Any]) -> Table:
    """One row a step, in the order in which they are taken."""
    table = Table("step", "what it says", title="routing", title_justify="left")
    followed = "" if routing["is_followed"] else ", not followed"
    wanted, otherwise = routing["wanted"], routing["otherwise_micro_usd"]
    rows = (
        ("mode", f"{routing['mode']}{followed}"),
        ("pins", ", ".join(routing["pins"]) or "none"),
        ("past", f"none here; a turn is expected to take {routing['turns_ahead']} requests"),
        ("loop", _loop(routing)),
        ("housekeeping", routing["housekeeping"] or "no"),
        ("asked for", routing["asked_tier"] or "no tier"),
        ("rules", "; ".join(map(_rule, routing["rules"])) or "none fits"),
        ("thresholds", ", ".join(f"{end:g}" for end in routing["thresholds"])),
        ("wanted", f"{wanted['tier']}: {', '.join(wanted['reasons'])}"),
        ("prices", "; ".join(_price(*named) for named in routing["prices_micro_usd_per_million"].items())),
        ("otherwise", ", ".join(f"{name.replace('_', ' ')} ${cost / 1e6:.6f}" for name, cost in otherwise.items())),
    )
    for step, says in rows:
        table.add_row(step, escape(says))
    return table


def _loop(routing: dict[str, Any]) -> str:
    signs = routing["loop"]
    if signs is None:
        return "no tool has just answered" if not routing["is_tool_turn"] else "not read"
    scores = " ".join(f"{name}={value:.2f}" for name, value in signs.items() if isinstance(value, float))
    return f"{signs['word']} from {signs['step_count']} steps: {scores}"


def _rule(rule: dict[str, Any]) -> str:
    return f"{rule['rule']} ({', '.join(f'{name}: {_plain(value)}' for name, value in rule.items() if name != 'rule')})"


def _price(backend: str, price: dict[str, int]) -> str:
    return f"{backend} " + "/".join(f"${price[name] / 1e6:g}" for name in ("input", "cached_input", "output"))


def _backend_table(explained: Explanation) -> Table:
    table = Table("backend", "tier", "where", "can it?", "attempt", "cost")
    for backend in explained.backends:
        table.add_row(
            backend["backend"],
            backend["tier"],
            backend["location"],
            f"no: {backend['misfit']}" if backend["misfit"] else "yes",
            str(backend["attempt"] or ""),
            f"${backend['cost_micro_usd'] / 1e6:.6f}",
        )
    return table


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
