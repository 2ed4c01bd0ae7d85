"""The way through the limits: one round trip to the store, or a verdict without it.

The store has `store_timeout_s` to answer. What it does with an ask that was given up is not known: it may still reserve. A
request that is served all the same is settled by its lease later, whether that was made or not, and so is one that is refused.

One call at a time asks for an organisation; what comes meanwhile travels together in the next one, because asks share most of
their counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.clock import Clock
from extproc.config import Admission
from extproc.limits.ask import Ask, Grant, standings_of
from extproc.limits.blind import BlindCounts
from extproc.limits.script import RESERVE, WAIVE, lease_key
from extproc.store import Store, StoreError

_REFUSED, _ADMITTED = 0, 1
_AWAY_WAIT_MS = 1_000
_LEARNT_KEPT = 10_000
_DEVIATIONS = 2
_TOGETHER = 16  # asks that travel together
_LEAST_SHARE = 0.5  # of the time it may take: an ask that was held up here is not the store's to make up for
# An ended request is off its count only when its access-log entry is here, some 20 ms after its caller has the answer. One
# that is refused for want of that alone asks again after these.
_FLIGHT_PATIENCE_S = (0.03, 0.06, 0.1)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An ask, where its reply will be, how long that may take, and when it is due by the monotonic clock."""

    ask: Ask
    reply: asyncio.Future[list[Any] | None]
    timeout_s: float
    due: float


class Gate:
    """One worker's way to the limits. For one event loop."""

    def __init__(self, store: Store, clock: Clock, *, flight_patience_s: Sequence[float] = _FLIGHT_PATIENCE_S) -> None:
        self._store = store
        self._clock = clock
        self._flight_patience_s = flight_patience_s
        self._blind = BlindCounts()
        self._lengths: dict[str, int] = {}
        self._worker = uuid.uuid4().hex[:12] + "-"
        self._leases = 0
        self._queues: dict[str, deque[_Waiting]] = {}  # of organisations that are being asked about
        self._going: set[asyncio.Task[None]] = set()
        self.blind_admissions = 0
        self.blind_refusals = 0

    def new_lease(self) -> str:
        """A name for a lease that no other worker gives."""
        self._leases += 1
        return f"{self._worker}{self._leases:x}"

    def learnt(self, field: str) -> int | None:
        """Tokens that an app's answer will hardly exceed; None when nothing is known."""
        return self._lengths.get(field)

    async def admit(self, ask: Ask, admission: Admission) -> Grant:
        """Reserves what `ask` names, or says what refuses it."""
        grant = await self._ask(ask, admission)
        for pause_s in self._flight_patience_s:
            if grant.is_admitted or grant.refused_by is None or ask.tab.counts[grant.refused_by].limit.per is not None:
                break
            await asyncio.sleep(pause_s)
            grant = await self._ask(ask, admission)
        return grant

    async def _ask(self, ask: Ask, admission: Admission) -> Grant:
        timeout_s = admission.store_timeout_s
        waiting = _Waiting(ask, asyncio.get_running_loop().create_future(), timeout_s, self._clock.monotonic() + timeout_s)
        queue = self._queues.get(ask.organisation)
        if queue is not None:  # others are on their way: this one goes with the next
            queue.append(waiting)
            reply = await waiting.reply
        else:
            self._queues[ask.organisation] = deque()
            reply = await self._go(ask.organisation, [waiting])
        return self._without_store(ask, admission) if reply is None else self._grant(ask, reply)

    async def _go(self, organisation: str, batch: list[_Waiting]) -> list[Any] | None:
        """Asks for all of `batch` at once and answers all but the first, whose reply it returns; None: the store was not heard."""
        now = self._clock.monotonic()
        timeout_s = min(max(waiting.due - now, waiting.timeout_s * _LEAST_SHARE) for waiting in batch)
        arguments = [argument for waiting in batch for argument in waiting.ask.args]
        try:
            replies: list[list[Any] | None] = await self._store.run(
                RESERVE, (lease_key(organisation),), ("0", *arguments), timeout_s=timeout_s
            )
            self._blind.clear()
        except StoreError:
            replies = [None] * len(batch)
        except asyncio.CancelledError:
            self._waive(organisation, batch)
            raise
        finally:
            self._next(organisation)
        self._waive(organisation, [waiting for waiting in batch if waiting.reply.cancelled()])
        for waiting, reply in zip(batch[1:], replies[1:], strict=True):
            if not waiting.reply.done():
                waiting.reply.set_result(reply)
        return replies[0]

    def _waive(self, organisation: str, batch: list[_Waiting]) -> None:
        """Returns what was reserved for requests whose callers left meanwhile: no log entry will name their leases."""
        if batch:
            self._do(self._waived(organisation, [waiting.ask.lease for waiting in batch], batch[0].timeout_s))

    async def _waived(self, organisation: str, leases: list[str], timeout_s: float) -> None:
        with contextlib.suppress(StoreError):  # they will be swept
            await self._store.run(WAIVE, (lease_key(organisation),), ("0", "0", "0", *leases), timeout_s=timeout_s)

    def _next(self, organisation: str) -> None:
        """Sends those on their way who came meanwhile."""
        queue = self._queues.pop(organisation)
        batch: list[_Waiting] = []
        while queue and len(batch) < _TOGETHER:
            waiting = queue.popleft()
            if not waiting.reply.cancelled():
                batch.append(waiting)
        if batch:
            self._queues[organisation] = queue
            self._do(self._lead(organisation, batch))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        going = asyncio.get_running_loop().create_task(work)
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def _lead(self, organisation: str, batch: list[_Waiting]) -> None:
        try:
            reply = await self._go(organisation, batch)
        except BaseException:
            for waiting in batch:
                waiting.reply.cancel()
            raise
        if not batch[0].reply.done():
            batch[0].reply.set_result(reply)

    def _without_store(self, ask: Ask, admission: Admission) -> Grant:
        if not admission.is_open:
            self.blind_refusals += 1
            return Grant(is_admitted=False, wait_ms=_AWAY_WAIT_MS)
        full = self._blind.take(ask, admission.blind_percent, self._clock.wall())
        if full is None:
            self.blind_admissions += 1
            return Grant(is_admitted=True)
        self.blind_refusals += 1
        return Grant(is_admitted=False, wait_ms=_AWAY_WAIT_MS)

    def _grant(self, ask: Ask, reply: list[Any]) -> Grant:
        verdict = reply[0]
        if verdict not in (_REFUSED, _ADMITTED):  # it was asked before: the lease is there, or has ended
            return Grant(is_admitted=True)
        _, first, second, mean, deviation, refused, downgraded, states = reply
        standings = standings_of(states)
        if verdict == _REFUSED:
            return Grant(is_admitted=False, refused_by=first - 1, wait_ms=second, standings=standings)
        self._learn(ask.output_field, mean, deviation)
        return Grant(
            is_admitted=True,
            alternative=first - 1,
            sequence=second,
            shadow_refused=tuple(place - 1 for place in refused),
            shadow_downgraded=tuple(place - 1 for place in downgraded),
            standings=standings,
        )

    def _learn(self, field: str, mean: int, deviation: int) -> None:
        if mean < 0:
            return
        if len(self._lengths) >= _LEARNT_KEPT:
            self._lengths.clear()
        self._lengths[field] = mean + _DEVIATIONS * deviation
