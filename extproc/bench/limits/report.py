"""From samples to what limits add: pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from extproc.bench.limits.gateways import LIMITS, WITH, WITHOUT
from extproc.bench.limits.steps import Step
from extproc.bench.options import LATENCY, THROUGHPUT
from extproc.bench.report import Ratio, Round, rounds_of, spread
from extproc.bench.sample import Sample, quantile
from extproc.bench.system import ENVOY, STORE, WORKERS
from extproc.bench.valkey import Scripts
from extproc.bench.workload import Workload

# What the limits of this many levels may cost.
MOST_ADDED_MS = 0.35
LEAST_THROUGHPUT = 0.85


@dataclass(frozen=True, slots=True)
class Work:
    """Of one gateway: requests it was asked about, those that Envoy let pass because it failed, and its store's scripts."""

    requests: int
    failed_open: int
    scripts: Scripts

    def __sub__(self, other: Work) -> Work:
        return Work(self.requests - other.requests, self.failed_open - other.failed_open, self.scripts - other.scripts)


@dataclass(frozen=True, slots=True)
class Row:
    """One gateway under one workload, all rounds together; processor time is a request's."""

    system: str
    workload: str
    clients: int
    answers: int
    failed: int
    p50_ms: float
    p99_ms: float
    requests_per_s: float
    envoy_cpu_us: float
    workers_cpu_us: float
    store_cpu_us: float


@dataclass(frozen=True, slots=True)
class Report:
    """Limits against none. Differences and ratios are taken within rounds; medians with quartiles.

    `script_us` is the store's own time for scripts, a request; `scripts` how many ran for it, settling and bookkeeping included.
    """

    limits: int
    rounds: int
    added_p50_ms: Ratio
    latency_ratio: Ratio
    throughput_ratio: Ratio
    rows: tuple[Row, ...]
    scripts: dict[str, float]
    script_us: dict[str, float]
    failed_open: int
    steps: tuple[Step, ...] = ()

    @property
    def is_within_bars(self) -> bool:
        """Whether the medians are what limits may cost at most."""
        added, kept = self.added_p50_ms.median, self.throughput_ratio.median
        return added is not None and kept is not None and added <= MOST_ADDED_MS and kept >= LEAST_THROUGHPUT

    @property
    def failed(self) -> int:
        """Requests that got no good answer, or one that nobody decided about."""
        return sum(row.failed for row in self.rows) + self.failed_open

    def as_json(self) -> dict[str, Any]:
        """The object that `bench limits --json` prints."""
        return {**asdict(self), "is_within_bars": self.is_within_bars, "failed": self.failed}


def report(samples: Sequence[Sample], work: Mapping[str, Work]) -> Report:
    """Puts samples together."""
    alone, many = rounds_of(samples, LATENCY), rounds_of(samples, THROUGHPUT)
    return Report(
        limits=len(LIMITS),
        rounds=len(alone),
        added_p50_ms=_over(alone, lambda limited, free: (limited.p50_s - free.p50_s) * 1e3),
        latency_ratio=_over(alone, lambda limited, free: limited.p50_s / free.p50_s),
        throughput_ratio=_over(many, lambda limited, free: limited.load.rate / free.load.rate),
        rows=tuple(_row(samples, workload, name) for workload in (LATENCY, THROUGHPUT) for name in (WITHOUT, WITH)),
        scripts={name: round(each.scripts.calls / max(each.requests, 1), 3) for name, each in work.items()},
        script_us={name: round(each.scripts.took_us / max(each.requests, 1), 1) for name, each in work.items()},
        failed_open=sum(each.failed_open for each in work.values()),
    )


def _over(rounds: Sequence[Round], value: Callable[[Sample, Sample], float]) -> Ratio:
    whole = [each for each in rounds if WITH in each and WITHOUT in each and each[WITHOUT].load.statuses[200]]
    return spread([value(each[WITH], each[WITHOUT]) for each in whole if each[WITH].load.statuses[200]])


def _row(samples: Sequence[Sample], workload: Workload, name: str) -> Row:
    mine = [found[name] for found in rounds_of(samples, workload) if name in found]
    answers = sum(sample.load.answers for sample in mine)
    latencies = [value for sample in mine for value in sample.load.latencies_s]

    def cpu_us(kind: str) -> float:
        return round(sum(sample.cpu_s.get(kind, 0.0) for sample in mine) * 1e6 / max(answers, 1), 1)

    return Row(
        system=name,
        workload=workload.name,
        clients=workload.clients,
        answers=answers,
        failed=sum(sample.load.failed for sample in mine),
        p50_ms=round(quantile(latencies, 0.5) * 1e3, 4),
        p99_ms=round(quantile(latencies, 0.99) * 1e3, 4),
        requests_per_s=round(statistics.median(sample.load.rate for sample in mine), 1) if mine else 0.0,
        envoy_cpu_us=cpu_us(ENVOY),
        workers_cpu_us=cpu_us(WORKERS),
        store_cpu_us=cpu_us(STORE),
    )
