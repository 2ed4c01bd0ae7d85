"""The run: the day is settled in a store of its own, then read back."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from extproc.bench import proc
from extproc.bench.day.configuration import configuration
from extproc.bench.day.reading import command, read
from extproc.bench.day.report import Report, Times
from extproc.bench.day.settling import settle
from extproc.bench.day.traffic import day
from extproc.bench.engine import Progress
from extproc.config import compile_config, parse
from extproc.local.valkey import ValkeyProcess
from extproc.usage.rollup import SECONDS_AN_HOUR

_REPORTS = ("tier", "user")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. `lines` is how many an hour may have, 0: as `store.rollup_lines` is by default."""

    requests: int = 1_000_000
    seed: int = 7
    lines: int = 0


def run(options: Options, progress: Progress = lambda *_: None) -> Report:
    """Yesterday (UTC), made up. Raises StartError when there is no Valkey, or it does not take everything."""
    first_hour = int(time.time() // _DAY_S - 1) * _DAY_S // SECONDS_AN_HOUR
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as name, ValkeyProcess(Path(name) / "run") as server:
        file = Path(name) / "tiermesh.yaml"
        file.write_text(configuration(server.url, options.lines))
        config = parse(file.read_text())
        cpu_s = proc.cpu_s([server.process.pid])
        records = day(options.requests, options.seed, first_hour)
        settled = uvloop.run(settle(server.url, config, records, lambda done: progress(done, options.requests, "requests settled")))
        cpu_s = proc.cpu_s([server.process.pid]) - cpu_s
        progress(options.requests, options.requests, "reading it back")
        found = uvloop.run(read(server, compile_config(config), first_hour, _REPORTS))
        reports = {by: command(file, by, first_hour) for by in _REPORTS}
    return Report(
        requests=options.requests,
        seed=options.seed,
        leased=settled.leased,
        repeated=settled.repeated,
        known=settled.known,
        most_lines=config.store.rollup_lines,
        truth=settled.truth,
        books=found.books,
        size=found.size,
        times=Times(settled.took_s, cpu_s, found.took_s, {by: took_s for by, (took_s, _) in reports.items()}),
        commands_micro_usd={by: total for by, (_, total) in reports.items()},
    )
