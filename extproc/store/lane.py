"""The way to one server: a connection that is kept open, and given up quickly.

    no connection yet     callers wait for it, within their time
    connected             callers share it
    away                  after a failed attempt or an overdue answer: callers are told at once, and one task tries to come back

A connection that breaks is opened again at once; only when that fails is the server away. Attempts follow each other after
0, 0.1, 0.2 ... 1 s. The count begins anew with the end of a connection that has served for a while, so that a server which
greets quickly and answers slowly is tried ever less often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from extproc.clock import Clock
from extproc.errors import StoreError, StoreReason
from extproc.store.connection import Connection
from extproc.store.resp import ReplyError, pack
from extproc.store.script import Argument, Script

_log = logging.getLogger(__name__)

Dial = Callable[[Callable[[Connection, StoreReason], None]], Awaitable[Connection]]

_FIRST_PAUSE_S = 0.1
_MOST_DOUBLINGS = 4
_LONGEST_PAUSE_S = 1.0
_WHILE_S = 1.0
_SHORTEST_S = 0.001
_ASKING = pack(("ASKING",))
# The server will go on saying so; another connection, perhaps to another server, may not.
_UNUSABLE = frozenset({"LOADING", "MASTERDOWN", "NOAUTH", "READONLY"})


class Lane:
    """Scripts for the server that `dial` reaches; `name` is what messages call it. `on_trouble` hears of each failure."""

    def __init__(self, name: str, dial: Dial, clock: Clock, on_trouble: Callable[[], None] | None = None) -> None:
        self.is_away = False
        self._name = name
        self._dial = dial
        self._clock = clock
        self._on_trouble = on_trouble
        self._connection: Connection | None = None
        self._opening: asyncio.Future[Connection | None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._bad = 0  # attempts and connections in a row that came to nothing
        self._opened_at = 0.0
        self._away_since = 0.0
        self._why = ""
        self._is_closed = False

    @property
    def round_trip_s(self) -> float:
        """What the last answer took; 0 before there was one."""
        return self._connection.round_trip_s if self._connection is not None else 0.0

    @property
    def waiting(self) -> int:
        """Commands without an answer yet."""
        return self._connection.waiting if self._connection is not None else 0

    async def send(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Argument], timeout_s: float, *, is_asking: bool = False
    ) -> Any:
        """The script's reply or the server's ReplyError, within `timeout_s`. Raises StoreError.

        `is_asking` is for a key that is moving here (Redis Cluster: ASK).
        """
        started = self._clock.monotonic()
        connection = self._connection
        if connection is None:
            connection = await self._opened(timeout_s)
            opened = self._clock.monotonic()
            timeout_s, started = max(timeout_s - (opened - started), _SHORTEST_S), opened
        if is_asking:
            connection.call(_ASKING, timeout_s).cancel()  # its answer does not matter
        if script.sha1 in connection.loaded:
            reply = await connection.call(script.by_digest(keys, arguments), timeout_s)
        else:
            connection.loaded.add(script.sha1)
            reply = await connection.call(script.by_text(keys, arguments), timeout_s)
        if type(reply) is ReplyError:
            left_s = timeout_s - (self._clock.monotonic() - started)
            if reply.code == "NOSCRIPT" and left_s > 0:  # flushed, or forgotten in favour of others
                reply = await connection.call(script.by_text(keys, arguments), left_s)
            if type(reply) is ReplyError and reply.code in _UNUSABLE:
                self._leave(connection, reply.code)
        return reply

    async def ready(self, timeout_s: float) -> bool:
        """Whether there is a connection within `timeout_s`, also after attempts that failed."""
        due = self._clock.monotonic() + timeout_s
        while self._connection is None and not self._is_closed and (left_s := due - self._clock.monotonic()) > 0:
            self.start()
            if self._opening is None:  # between two attempts
                await asyncio.sleep(min(left_s, _FIRST_PAUSE_S / 2))
            else:
                await asyncio.wait((self._opening,), timeout=left_s)
        return self._connection is not None

    def start(self) -> None:
        """Begins to connect, if nothing has."""
        if self._connection is None and self._keeper is None and not self._is_closed:
            self._opening = asyncio.get_running_loop().create_future()
            self._keeper = asyncio.create_task(self._open())

    async def close(self) -> None:
        """Ends it; whoever waits gets a StoreError."""
        self._is_closed = True
        self._settle(None)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    # ---- coming and going ----

    async def _opened(self, timeout_s: float) -> Connection:
        if self.is_away or self._is_closed:
            raise StoreError("away", self._why)
        self.start()
        connection: Connection | None = None
        if self._opening is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    connection = await asyncio.shield(self._opening)
            except TimeoutError:
                self._away("it is slow to connect")
        if connection is None:
            raise StoreError("away", self._why)
        return connection

    async def _open(self) -> None:
        while True:
            pause_s = self._next_pause_s()
            if pause_s:
                self._failed(self._why or "connections do not last")
            await asyncio.sleep(pause_s)
            try:
                connection = await self._dial(self._troubled)
            except Exception as error:  # noqa: BLE001 - whatever it was, there must be a next attempt
                self._failed(_words(error))
            else:
                if connection.is_open:
                    break
                self._failed("the connection broke")
        self._keeper = None
        self._connection = connection
        self._opened_at = self._clock.monotonic()
        self._why = ""
        if self.is_away:
            self.is_away = False
            _log.info("the store at %s is back after %.1f s", self._name, self._clock.monotonic() - self._away_since)
        self._settle(connection)

    def _failed(self, why: str) -> None:
        self._away(why)
        self._settle(None)
        self._tell()

    def _next_pause_s(self) -> float:
        tries, self._bad = self._bad, self._bad + 1
        return min(_FIRST_PAUSE_S * 2 ** min(tries - 1, _MOST_DOUBLINGS), _LONGEST_PAUSE_S) if tries else 0.0

    def _troubled(self, connection: Connection, reason: StoreReason) -> None:
        if connection is not self._connection:
            return
        if reason == "timeout":
            self._leave(connection, "no answer in time")
        else:
            self._reopen()

    def _leave(self, connection: Connection, why: str) -> None:
        connection.retire()
        if connection is self._connection:
            self._away(why)
            self._reopen()

    def _reopen(self) -> None:
        self._connection = None
        if self._clock.monotonic() - self._opened_at > _WHILE_S:
            self._bad = 0
        self.start()
        self._tell()

    def _away(self, why: str) -> None:
        self._why = why
        if not self.is_away and not self._is_closed:
            self.is_away = True
            self._away_since = self._clock.monotonic()
            _log.warning("the store at %s is away: %s", self._name, why)

    def _settle(self, connection: Connection | None) -> None:
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            opening.set_result(connection)

    def _tell(self) -> None:
        if self._on_trouble is not None:
            self._on_trouble()


def _words(error: Exception) -> str:
    """What went wrong, without anything that a URL or a file said."""
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return type(error).__name__
