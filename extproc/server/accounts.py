"""A worker's dealings with the store: the gate that requests wait at, and what is written behind their backs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence

from extproc.clock import SystemClock
from extproc.config import Config
from extproc.limits import Bounds, Gate, Herald, Settler, Sweeper
from extproc.session import Sessions
from extproc.shares import Shares
from extproc.store import Store
from extproc.telemetry import Metrics
from extproc.usage import Ledger, Record

_DAY_S = 86_400
_PATIENCE_S = 1.0

log = logging.getLogger("tiermesh.accounts")


class Accounts:
    """One connection, and all that goes over it. Starts working when made, in the running event loop."""

    def __init__(self, config: Config, store: Store, counts_of: Callable[[Record], str], metrics: Metrics) -> None:
        clock = SystemClock()
        bounds = Bounds(config.store.rollup_lines, config.store.rollups_kept_days * _DAY_S)
        self._store = store
        self.gate = Gate(store, clock)
        self.sessions = Sessions(store)
        self.shares = Shares(store)
        self._ledger = Ledger(store, kept=config.store.records_kept) if config.store.records_kept else None
        self._settler = Settler(store, counts_of, bounds=bounds)
        herald = Herald(config.notices, lambda event: metrics.count_threshold(event.limit, event.percent))
        self._sweeper = Sweeper(store, herald, clock, self._on_lost, bounds=bounds)
        self.on_lost: Callable[[list[Record]], None] = lambda _: None
        self._writing: list[asyncio.Task[None]] = [_task(self._settler.run())]
        if self._ledger is not None:
            self._writing.append(_task(self._ledger.run()))
        self._sweeping = (_task(self._sweeper.run()), _task(self.shares.run()))
        self._count(metrics, herald)

    async def ready(self) -> None:
        """Connects, so that the first request need not; a store that is away is waited for briefly."""
        await self._store.ready(_PATIENCE_S)

    def put(self, records: Sequence[Record], lines: Sequence[str]) -> None:
        """Takes finished requests in; returns at once, whatever the store does."""
        self._settler.put(records)
        if self._ledger is not None:
            self._ledger.put(lines)

    async def close(self, timeout_s: float) -> None:
        """Write what waits, for `timeout_s` at most."""
        for task in self._sweeping:
            task.cancel()
        self._settler.close()
        if self._ledger is not None:
            self._ledger.close()
        await self.sessions.close(timeout_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*self._writing), timeout_s)
        if self._settler.waiting:
            log.error("%d settlements could not be written; their leases will be charged as estimated", self._settler.waiting)
        await self._store.close()

    def _on_lost(self, records: list[Record]) -> None:
        """Requests that were charged unheard: the books have them already, the others hear of them here."""
        if self._ledger is not None:
            self._ledger.put(record.line() for record in records)
        self.on_lost(records)

    def _count(self, metrics: Metrics, herald: Herald) -> None:
        """What can only be asked for, on the metrics page."""
        counters, gate, store, ledger = self._settler.counters, self.gate, self._store, self._ledger
        if ledger is not None:
            metrics.count_from("tiermesh_records_dropped", "Records lost because the store was away for too long.", lambda: ledger.dropped)
        metrics.count_from("tiermesh_settlements", "Leases settled.", lambda: counters.settled)
        metrics.count_from("tiermesh_settlements_mended", "Settled after they had been charged at their estimate.", lambda: counters.mended)
        metrics.count_from("tiermesh_settlements_repeated", "Settlements that had been made before.", lambda: counters.known)
        metrics.count_from("tiermesh_settlements_without_lease", "Charged although the store had lost the lease.", lambda: counters.lost)
        metrics.count_from("tiermesh_settlements_dropped", "Lost because the store was away for too long.", lambda: counters.dropped)
        metrics.count_from("tiermesh_leases_unheard", "Leases nobody settled in time.", lambda: self._sweeper.unheard)
        metrics.count_from("tiermesh_blind_admissions", "Requests let pass while the store was away.", lambda: gate.blind_admissions)
        metrics.count_from("tiermesh_blind_refusals", "Requests refused because the store was away.", lambda: gate.blind_refusals)
        metrics.count_from("tiermesh_notices_undelivered", "Events the webhook did not take in time.", lambda: herald.undelivered)
        metrics.count_from("tiermesh_store_failures", "Questions to the store without an answer in time.", lambda: store.health.failures)
        metrics.gauge_from("tiermesh_store_away", "1 while the store does not answer.", lambda: store.health.is_away)
        metrics.gauge_from("tiermesh_store_round_trip_seconds", "What the last answer of it took.", lambda: store.health.round_trip_s)
        metrics.count_from("tiermesh_share_failures", "Exchanges of scores that the store did not take.", lambda: self.shares.failures)
        metrics.gauge_from("tiermesh_settlements_waiting", "Ended requests that wait for the store.", lambda: self._settler.waiting)


def _task(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)
