"""The report for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from extproc.bench.limits.report import LEAST_THROUGHPUT, MOST_ADDED_MS, Report
from extproc.bench.report import Ratio


def show(report: Report, console: Console) -> None:
    """Prints what limits add, what it is made of, and whether it is within the bars."""
    console.print(_rows(report), _steps(report), _headline(report))
    if report.failed:
        console.print(f"[bold red]{report.failed} requests failed or passed undecided; nothing here is worth anything.")


def _headline(report: Report) -> Table:
    title = f"{report.limits} limits on 5 levels: with, against without; median of {report.rounds} rounds [quartiles]"
    table = Table(title=title, title_justify="left")
    for name in ("", "", "", "bar"):
        table.add_column(name, justify="left" if not table.columns else "right")
    table.add_row("added latency, p50, 1 client, ms", *_spread(report.added_p50_ms, 3), f"<= {MOST_ADDED_MS}")
    table.add_row("latency, p50, 1 client, ratio", *_spread(report.latency_ratio, 2), "")
    table.add_row("requests/s, 32 clients, ratio", *_spread(report.throughput_ratio, 3), f">= {LEAST_THROUGHPUT}")
    return table


def _rows(report: Report) -> Table:
    table = Table(title="one row a gateway and workload; processor time a request", title_justify="left")
    table.add_column("workload")
    table.add_column("limits")
    for name in ("p50 ms", "p99 ms", "req/s", "workers µs", "Envoy µs", "store µs", "scripts", "scripts µs", "failed"):
        table.add_column(name, justify="right")
    for row in report.rows:
        times = (f"{row.workers_cpu_us:.0f}", f"{row.envoy_cpu_us:.0f}", f"{row.store_cpu_us:.0f}")
        scripts = (f"{report.scripts.get(row.system, 0):.2f}", f"{report.script_us.get(row.system, 0):.0f}")
        failed = str(row.failed) if row.failed else ""
        table.add_row(
            row.workload, row.system, f"{row.p50_ms:.3f}", f"{row.p99_ms:.3f}", f"{row.requests_per_s:,.0f}", *times, *scripts, failed
        )
    return table


def _steps(report: Report) -> Table:
    table = Table(title="the steps in the store by themselves, a request", title_justify="left")
    table.add_column("step")
    for name in ("round trip, p50 µs", "script µs", "store's processor time µs", "requests"):
        table.add_column(name, justify="right")
    for step in report.steps:
        round_trip = "" if step.round_trip_us is None else f"{step.round_trip_us:.0f}"
        table.add_row(step.name, round_trip, f"{step.server_us:.0f}", f"{step.cpu_us:.0f}", f"{step.calls:,}")
    return table


def _spread(ratio: Ratio, digits: int) -> tuple[str, str]:
    if ratio.median is None or ratio.low is None or ratio.high is None:
        return "not measured", ""
    return f"{ratio.median:.{digits}f}", f"[{ratio.low:.{digits}f}, {ratio.high:.{digits}f}]"
