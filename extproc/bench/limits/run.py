"""The run: both gateways take turns, then the steps alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from extproc.bench import valkey
from extproc.bench.engine import Progress, alternate
from extproc.bench.fleet import check_answer
from extproc.bench.limits import steps
from extproc.bench.limits.gateways import HEADERS, Pair, pair
from extproc.bench.limits.report import Report, Work, report
from extproc.bench.options import LATENCY, THROUGHPUT, Plan
from extproc.bench.workload import requests

_MESSAGES_A_REQUEST = 2


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    is_quick: bool = False
    upstream: Path | None = None  # a stand-in backend: PATH ADDRESS:PORT


QUICK = Plan(workloads=(LATENCY, THROUGHPUT), rounds=12, round_s=0.3, warm_up_s=0.1)
FULL = Plan(workloads=(LATENCY, THROUGHPUT), rounds=30, round_s=1.0, warm_up_s=0.2)
_QUICK_CALLS, _FULL_CALLS = 500, 5_000


def run(options: Options, progress: Progress = lambda *_: None) -> Report:
    """Measures both gateways. Raises StartError when one cannot be started or does not answer."""
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory:
        progress(0, 1, "starting")
        with pair(options.upstream, Path(directory)) as gateways:
            found = measure(gateways, QUICK if options.is_quick else FULL, progress)
        progress(1, 1, "the steps in the store by themselves")
        calls = _QUICK_CALLS if options.is_quick else _FULL_CALLS
        return replace(found, steps=steps.measure(gateways.limited, Path(directory) / "steps", calls=calls))


def measure(gateways: Pair, plan: Plan, progress: Progress) -> Report:
    """The same for gateways that already run, without the steps."""
    systems = gateways.systems
    bodies = {workload: requests(workload, HEADERS) for workload in plan.workloads}
    for system in systems:
        check_answer(system, bodies[plan.workloads[0]][0])
    before = list(_work(gateways))
    samples = alternate(systems, plan, bodies, progress, begun=time.monotonic())
    work = {system.name: new - old for system, new, old in zip(systems, _work(gateways), before, strict=True)}
    return report(samples, work)


def _work(gateways: Pair) -> Iterable[Work]:
    for system in gateways.systems:
        scripts = valkey.scripts(gateways.run_dirs[system.name] / "valkey.sock")
        yield Work(system.messages() // _MESSAGES_A_REQUEST, system.failed_open(), scripts)
