"""What to measure, and how long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extproc.bench.workload import Workload

LATENCY = Workload(prompt_tokens=1000, clients=1)
THROUGHPUT = Workload(prompt_tokens=1000, clients=32)
STREAM = Workload(prompt_tokens=1000, clients=1, chunks=200)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. `trace_share` is the share of requests that are traced; 0 leaves OpenTelemetry out."""

    is_quick: bool = False
    noop: Path | None = None  # a no-op ext_proc server: PATH SOCKET HEADER VALUE
    upstream: Path | None = None  # a stand-in backend: PATH ADDRESS:PORT
    litellm: Path | None = None  # a virtual environment with LiteLLM's proxy in it
    config: Path | None = None  # processor, classifier and telemetry settings are taken from this tiermesh.yaml
    transport: Literal["native", "grpcio"] | None = None
    trace_share: float | None = None  # None: as configured


@dataclass(frozen=True, slots=True)
class Plan:
    """Each round plays every workload against every system for `round_s`.

    No round is begun that would end more than `limit_s` after the start of the run, but two are always played.
    """

    workloads: tuple[Workload, ...]
    rounds: int
    round_s: float
    warm_up_s: float
    limit_s: float = math.inf


QUICK = Plan(
    workloads=(Workload(prompt_tokens=100, clients=1), LATENCY, Workload(prompt_tokens=8000, clients=1), THROUGHPUT, STREAM),
    rounds=4,  # many short turns rather than few long ones: the machine's mood changes within seconds
    round_s=0.25,
    warm_up_s=0.05,
    limit_s=36.0,
)
FULL = Plan(
    workloads=(
        *(Workload(prompt_tokens=tokens, clients=clients) for tokens in (100, 1000, 8000) for clients in (1, 8, 32)),
        STREAM,
        Workload(prompt_tokens=1000, clients=1, chunks=200, asks_usage=False),
        Workload(prompt_tokens=1000, clients=8, chunks=200),
    ),
    rounds=7,
    round_s=1.0,
    warm_up_s=0.1,
)


def plan(options: Options) -> Plan:
    """The plan these options ask for."""
    return QUICK if options.is_quick else FULL
