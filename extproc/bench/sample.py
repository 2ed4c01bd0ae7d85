"""One short play of one workload against one system."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from extproc.bench import proc
from extproc.bench.options import Plan
from extproc.bench.system import System
from extproc.bench.workload import Workload
from extproc.testing.load import Load, play

# Envoy hands its access log over every 0.1 s. That work belongs to the system that made it, not to the next one's turn.
SETTLE_S = 0.12


@dataclass(frozen=True, slots=True)
class Sample:
    """What came of it. Times in seconds."""

    system: str
    workload: Workload
    round: int
    load: Load
    cpu_s: dict[str, float]  # by kind of process
    messages: int  # that Envoy sent to the processor

    @property
    def p50_s(self) -> float:
        """Median time to the whole answer."""
        return quantile(self.load.latencies_s, 0.5)

    @property
    def chunk_s(self) -> float:
        """Median time from one chunk to the next; 0 for answers that are not streamed."""
        return quantile(self.load.bodies_s, 0.5) / self.workload.chunks if self.workload.chunks else 0.0


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie, by the nearest rank; NaN when there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def take(system: System, workload: Workload, requests: list[bytes], plan: Plan, *, round_: int) -> Sample:
    """A warm-up, then the measured play."""
    await play("127.0.0.1", system.port, requests, clients=workload.clients, duration_s=plan.warm_up_s)
    pids, messages = system.pids(), system.messages()
    before = {kind: proc.cpu_s(group) for kind, group in pids.items()}
    load = await play("127.0.0.1", system.port, requests, clients=workload.clients, duration_s=plan.round_s)
    await asyncio.sleep(SETTLE_S)
    cpu_s = {kind: proc.cpu_s(group) - before[kind] for kind, group in pids.items()}
    return Sample(system.name, workload, round_, load, cpu_s, system.messages() - messages)
