"""What has to be done for limits now and then: leases nobody settled are charged, events are read and passed on.

Every worker does it; the store lets each lease and each event go to one of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from extproc.clock import Clock
from extproc.limits.event import Event, read
from extproc.limits.notice import Herald
from extproc.limits.script import SWEEP, UNDECIDED_KEY, WAIVE, key_of, lease_key
from extproc.limits.settler import Bounds
from extproc.store import Store, StoreError
from extproc.usage import Record
from extproc.usage.rollup import ORGANISATIONS_KEY, Line, line_of

log = logging.getLogger(__name__)

_INTERVAL_S = 1.0
_TENTH = 10  # the list of organisations is read, and what was not delivered is tried, every tenth sweep
_AT_ONCE = 25  # leases: more of them would keep the store from answering those who wait at the gate
_MOST_TURNS = 40
_EVENTS = 100
_PATIENCE_S = 2.0
_GROUP, _CONSUMER = "tiermesh", "worker"
_IDLE_MS = 5_000
_UNDECIDED_KEPT_S = 2 * 86_400  # twice as long as a lease may be


class Sweeper:
    """One worker's. `on_lost` gets the records of requests that were never heard of."""

    def __init__(
        self, store: Store, herald: Herald, clock: Clock, on_lost: Callable[[list[Record]], None], *, bounds: Bounds | None = None
    ) -> None:
        self._store = store
        self._herald = herald
        self._clock = clock
        self._on_lost = on_lost
        self._bounds = bounds or Bounds()
        self._organisations: list[str] = []
        self._grouped: set[str] = set()
        self.unheard = 0  # leases charged at their estimate

    async def run(self) -> None:
        """Sweeps and listens until cancelled. A web address that is slow to take events keeps no lease from being charged."""
        await asyncio.gather(self._every_second(self.charge_unheard), self._every_second(self.hear))

    async def _every_second(self, task: Callable[[int], Awaitable[None]]) -> None:
        turn = 0
        while True:
            await asyncio.sleep(_INTERVAL_S)
            try:
                await task(turn)
                turn += 1
            except StoreError:
                self._grouped.clear()  # a store that comes back empty has no groups
            except Exception:  # whatever was wrong with one sweep, the next one is due all the same
                log.exception("limits could not be swept")

    async def charge_unheard(self, turn: int = 0) -> None:
        """Charges every lease that is due. Raises StoreError."""
        if turn % _TENTH == 0:
            self._organisations = sorted(name.decode() for name in await self._store.command("SMEMBERS", ORGANISATIONS_KEY))
            await self._store.command("ZREMRANGEBYSCORE", UNDECIDED_KEY, "-inf", int(self._clock.wall() - _UNDECIDED_KEPT_S))
        for organisation in self._organisations:
            try:
                await self._charge_unheard(organisation)
            except StoreError as error:
                if error.reason != "refused":
                    raise
                # What is wrong with one organisation's books is not its neighbours'.
                log.error("leases of `%s` cannot be swept: %s", organisation, error)

    async def hear(self, turn: int = 0) -> None:
        """Passes on every event that is new, and sometimes those not yet delivered, by whomever. Raises StoreError."""
        for organisation in self._organisations:
            await self._read_events(organisation, anew=turn % _TENTH == 0)

    async def _charge_unheard(self, organisation: str) -> None:
        args = ("0", str(_AT_ONCE), str(self._bounds.lines), str(self._bounds.keep_s))
        for _ in range(_MOST_TURNS):
            looked_at, *charged = await self._store.run(SWEEP, (lease_key(organisation),), args, timeout_s=_PATIENCE_S)
            records = [_record(place, text) for place, text in zip(charged[::2], charged[1::2], strict=True)]
            records = records and await self._without_undecided(organisation, records)
            if records:
                self.unheard += len(records)
                self._on_lost(records)
            if looked_at < _AT_ONCE:
                return

    async def _without_undecided(self, organisation: str, records: list[Record]) -> list[Record]:
        """Those of which nothing else is known. The others were served and charged without a decision, so their leases are waived."""
        try:
            known = await self._store.command("ZMSCORE", UNDECIDED_KEY, *(record.request_id for record in records))
            served = [record.lease for record, known_at in zip(records, known, strict=True) if known_at is not None]
            if served:
                args = ("0", str(self._bounds.lines), str(self._bounds.keep_s), *served)
                await self._store.run(WAIVE, (lease_key(organisation),), args, timeout_s=_PATIENCE_S)
        except StoreError:
            return records  # charged they are
        return [record for record in records if record.lease not in served]

    async def _read_events(self, organisation: str, *, anew: bool) -> None:
        """New events, and `anew` those that were tried before, by whomever, and not delivered."""
        key = key_of(organisation, "events")
        await self._group(key)
        reply = await self._store.command("XREADGROUP", "GROUP", _GROUP, _CONSUMER, "COUNT", str(_EVENTS), "STREAMS", key, ">")
        for _, entries in reply or ():
            for entry_id, fields in entries:
                event = read(fields)
                if event is not None:
                    self._herald.announce(event)
                await self._deliver(key, entry_id, event)
        if anew:
            idle = ("XAUTOCLAIM", key, _GROUP, _CONSUMER, str(_IDLE_MS), "0", "COUNT", str(_EVENTS))
            for entry_id, fields in (await self._store.command(*idle))[1]:
                await self._deliver(key, entry_id, read(fields or {}))

    async def _deliver(self, key: str, entry_id: bytes, event: Event | None) -> None:
        name = entry_id.decode()
        age_s = self._clock.wall() - int(name.partition("-")[0]) / 1000
        if event is None or await self._herald.deliver(name, event, age_s):
            await self._store.command("XACK", key, _GROUP, entry_id)

    async def _group(self, key: str) -> None:
        if key in self._grouped:
            return
        try:
            await self._store.command("XGROUP", "CREATE", key, _GROUP, "0", "MKSTREAM")
        except StoreError as error:
            if error.code != "BUSYGROUP":
                raise
        self._grouped.add(key)


def _record(alternative: int, text: bytes) -> Record:
    """The record of a request that was released and never heard of, as the estimate has it."""
    kept: dict[str, Any] = json.loads(text)
    _, field, _, sums = kept["r"][alternative - 1]
    return _lost(line_of(field), sums, *kept["x"])


def _lost(line: Line, sums: Sequence[int], *about: Any) -> Record:
    lease, scope, request_id, decided_at, digest, traceparent = about
    return Record(
        request_id=request_id,
        stream_id="",
        started_at=decided_at,
        kind="routed",
        outcome="lost",
        status=0,
        api=line.api,
        asked_model=line.asked_model,
        scope=scope,
        tier=line.tier,
        task=line.task,
        backend=line.backend,
        attempts=(line.backend,),
        model=line.model,
        location=line.location,
        prompt_tokens=sums[4],
        completion_tokens=sums[7],
        is_estimated=True,
        estimate_reason="never_settled",
        decided_at=decided_at,
        cost_micro_usd=sums[9],
        asked_cost_micro_usd=sums[10],
        policy_digest=digest,
        traceparent=traceparent,
        lease=lease,
    )
