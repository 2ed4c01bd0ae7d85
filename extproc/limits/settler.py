"""Finished requests on their way into the books: leases settled, rollups added to, each exactly once.

Nothing waits for the store. Entries queue up and leave in small batches, an organisation at a time, because a large one would
keep the store from answering those who wait at the gate. A batch whose fate is unknown is sent again under the same number,
and the store takes each writer's numbers once and upwards.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from extproc.clock import Clock, SystemClock
from extproc.limits.ask import actual_of, output_field
from extproc.limits.script import SETTLE, UNDECIDED_KEY, key_of, lease_key
from extproc.scope import parse
from extproc.store import Store, StoreError
from extproc.usage import Record
from extproc.usage.rollup import ORGANISATIONS_KEY, entry_of

_log = logging.getLogger(__name__)

_BATCH = 25
_POISON = frozenset(("ERR", "WRONGTYPE"))
_PATIENCE_S = 2.0
_INTRODUCED_S = 60.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0

_compact = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(slots=True)
class Counters:
    """What has become of settlements so far."""

    settled: int = 0
    mended: int = 0  # had been charged at their estimate meanwhile
    known: int = 0  # had been settled before
    lost: int = 0  # the store had lost the lease: charged all the same
    dropped: int = 0  # the store was away for too long
    failures: int = 0  # batches that had to be sent again


@dataclass(frozen=True, slots=True)
class _Batch:
    organisation: str
    number: int
    records: tuple[Record, ...]
    with_counts: bool = False  # the store has lost these leases: say what they were


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the books keep: lines an hour may have, and how long an hour is kept."""

    lines: int = 5_000
    keep_s: int = 400 * 86_400


class Settler:
    """One worker's. `counts_of` gives the counts of a record whose lease the store may not have, as the scripts' JSON."""

    def __init__(
        self,
        store: Store,
        counts_of: Callable[[Record], str],
        *,
        bounds: Bounds | None = None,
        bound: int = 100_000,
        interval_s: float = 0.03,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._counts_of = counts_of
        self._bounds = bounds or Bounds()
        self._bound = bound
        self._interval_s = interval_s
        self._clock = clock or SystemClock()
        self._waiting: dict[str, deque[Record]] = {}
        self._count = 0
        self._flight: _Batch | None = None
        self._number = 0
        self._writer = uuid.uuid4().hex
        self._organisations: dict[str, float] = {}  # and when they were introduced
        self._wake = asyncio.Event()
        self._is_closing = False
        self.counters = Counters()

    @property
    def waiting(self) -> int:
        """Records not yet in the books."""
        return self._count + (len(self._flight.records) if self._flight else 0)

    @property
    def organisations(self) -> frozenset[str]:
        """Those settled for so far."""
        return frozenset(self._organisations)

    def put(self, records: Iterable[Record]) -> None:
        """Takes records of LLM requests in; returns at once, whatever the store does."""
        for record in records:
            if not record.api:
                continue
            if self._count >= self._bound:
                self.counters.dropped += 1  # its lease, where it has one, will be charged at its estimate
                continue
            organisation = parse(record.scope)[0]
            self._waiting.setdefault(organisation, deque()).append(record)
            self._count += 1
        if self._count and not self._wake.is_set():
            self._wake.set()

    async def run(self) -> None:
        """Settles until `close`, then what is left. Cancel it to give that up."""
        pause_s = _FIRST_PAUSE_S
        while True:
            await self._wake.wait()
            if not self._is_closing:
                await asyncio.sleep(self._interval_s)
            self._wake.clear()
            while self.waiting:
                if await self._send():
                    pause_s = _FIRST_PAUSE_S
                else:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if self._is_closing:
                return

    def close(self) -> None:
        """Lets `run` return once everything is settled. What the store does not take in time is the caller's to cancel."""
        self._is_closing = True
        self._wake.set()

    async def _send(self) -> bool:
        """True when one batch more is in the books, or there was none."""
        batch = self._flight = self._flight or self._next()
        try:
            await self._introduce(batch.organisation)
            await self._name_undecided(batch)
            args = self._args(batch)
            reply = await self._store.run(SETTLE, (lease_key(batch.organisation),), args, timeout_s=_PATIENCE_S)
        except StoreError as error:
            return self._failed(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one batch, those behind it are settled
            return self._given_up(batch, error)
        self._flight = self._after(batch, reply)
        return True

    def _failed(self, batch: _Batch, error: StoreError) -> bool:
        """True when the batch is given up: a script that fails in the middle would only charge its first half again."""
        if error.code in _POISON:
            return self._given_up(batch, error)
        if self.counters.failures % 100 == 0:
            _log.warning("the store takes no settlements (%s); %d wait", error, self.waiting)
        self.counters.failures += 1
        return False

    def _given_up(self, batch: _Batch, error: Exception) -> bool:
        _log.error("%d settlements of %s are lost: %r", len(batch.records), batch.organisation, error)
        self.counters.dropped += len(batch.records)
        self._flight = None
        return True

    def _next(self) -> _Batch:
        organisation, queue = next(iter(self._waiting.items()))
        records = tuple(queue.popleft() for _ in range(min(_BATCH, len(queue))))
        # To the end of the line: organisations take turns.
        del self._waiting[organisation]
        if queue:
            self._waiting[organisation] = queue
        self._count -= len(records)
        self._number += 1
        return _Batch(organisation, self._number, records)

    def _after(self, batch: _Batch, reply: list[int | list[bytes]]) -> _Batch | None:
        """Counts what was done; leases that the store has lost make another batch."""
        if not reply:
            return None
        settled, mended, known, lost = reply
        counters = self.counters
        counters.settled += settled  # type: ignore[operator]
        counters.mended += mended  # type: ignore[operator]
        counters.known += known  # type: ignore[operator]
        if not lost:
            return None
        names = {name.decode() for name in lost}  # type: ignore[union-attr]
        counters.lost += len(names)
        self._number += 1
        again = tuple(record for record in batch.records if record.lease in names)
        return _Batch(batch.organisation, self._number, again, with_counts=True)

    async def _introduce(self, organisation: str) -> None:
        # Again and again: a store that comes back empty, or as a replica that lagged, knows nobody, and nobody's leases are swept.
        now_s = self._clock.monotonic()
        if now_s - self._organisations.get(organisation, -_INTRODUCED_S) >= _INTRODUCED_S:
            await self._store.command("SADD", ORGANISATIONS_KEY, organisation)
            self._organisations[organisation] = now_s

    async def _name_undecided(self, batch: _Batch) -> None:
        ids = [record.request_id for record in batch.records if record.kind == "unmanaged" and record.request_id]
        if ids:
            known_at = int(self._clock.wall())
            await self._store.command("ZADD", UNDECIDED_KEY, *(part for each in ids for part in (known_at, each)))

    def _args(self, batch: _Batch) -> tuple[str, ...]:
        plain = [entry_of(record) for record in batch.records if not record.lease]
        leased = [self._settlement(record, batch.with_counts) for record in batch.records if record.lease]
        writer = key_of(batch.organisation, f"writer:{self._writer}")
        text = _compact({"p": plain, "s": leased})
        return ("0", writer, str(batch.number), str(self._bounds.lines), str(self._bounds.keep_s), text)

    def _settlement(self, record: Record, with_counts: bool) -> list[object]:
        is_certain = record.lease_sequence > 0 and not with_counts
        counts = "" if is_certain else self._counts_of(record)
        # Only lengths that were counted teach anything.
        taught = record.completion_tokens if record.outcome == "ok" and not record.is_estimated else -1
        field = output_field(parse(record.scope), record.api)
        return [record.lease, actual_of(record), entry_of(record), field, taught, counts]
