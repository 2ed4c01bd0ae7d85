"""The run: systems take turns, round after round."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import uvloop

from extproc.bench import proc
from extproc.bench.fleet import LITELLM, check_answer, fleet
from extproc.bench.options import LATENCY, THROUGHPUT, Options, Plan, plan
from extproc.bench.report import Health, Report, report
from extproc.bench.sample import Sample, take
from extproc.bench.system import WORKERS, System
from extproc.bench.workload import Workload, requests

Progress = Callable[[int, int, str], None]  # steps done, steps in all, what is next


def run(options: Options, progress: Progress = lambda *_: None) -> Report:
    """Measures everything the options ask for. Raises StartError when a system cannot be started or does not answer."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory:
        progress(0, 1, "starting")
        with fleet(options, Path(directory)) as systems:
            return measure(systems, plan(options), progress, begun=begun)


def measure(systems: tuple[System, ...], plan: Plan, progress: Progress, *, begun: float | None = None) -> Report:
    """The same for systems that already run; `begun` is when, by the monotonic clock, the plan's limit began to count."""
    begun = time.monotonic() if begun is None else begun
    bodies = {workload: requests(workload) for workload in plan.workloads}
    for system in systems:
        check_answer(system, bodies[plan.workloads[0]][0])
    failed_open = {system.name: system.failed_open() for system in systems}
    samples = alternate(systems, plan, bodies, progress, begun=begun)
    health = [_health(system, system.failed_open() - failed_open[system.name]) for system in systems]
    return report(samples, health)


def alternate(
    systems: tuple[System, ...], plan: Plan, bodies: Mapping[Workload, list[bytes]], progress: Progress, *, begun: float
) -> list[Sample]:
    """The samples of all turns."""
    started = time.monotonic()
    turns = list(order(systems, plan))
    samples: list[Sample] = []
    for done, (round_, workload, system) in enumerate(turns):
        is_first = round_ >= 2 and turns[done - 1][0] != round_
        if is_first and not _has_time(started, begun, round_, plan.limit_s):
            break
        progress(done, len(turns), f"round {round_ + 1} of {plan.rounds}: {workload.name}, {system.name}")
        samples.append(uvloop.run(take(system, workload, bodies[workload], plan, round_=round_)))
    progress(len(turns), len(turns), "done")
    return samples


def order(systems: tuple[System, ...], plan: Plan) -> Iterator[tuple[int, Workload, System]]:
    """Who plays when. The first of each turn changes, so that none is always the one after a pause."""
    for round_ in range(plan.rounds):
        for workload in plan.workloads:
            first = round_ % len(systems)
            for system in (*systems[first:], *systems[:first]):
                # LiteLLM is slow enough that its two headline numbers say everything.
                if system.name != LITELLM or workload in (LATENCY, THROUGHPUT):
                    yield round_, workload, system


def _has_time(started: float, begun: float, rounds: int, limit_s: float) -> bool:
    now = time.monotonic()
    return now + (now - started) / rounds - begun <= limit_s


def _health(system: System, failed_open: int) -> Health:
    workers = [proc.memory(pid) for pid in system.pids().get(WORKERS, ())]
    return Health(
        system=system.name,
        ready_s=system.ready_s,
        workers=len(workers),
        rss_bytes=max((each.rss_bytes for each in workers), default=0),
        pss_bytes=max((each.pss_bytes for each in workers), default=0),
        failed_open=failed_open,
    )
