"""The report for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from extproc.bench.day.report import Report


def show(report: Report, console: Console) -> None:
    """Prints the totals beside each other, the sizes and the times, and last whether all is exact."""
    console.print(_totals(report), _size(report), _times(report))
    for difference in report.differences:
        console.print(f"[bold red]{difference}", highlight=False)
    if not report.differences:
        cost = report.truth.sums["cost_micro_usd"]
        console.print(
            f"{cost:,} micro-USD ({cost / 1e6:,.6f} USD) for {report.requests:,} requests: all totals are equal.", highlight=False
        )


def _totals(report: Report) -> Table:
    truth, books = report.truth, report.books
    table = Table(title=f"a day of {report.requests:,} requests, seed {report.seed}", title_justify="left")
    for name in ("", "a plain sum", "the books", "difference"):
        table.add_column(name, justify="right" if name else "left")
    rows = [(f"rollups: {name}", truth.sums[name], value) for name, value in books.sums.items()]
    rows += [(f"tiermesh report --by {by}: cost", truth.sums["cost_micro_usd"], total) for by, total in report.commands_micro_usd.items()]
    rows += [
        (f"counts: spent by the {report.leased:,} leased requests", truth.leased["cost_micro_usd"], books.spent_micro_usd),
        ("counts: still reserved", 0, books.reserved_micro_usd),
        ("counts: still in flight", 0, books.in_flight),
        ("leases still open", 0, books.open_leases),
        ("settled a second time, and known", report.repeated, report.known),
    ]
    for name, expected, found in rows:
        table.add_row(name.replace("_micro_usd", ", micro-USD").replace("_", " "), f"{expected:,}", f"{found:,}", f"{found - expected:,}")
    return table


def _size(report: Report) -> Table:
    size = report.size
    table = Table(title="what it takes", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    per_line = size.hour_bytes / max(size.lines, 1)
    folded = f"{size.folded_requests:,} ({size.folded_requests / report.requests:.1%})"
    for name, value in (
        ("lines of the rollups", f"{size.lines:,}"),
        (f"most of them in an hour (of {report.most_lines:,} it may have)", f"{size.most_lines_an_hour:,}"),
        ("requests in a line that stands for others", folded),
        ("rollups in memory", f"{size.hour_bytes / 1e6:,.1f} MB ({per_line:.0f} bytes a line)"),
        ("the whole store in memory", f"{size.store_bytes / 1e6:,.1f} MB"),
        ("its append-only file", f"{size.log_bytes / 1e6:,.1f} MB"),
    ):
        table.add_row(name, value)
    return table


def _times(report: Report) -> Table:
    times = report.times
    table = Table(title="how long it takes", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    rate, store_us = report.requests / times.settling_s, times.store_cpu_s * 1e6 / report.requests
    table.add_row("settling, records made here included", f"{times.settling_s:,.1f} s, {rate:,.0f} requests/s")
    table.add_row("of it the store's processor", f"{times.store_cpu_s:,.1f} s, {store_us:.0f} µs a request")
    for by, took_s in times.reports_s.items():
        table.add_row(f"tiermesh report --by {by}", f"{took_s:.2f} s ({times.reading_s[by]:.2f} s to read and add up)")
    return table
