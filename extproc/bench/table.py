"""The run and its report for people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich import progress as bars
from rich.console import Console
from rich.table import Table

from extproc.bench.engine import Progress
from extproc.bench.report import Ratio, Report, Row

_RATIOS = {
    "added_p50_vs_noop": "added latency (p50, 1 client), times the no-op filter's",
    "throughput_vs_noop": "requests/s (32 clients), times the no-op filter's",
    "added_p50_vs_envoy": "added latency (p50, 1 client), times plain Envoy's whole latency",
    "throughput_vs_envoy": "requests/s (32 clients), times plain Envoy's",
    "throughput_vs_litellm": "requests/s (32 clients), times LiteLLM's",
    "chunk_time_vs_envoy": "time between streamed chunks, times plain Envoy's",
}


@contextlib.contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """A bar on `console` while the block runs; the value is what `run` reports to."""
    columns = (bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeElapsedColumn(), bars.TextColumn("{task.description}"))
    with bars.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def step(done: int, of: int, what: str) -> None:
            bar.update(task, completed=done, total=of, description=what)

        yield step


def show(report: Report, console: Console) -> None:
    """Prints the rows, the systems and the ratios."""
    console.print(_rows(report), _systems(report), _ratios(report))
    for system in report.systems:
        if system.failed_open:
            console.print(f"[bold red]{system.system}: Envoy let {system.failed_open} requests pass unprocessed; its times are too good.")
    failed = sum(row.failed for row in report.rows)
    if failed:
        console.print(f"[bold red]{failed} requests failed; see the rows.")


def _rows(report: Report) -> Table:
    table = Table(title="one row a system and workload; added: over plain Envoy, median of rounds", title_justify="left")
    table.add_column("workload")
    table.add_column("system")
    for name in (
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "req/s",
        "msgs/req",
        "msgs/chunk",
        "+µs/chunk",
        "cpu ms envoy",
        "cpu ms workers",
        "failed",
    ):
        table.add_column(name, justify="right")
    before = ""
    for row in report.rows:
        if before not in ("", row.workload):
            table.add_section()
        table.add_row("" if row.workload == before else row.workload, row.system, *_cells(row))
        before = row.workload
    return table


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.p50_ms:.3f}",
        f"{row.p99_ms:.3f}",
        _number(row.added_p50_ms, 3),
        _number(row.added_p99_ms, 3),
        f"{row.requests_per_s:,.0f}",
        f"{row.messages_per_request:.2f}",
        _number(row.messages_per_chunk, 2),
        _number(row.added_chunk_us, 1),
        f"{row.envoy_cpu_ms:.3f}",
        f"{row.workers_cpu_ms:.3f}",
        str(row.failed) if row.failed else "",
    )


def _systems(report: Report) -> Table:
    table = Table(title="what a system takes besides", title_justify="left")
    table.add_column("system")
    for name in ("ready s", "workers", "RSS MB a worker", "PSS MB a worker"):
        table.add_column(name, justify="right")
    for system in report.systems:
        sizes = (f"{system.rss_bytes / 1e6:.0f}", f"{system.pss_bytes / 1e6:.0f}") if system.workers else ("", "")
        table.add_row(system.system, f"{system.ready_s:.2f}", str(system.workers or ""), *sizes)
    return table


def _ratios(report: Report) -> Table:
    table = Table(title="TierMesh compared: 1,000 prompt tokens, median of rounds [quartiles]", title_justify="left")
    table.add_column("ratio")
    table.add_column("", justify="right")
    table.add_column("", justify="right")
    for name, meaning in _RATIOS.items():
        table.add_row(meaning, *_ratio(report.ratios[name]))
    return table


def _ratio(ratio: Ratio) -> tuple[str, str]:
    if ratio.median is None:
        return "not measured", ""
    return f"{ratio.median:.2f}", f"[{_number(ratio.low, 2)}, {_number(ratio.high, 2)}]"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
