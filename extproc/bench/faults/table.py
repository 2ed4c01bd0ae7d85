"""The report for people."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from extproc.bench.faults.ledger import Ledger
from extproc.bench.faults.report import Outcome, Report
from extproc.bench.faults.seen import Seen

_ROWS: tuple[tuple[str, Callable[[Ledger], str]], ...] = (
    ("served by the backends", lambda ledger: f"{ledger.served:,} for {_usd(ledger.served_micro_usd)}"),
    ("billed", lambda ledger: f"{ledger.billed:,} for {_usd(ledger.billed_micro_usd)}"),
    ("  of it estimated, and marked", lambda ledger: f"{ledger.estimated:,} for {_usd(ledger.estimated_micro_usd)}"),
    ("  of it lost: charged unheard", lambda ledger: f"{ledger.lost:,}"),
    ("  charged unheard, then put right", lambda ledger: f"{ledger.mended:,}"),
    ("  of it undecided, no worker answered", lambda ledger: f"{ledger.undecided:,}"),
    ("refused", lambda ledger: f"{ledger.refused:,}"),
    ("the organisation's limit: spent", lambda ledger: _usd(ledger.spent_micro_usd)),
    ("reserved, in flight, open leases", lambda ledger: f"{_usd(ledger.reserved_micro_usd)}, {ledger.in_flight:,}, {ledger.open_leases:,}"),
    ("records", lambda ledger: f"{ledger.records:,}"),
    ("billed twice", lambda ledger: f"{ledger.double:,} for {_usd(ledger.double_micro_usd)}"),
    ("missing and not marked", lambda ledger: f"{ledger.missing:,} for {_usd(ledger.missing_micro_usd)}"),
    ("other than the backend counted", lambda ledger: f"{ledger.miscounted:,}"),
)


def show(report: Report, console: Console) -> None:
    """Prints an experiment after the other."""
    for outcome in report.outcomes:
        console.print(_seen(outcome), _ledgers(outcome))
    if report.wrong:
        console.print(f"[bold red]The books are not right after: {', '.join(report.wrong)}.", highlight=False)
    else:
        console.print("Nothing was billed twice, and nothing is missing.", highlight=False)


def _seen(outcome: Outcome) -> Table:
    table = Table(title=f"{outcome.name}: {outcome.away_s:g} s", title_justify="left")
    table.add_column("requests sent")
    for name in ("sent", "200", "429", "503", "others", "no answer", "longest ms", "beyond the median ms", "in time"):
        table.add_column(name, justify="right")
    for phase, seen in outcome.phases.items():
        table.add_row(phase, *_cells(seen))
    return table


def _cells(seen: Seen) -> tuple[str, ...]:
    counts = tuple(f"{count:,}" if count else "" for count in (seen.ok, seen.limited, seen.unavailable, seen.other, seen.none))
    share = "" if seen.in_time is None else f"{seen.in_time:.1%}"
    return (f"{seen.sent:,}", *counts, _ms(seen.longest_ms), _ms(seen.added_ms), share)


def _ledgers(outcome: Outcome) -> Table:
    table = Table(title=f"the ledger, {outcome.settled_s:g} s after the last answer", title_justify="left")
    for name in ("", "before", "after"):
        table.add_column(name, justify="right" if name else "left")
    for name, text in _ROWS:
        table.add_row(name, text(outcome.before), text(outcome.after))
    return table


def _usd(micro_usd: int) -> str:
    return f"${micro_usd / 1e6:,.6f}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"
