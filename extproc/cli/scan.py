"""`tiermesh scan`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from extproc.cli.inspecting import inspector_of
from extproc.cli.rows import complain, rows
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0 when every row was scanned, 1 when some could not be; those are named on standard error."""
    inspector = inspector_of(args.config, clock or SystemClock())
    found: list[Mapping[str, Any]] = []
    is_whole = True
    for number, row in rows(args.file):
        if isinstance(row, str):
            complain(args.file, number, row)
            is_whole = False
            continue
        verdict = {"id": row.members.get("id"), **inspector.verdict(row)}
        if args.table:
            found.append(verdict)
        else:
            print(json.dumps(verdict), flush=args.file == "-")
    if args.table:
        _show(found)
    return 0 if is_whole else 1


def _show(found: list[Mapping[str, Any]]) -> None:
    table = Table("request", "verdict", "kinds", "unread", "ms")
    table.columns[4].justify = "right"
    for one in found:
        kinds = ", ".join(f"{kind} {count}" for kind, count in one["kinds"].items())
        colour = "green" if one["verdict"] == "clean" else "red"
        cells = (f"[{colour}]{one['verdict']}[/]", escape(kinds), ", ".join(one["unread"]), f"{one['ms']:.2f}")
        table.add_row(escape(str(one["id"])), *cells)
    sensitive = sum(one["verdict"] == "sensitive" for one in found)
    console = page()
    console.print(table)
    console.print(f"{sensitive} of {len(found)} sensitive", highlight=False)
