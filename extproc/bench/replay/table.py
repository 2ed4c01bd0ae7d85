"""The report for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from extproc.bench.replay.configuration import TIERS
from extproc.bench.replay.report import Report

_NAMES = {
    "frontier": "everything at the most capable tier",
    "naive": "every request by its score alone",
    "sticky": "each session at the one tier that is enough",
    "ours": "TierMesh",
}


def show(report: Report, console: Console) -> None:
    """Prints the four ways, the sessions, and last whether all is as it has to be."""
    console.print(_ways(report), _sessions(report))
    for failure in report.failures:
        console.print(f"[bold red]{failure}", highlight=False)
    if not report.failures:
        of_frontier, of_sticky = (report.ours.cost_micro_usd / way.cost_micro_usd for way in (report.frontier, report.sticky))
        console.print(
            f"{of_frontier:.1%} of the most capable tier alone, {of_sticky:.1%} of the one tier that is enough; every pin held.",
            highlight=False,
        )


def _ways(report: Report) -> Table:
    table = Table(title=f"{report.sessions} sessions, seed {report.seed}", title_justify="left")
    for name in ("", "cost", "/".join(TIERS), "read from caches", "tier changes", "pins broken", "below need (bound)"):
        table.add_column(name, justify="right" if name else "left")
    for way in report.ways:
        figures = way.as_json()
        table.add_row(
            _NAMES[way.name],
            f"${way.cost_micro_usd / 1e6:,.4f}",
            "/".join(str(figures["tiers"][tier]) for tier in TIERS),
            f"{figures['cached_share']:.0%}",
            str(way.tier_changes),
            str(way.broken_pins),
            f"{way.below} ({way.bound_below})",
        )
    return table


def _sessions(report: Report) -> Table:
    table = Table(title="what each costs, US dollars", title_justify="left")
    table.add_column("session")
    for way in report.ways:
        table.add_column(way.name, justify="right")
    for name in report.ours.sent:
        table.add_row(name, *(f"{sum(request.cost_micro_usd for request in way.sent[name]) / 1e6:.4f}" for way in report.ways))
    return table
