"""From samples to rows and ratios: pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from extproc.bench.fleet import LITELLM, NOOP, OURS, PLAIN
from extproc.bench.options import LATENCY, STREAM, THROUGHPUT
from extproc.bench.sample import Sample, quantile
from extproc.bench.system import ENVOY, WORKERS
from extproc.bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Health:
    """What a system took besides time. Memory is that of its largest worker."""

    system: str
    ready_s: float
    workers: int
    rss_bytes: int
    pss_bytes: int
    failed_open: int


@dataclass(frozen=True, slots=True)
class Row:
    """One system under one workload, all rounds together. `added_*` is over plain Envoy, the median of the rounds."""

    system: str
    workload: str
    prompt_tokens: int
    clients: int
    chunks: int
    answers: int
    failed: int
    p50_ms: float
    p99_ms: float
    added_p50_ms: float | None
    added_p99_ms: float | None
    requests_per_s: float
    first_byte_p50_ms: float
    chunk_us: float | None  # between two chunks of a stream
    added_chunk_us: float | None
    messages_per_request: float
    messages_per_chunk: float | None  # beyond the two of a request
    envoy_cpu_ms: float  # a request
    workers_cpu_ms: float  # a request


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over rounds, and the quartiles around it. None: one of the two was not measured."""

    median: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found. `ratios` are the headline: one client, or 32, at 1,000 prompt tokens."""

    ratios: dict[str, Ratio]
    by_workload: dict[str, dict[str, Ratio]]
    rows: tuple[Row, ...]
    systems: tuple[Health, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `bench --json` prints."""
        return {
            "ratios": {name: ratio.median for name, ratio in self.ratios.items()},
            "quartiles": {name: [ratio.low, ratio.high] for name, ratio in self.ratios.items()},
            "ratios_by_workload": {
                workload: {name: ratio.median for name, ratio in ratios.items()} for workload, ratios in self.by_workload.items()
            },
            "rows": [asdict(row) for row in self.rows],
            "systems": [asdict(system) for system in self.systems],
        }


def report(samples: Sequence[Sample], systems: Sequence[Health]) -> Report:
    """Puts samples together."""
    workloads = list(dict.fromkeys(sample.workload for sample in samples))
    by_workload = {workload: _ratios(rounds_of(samples, workload)) for workload in workloads}
    headline = {
        "added_p50_vs_noop": by_workload.get(LATENCY, {}),
        "throughput_vs_noop": by_workload.get(THROUGHPUT, {}),
        "added_p50_vs_envoy": by_workload.get(LATENCY, {}),
        "throughput_vs_envoy": by_workload.get(THROUGHPUT, {}),
        "throughput_vs_litellm": by_workload.get(THROUGHPUT, {}),
        "chunk_time_vs_envoy": by_workload.get(STREAM, {}),
    }
    played = {(sample.workload, sample.system) for sample in samples}
    names = [system.system for system in systems]
    rows = [_row(samples, workload, name) for workload in workloads for name in names if (workload, name) in played]
    return Report(
        ratios={name: ratios.get(name, Ratio(None)) for name, ratios in headline.items()},
        by_workload={workload.name: ratios for workload, ratios in by_workload.items()},
        rows=tuple(rows),
        systems=tuple(systems),
    )


Round = dict[str, Sample]  # by system


def rounds_of(samples: Iterable[Sample], workload: Workload) -> list[Round]:
    """The samples of a workload, a round at a time."""
    rounds: dict[int, Round] = {}
    for sample in samples:
        if sample.workload == workload:
            rounds.setdefault(sample.round, {})[sample.system] = sample
    return list(rounds.values())


def _ratios(rounds: list[Round]) -> dict[str, Ratio]:
    """Of ours to others', each taken within a round."""

    def added(name: str) -> Callable[[Round], float]:
        return lambda samples: samples[name].p50_s - samples[PLAIN].p50_s

    def rate(name: str) -> Callable[[Round], float]:
        return lambda samples: samples[name].load.rate

    def chunk(name: str) -> Callable[[Round], float]:
        return lambda samples: samples[name].chunk_s

    return {
        "added_p50_vs_noop": _ratio(rounds, added(OURS), added(NOOP)),
        "throughput_vs_noop": _ratio(rounds, rate(OURS), rate(NOOP)),
        "added_p50_vs_envoy": _ratio(rounds, added(OURS), lambda samples: samples[PLAIN].p50_s),
        "throughput_vs_envoy": _ratio(rounds, rate(OURS), rate(PLAIN)),
        "throughput_vs_litellm": _ratio(rounds, rate(OURS), rate(LITELLM)),
        "chunk_time_vs_envoy": _ratio(rounds, chunk(OURS), chunk(PLAIN)),
    }


def _ratio(rounds: list[Round], ours: Callable[[Round], float], theirs: Callable[[Round], float]) -> Ratio:
    found = []
    for samples in rounds:
        try:
            measured, reference = ours(samples), theirs(samples)
        except KeyError:
            continue
        if reference > 0:  # a filter that seems to take less than no time was measured on a machine busy with something else
            found.append(measured / reference)
    return spread([value for value in found if math.isfinite(value)])


def spread(values: list[float]) -> Ratio:
    """Their median and quartiles."""
    if not values:
        return Ratio(None)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return Ratio(round(median, 4), round(low, 4), round(high, 4))


def _row(samples: Iterable[Sample], workload: Workload, name: str) -> Row:
    rounds = [found for found in rounds_of(samples, workload) if name in found]
    mine = [found[name] for found in rounds]
    loads = [sample.load for sample in mine]
    answers = sum(load.answers for load in loads)
    latencies = [value for load in loads for value in load.latencies_s]
    messages = sum(sample.messages for sample in mine) / max(answers, 1)
    return Row(
        system=name,
        workload=workload.name,
        prompt_tokens=workload.prompt_tokens,
        clients=workload.clients,
        chunks=workload.chunks,
        answers=answers,
        failed=sum(load.failed for load in loads),
        p50_ms=_milli(quantile(latencies, 0.5)),
        p99_ms=_milli(quantile(latencies, 0.99)),
        added_p50_ms=_added(rounds, name, lambda sample: sample.p50_s * 1e3),
        added_p99_ms=_added(rounds, name, lambda sample: quantile(sample.load.latencies_s, 0.99) * 1e3),
        requests_per_s=round(statistics.median(load.rate for load in loads), 1),
        first_byte_p50_ms=_milli(quantile([value for load in loads for value in load.first_bytes_s], 0.5)),
        chunk_us=round(statistics.median(sample.chunk_s for sample in mine) * 1e6, 2) if workload.chunks else None,
        added_chunk_us=_added(rounds, name, lambda sample: sample.chunk_s * 1e6) if workload.chunks else None,
        messages_per_request=round(messages, 3),
        messages_per_chunk=round(max(messages - 2, 0.0) / workload.chunks, 3) if workload.chunks else None,
        envoy_cpu_ms=_milli(sum(sample.cpu_s.get(ENVOY, 0.0) for sample in mine) / max(answers, 1)),
        workers_cpu_ms=_milli(sum(sample.cpu_s.get(WORKERS, 0.0) for sample in mine) / max(answers, 1)),
    )


def _added(rounds: list[Round], name: str, value: Callable[[Sample], float]) -> float | None:
    found = [value(samples[name]) - value(samples[PLAIN]) for samples in rounds if PLAIN in samples]
    return round(statistics.median(found), 4) if found and name != PLAIN else None


def _milli(seconds: float) -> float:
    return round(seconds * 1e3, 4)
