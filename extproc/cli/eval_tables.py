"""The figures of `tiermesh eval routing` as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from extproc.bench.quality.resample import Estimate
from extproc.bench.quality.routellm import Figures
from extproc.bench.quality.routing import Group
from extproc.bench.quality.share import Share
from extproc.bench.quality.tiered import TIERS
from extproc.cli.table import page

if TYPE_CHECKING:
    from extproc.cli.eval_routing import Evaluation


def show(evaluation: Evaluation | None, questions: Mapping[str, Mapping[str, Figures]]) -> None:
    """Everything on standard output."""
    console = page()
    if evaluation is not None:
        _show_rows(console, evaluation)
    for name, by in questions.items():
        table = Table(f"RouteLLM {escape(name)}", "APGR", "95%", "CPT50 %", "95%", "CPT80 %", "95%")
        for judge, one in by.items():
            table.add_row(judge, *_cells(one.apgr), *_cells(one.cpt50, 1), *_cells(one.cpt80, 1))
        console.print(table)


def _show_rows(console: Console, evaluation: Evaluation) -> None:
    console.print(f"{evaluation.rows} rows, model {evaluation.model[:12]}", highlight=False)
    console.print(_groups("judge", evaluation.judges))
    console.print(_confusion(evaluation.judges["tiermesh"]))
    for title, by in evaluation.splits.items():
        if by:
            console.print(_groups(title, by))
    table = Table("scores", "value", "95%")
    for name, one in evaluation.calibrations.items():
        table.add_row(f"ECE of P({name} suffices)", *_cells(one.error))
    table.add_row("Spearman with the tiers' order", *_cells(evaluation.order))
    console.print(table)
    flips = Table("change", "tiers that flip", "95%", "complex to simple")
    for name, flip in evaluation.flips.items():
        flips.add_row(name, *_share(flip.flips), _share(flip.top_to_bottom)[0])
    console.print(flips)
    p50, p99 = evaluation.latency_us
    console.print(f"text to decision: p50 {p50:.0f} us, p99 {p99:.0f} us", highlight=False)


def _groups(title: str, groups: Mapping[str, Group]) -> Table:
    table = Table(title, "accuracy", "95%", "cost", "95%", "complex to simple", "95%", "simple to complex", "95%")
    for name, one in groups.items():
        wrong = (*_share(one.complex_to_simple), *_share(one.simple_to_complex))
        table.add_row(escape(name), *_share(one.accuracy), *_cells(one.cost), *wrong)
    return table


def _confusion(one: Group) -> Table:
    table = Table("needed", *(f"chosen {tier}" for tier in TIERS))
    for tier, counts in zip(TIERS, one.confusion, strict=True):
        table.add_row(tier, *map(str, counts))
    return table


def _share(share: Share) -> tuple[str, str]:
    if share.share is None:
        return "", ""
    low, high = share.interval()
    return f"{share.share:.1%} ({share.count}/{share.of})", f"{low:.1%} to {high:.1%}"


def _cells(one: Estimate, digits: int = 3) -> tuple[str, str]:
    return f"{one.value:.{digits}f}", f"{one.low:.{digits}f} to {one.high:.{digits}f}"
