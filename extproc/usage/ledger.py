"""Records on their way into the store: a capped Redis stream that any replica appends to and anyone may read.

Nothing waits for the store. Records queue up in memory and leave in batches; while the store is away the queue grows to its
bound and then loses its oldest, counted. A batch whose fate is unknown, because the connection broke after it was sent, is
sent again under the same number, and the store takes each writer's numbers once and upwards: no record is in the stream
twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import deque
from collections.abc import Iterable
from typing import Any

from extproc.store import Script, Store, StoreError
from extproc.usage.record import Record

_log = logging.getLogger(__name__)

RECORDS_KEY = "tiermesh:records"

_FIELD = b"r"
_WRITER_TTL_S = 24 * 3600
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0

# KEYS: the stream, the number of this writer's last batch. ARGV: this batch's number, seconds to remember it, records to
# keep, then the records.
_APPEND = Script("""
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then return 0 end
for i = 4, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'r', ARGV[i]) end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
return #ARGV - 3
""")


class Ledger:
    """Appends records to the stream `key`, about the latest `kept` of them. For one event loop.

    `bound` records wait at most, `batch` travel together, `interval_s` is how long the first of a batch waits for others, and
    `timeout_s` how long the store may take for one. The store is the caller's, who also closes it.
    """

    def __init__(
        self,
        store: Store,
        *,
        kept: int,
        key: str = RECORDS_KEY,
        bound: int = 20_000,
        batch: int = 500,
        interval_s: float = 0.1,
        timeout_s: float = 2.0,
    ) -> None:
        self._store = store
        self._kept = kept
        self._key = key
        self._batch = batch
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._waiting: deque[str] = deque(maxlen=bound)
        self._wake = asyncio.Event()
        self._is_closing = False
        self._flight: list[str] = []  # the batch being sent, until the store has it
        self._number = 0  # of that batch
        # The braces put it into the stream's hash slot, so that one script may touch both in a cluster.
        self._writer_key = f"{{{key}}}:writer:{uuid.uuid4().hex}"
        self.written = 0
        self.dropped = 0
        self.failures = 0  # batches that had to be sent again

    @property
    def waiting(self) -> int:
        """Records not yet in the store."""
        return len(self._waiting) + len(self._flight)

    def put(self, lines: Iterable[str]) -> None:
        """Takes the lines of records (`Record.line`) in; returns at once, whatever the store does."""
        for line in lines:
            if len(self._waiting) == self._waiting.maxlen:
                self.dropped += 1
            self._waiting.append(line)
        if self._waiting and not self._wake.is_set():
            self._wake.set()

    async def run(self) -> None:
        """Writes until `close`, then what is left. Cancel it to give that up."""
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
        """Lets `run` return once everything is written. What the store does not take in time is the caller's to cancel."""
        self._is_closing = True
        self._wake.set()

    async def _send(self) -> bool:
        """True when the store has one batch more, or there was none."""
        if not self._flight:
            self._flight = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            self._number += 1
        try:
            counts = (str(self._number), str(_WRITER_TTL_S), str(self._kept))
            await self._store.run(_APPEND, (self._key, self._writer_key), (*counts, *self._flight), timeout_s=self._timeout_s)
        except StoreError as error:
            if self.failures % 100 == 0:
                _log.warning("the store takes no records (%s); %d wait, %d lost", error.reason, self.waiting, self.dropped)
            self.failures += 1
            return False
        self.written += len(self._flight)
        self._flight = []
        return True


async def read_records(store: Store, since_id: str = "", *, limit: int = 1000, key: str = RECORDS_KEY) -> tuple[list[Record], str]:
    """The records after `since_id` ("": from the oldest kept), `limit` at most, and the ID to go on from.

    An entry that is no record is skipped. Raises StoreError when the store cannot be read.
    """
    start = f"({since_id}" if since_id else "-"
    entries = await store.command("XRANGE", key, start, "+", "COUNT", limit)
    records: list[Record] = []
    last_id = since_id
    for entry_id, fields in entries or ():
        last_id = entry_id.decode()
        record = _record_in((fields or {}).get(_FIELD))
        if record is not None:
            records.append(record)
    return records, last_id


def _record_in(value: Any) -> Record | None:
    try:
        members = json.loads(value) if value is not None else None
        return Record.from_json(members) if isinstance(members, dict) else None
    except (ValueError, RecursionError):
        return None
