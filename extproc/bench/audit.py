"""The audit log: what a durable record costs a request, and how long a whole log takes to verify."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from extproc.audit import Durable, Entry, Keys, Log, Outcome, Span, Tally, Wanted, Written, conclusion, verify
from extproc.bench.engine import Progress
from extproc.errors import StartError

_TOGETHER = 256
_MODES: tuple[Durable, ...] = ("fsync", "written")
_APPENDERS = (1, 32)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. It is the disk of `directory` that is waited for; `samples` are each appender's."""

    records: int = 1_000_000
    samples: int = 500
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long an append takes when so many wait for theirs at once."""

    durable: str
    appenders: int
    p50_ms: float
    p99_ms: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """Times of one log, and whether it was verified."""

    records: int
    log_bytes: int
    writing_s: float
    verifying_s: float
    reporting_s: float
    verdict: str
    latencies: tuple[Latency, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `bench audit --json` prints."""
        return asdict(self)


def run(options: Options, progress: Progress = lambda *_: None) -> Report:
    """In a directory of its own, taken away afterwards. Raises StartError when the disk does not take everything."""
    keys = Keys.of(b"bench".ljust(32))
    with tempfile.TemporaryDirectory(prefix="tm-bench-", dir=options.directory) as name:
        latencies = []
        for durable in _MODES:
            for appenders in _APPENDERS:
                progress(0, 1, f"{durable}, {appenders} at once")
                log = Log.open(Path(name) / f"{durable}-{appenders}", keys, durable=durable)
                latencies.append(asyncio.run(_latency(log, durable, appenders, options.samples)))
        directory = Path(name) / "log"
        writing_s = asyncio.run(_filled(Log.open(directory, keys), options.records, progress))
        wanted = Wanted(keys.public)
        start_s = time.perf_counter()
        found = verify(directory, wanted, progress=lambda done, of: progress(done, of, "bytes verified"))
        verifying_s = time.perf_counter() - start_s
        tally = Tally(Span(0, 2**62))
        start_s = time.perf_counter()
        conclusion(tally.statement(), verify(directory, wanted, visit=tally.add))
        reporting_s = time.perf_counter() - start_s
        size = sum(path.stat().st_size for path in directory.glob("audit-0*"))
    verdict = found.verdict if tally.statement().left == options.records else "broken"
    return Report(options.records, size, writing_s, verifying_s, reporting_s, verdict, tuple(latencies))


def show(report: Report, console: Console) -> None:
    """Prints what an append costs, and what the whole log does."""
    appends = Table(title="until a record is written", title_justify="left")
    for name in ("durable", "at once", "p50 ms", "p99 ms", "records/s"):
        appends.add_column(name, justify="left" if name == "durable" else "right")
    for each in report.latencies:
        appends.add_row(each.durable, str(each.appenders), f"{each.p50_ms:.2f}", f"{each.p99_ms:.2f}", f"{each.per_s:,.0f}")
    whole = Table(title=f"a log of {report.records:,} records, {report.log_bytes / 1e6:,.0f} MB", title_justify="left")
    for name in ("", "seconds", "records/s"):
        whole.add_column(name, justify="right" if name else "left")
    for name, took_s in (("written", report.writing_s), ("verified", report.verifying_s), ("verified and reported", report.reporting_s)):
        whole.add_row(name, f"{took_s:.2f}", f"{report.records / took_s:,.0f}")
    console.print(appends, whole)
    console.print(f"The log is {report.verdict}.", highlight=False)


def _entry(number: int) -> Entry:
    return Entry(
        "released",
        request_id=f"7f3a2c1e-0000-4000-8000-{number:012x}",
        trace_id=f"{number:032x}",
        scope=f"acme/retail/team-{number % 40}/app-{number % 200}",
        kinds=(("email", 1),) if number % 100 == 0 else (),
        rules=("support-may-mail",) if number % 100 == 0 else (),
        policy="3f1d0c9a8b7e6d5c",
        classifier="a9c4" * 16,
        backend="cloud-large",
        model="big-model-2026-05-01",
        location="cloud",
        api="chat",
        body="5e0b" * 16,
    )


async def _latency(log: Log, durable: str, appenders: int, samples: int) -> Latency:
    took_s: list[float] = []

    async def one(count: int) -> None:
        for number in range(count):
            start_s = time.perf_counter()
            _check(await log.append(_entry(number), timeout_s=60))
            took_s.append(time.perf_counter() - start_s)

    start_s = time.perf_counter()
    await asyncio.gather(*(one(samples) for _ in range(appenders)))
    whole_s = time.perf_counter() - start_s
    await log.close()
    took_s.sort()
    middle, high = took_s[len(took_s) // 2], took_s[len(took_s) * 99 // 100]
    return Latency(durable, appenders, middle * 1e3, high * 1e3, len(took_s) / whole_s)


async def _filled(log: Log, records: int, progress: Progress) -> float:
    start_s = time.perf_counter()
    for first in range(0, records, _TOGETHER):
        for outcome in await asyncio.gather(*(log.submit(_entry(number)) for number in range(first, min(first + _TOGETHER, records)))):
            _check(outcome)
        progress(first, records, "records written")
    await log.close(60)
    return time.perf_counter() - start_s


def _check(outcome: Outcome) -> None:
    if not isinstance(outcome, Written):
        raise StartError(f"the audit log could not be written: {outcome.reason}")
