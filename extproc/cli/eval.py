"""`tiermesh eval`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from extproc.bench.quality import Baseline, Judge, Labelled, Outcome, Report, Share, judged, report
from extproc.bench.quality.residency import Group
from extproc.cli.inspecting import Inspector, inspector_of
from extproc.cli.rows import Row, complain, rows
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock

_RIVALS = ("tiermesh", "baseline")


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0, or 1 when a row could not be used; the figures are of the others."""
    subjects: dict[str, Callable[[argparse.Namespace, Clock], int]] = {"residency": _residency, "routing": _routing}
    return subjects[args.subject](args, clock or SystemClock())


def _routing(args: argparse.Namespace, clock: Clock) -> int:
    from extproc.cli import eval_routing

    return eval_routing.run(args, clock)


def _residency(args: argparse.Namespace, clock: Clock) -> int:
    inspector = inspector_of(args.config, clock)
    judges: tuple[Judge, ...] = (inspector.scanner, Baseline())
    outcomes: list[list[Outcome]] = [[] for _ in judges]
    is_whole = True
    for row in _usable(args.files):
        if row is None:
            is_whole = False
            continue
        for judge, kept in zip(judges, outcomes, strict=True):
            kept.append(_outcome(inspector, judge, *row))
    reports = {name: report(kept) for name, kept in zip(_RIVALS, outcomes, strict=True)}
    if args.json:
        members = {name: made.to_json() for name, made in reports.items()}
        print(json.dumps({"files": args.files, "rows": len(outcomes[0])} | members))
    else:
        _show(reports, args.show)
    return 0 if is_whole else 1


def _usable(files: list[str]) -> Iterator[tuple[Row, Labelled] | None]:
    for name in files:
        for number, row in rows(name):
            try:
                if isinstance(row, str):
                    raise ValueError(row)
                yield row, Labelled.of(row.members)
            except ValueError as problem:
                complain(name, number, str(problem))
                yield None


def _outcome(inspector: Inspector, judge: Judge, row: Row, labelled: Labelled) -> Outcome:
    return judged(judge, labelled, inspector.read(row), inspector.clock)


def _show(reports: Mapping[str, Report], is_naming: bool) -> None:
    console = page()
    ours, theirs = (reports[name] for name in _RIVALS)
    console.print(_overall(reports))
    splits = {
        "kind": (ours.by_kind, theirs.by_kind),
        "where": (ours.by_where, theirs.by_where),
        "language": (ours.by_language, theirs.by_language),
    }
    for title, (by, rival) in splits.items():
        if by:
            console.print(_split(title, by, rival))
    if is_naming:
        _name(console, ours)


def _overall(reports: Mapping[str, Report]) -> Table:
    table = Table("", "recall on sensitive", "95%", "false positives on clean", "95%", "p50 ms", "p99 ms")
    for name, made in reports.items():
        group = made.overall
        shares = (*_cells(group.recall), *_cells(group.false_positives))
        table.add_row(name, *shares, f"{made.p50_ms:.3f}", f"{made.p99_ms:.3f}")
    return table


def _split(title: str, by: Mapping[str, Group], rival: Mapping[str, Group]) -> Table:
    table = Table(title, "recall", "95%", "false positives", "95%", "baseline's recall", "baseline's false positives")
    for name, group in by.items():
        shares = (*_cells(group.recall), *_cells(group.false_positives))
        table.add_row(escape(name), *shares, _percent(rival[name].recall), _percent(rival[name].false_positives))
    return table


def _name(console: Console, made: Report) -> None:
    console.print(f"missed: {escape(' '.join(made.missed) or 'none')}", highlight=False)
    console.print(f"wrongly flagged: {escape(' '.join(made.false) or 'none')}", highlight=False)


def _cells(share: Share) -> tuple[str, str]:
    if not share.of:
        return "", ""
    low, high = share.interval()
    return f"{_percent(share)} ({share.count}/{share.of})", f"{low:.1%} to {high:.1%}"


def _percent(share: Share) -> str:
    return "" if share.share is None else f"{share.share:.1%}"
