"""A worker's watch over the backends: what it learns, what the other workers learnt, and the tasks that read metrics.

Each of Envoy's threads logs to one worker, so a worker may decide about requests whose ends it never hears of. What one
learns it therefore tells the others.
"""

from __future__ import annotations

from collections.abc import ItemsView, Sequence
from pathlib import Path

from extproc.clock import Clock
from extproc.config import Policy
from extproc.health import Health, Reader, Standing
from extproc.server.neighbours import Neighbours
from extproc.telemetry import Metrics
from extproc.usage import Record


class HealthWatch:
    """One worker's. `health` is what decisions read."""

    def __init__(self, policy: Policy, clock: Clock, run_dir: Path) -> None:
        """In the running event loop; begins at once."""
        self.health = Health(policy, clock)
        self._clock = clock
        self._reader = Reader(self.health)
        self._neighbours = Neighbours(run_dir, self.health.note)
        self._is_over = False
        self._reader.follow()

    def follow(self, policy: Policy) -> None:
        """Goes by `policy` from now on."""
        self.health.follow(policy)
        self._reader.follow()

    def observe(self, records: Sequence[Record]) -> None:
        """Learns from finished requests, and tells the others."""
        results = self.health.observe(records)
        if results:
            self._neighbours.tell(results)

    def count(self, metrics: Metrics) -> None:
        """Puts the standings on the metrics page."""
        metrics.labelled_gauge_from("tiermesh_backend_resting", "Workers that let the backend rest.", "backend", self._resting)
        metrics.labelled_gauge_from("tiermesh_backend_saturated", "Workers that hold the backend for full.", "backend", self._saturated)

    async def close(self) -> None:
        """Watches no more."""
        self._is_over = True
        await self._reader.close()
        self._neighbours.close()

    def _resting(self) -> dict[str, float]:
        return {} if self._is_over else {name: float(one.is_resting) for name, one in self._standing()}

    def _saturated(self) -> dict[str, float]:
        return {} if self._is_over else {name: float(one.is_saturated) for name, one in self._standing()}

    def _standing(self) -> ItemsView[str, Standing]:
        return self.health.standing(self._clock.wall()).items()
