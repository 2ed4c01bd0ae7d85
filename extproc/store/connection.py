"""One connection to one server, shared by everyone who asks: commands go out as they come, answers return in their order.

A reply belongs to the oldest command without one, whatever became of who sent it. A caller who gave up or was cancelled
leaves its place in the queue, its reply is read and dropped, and nobody ever gets another's. What cannot be read closes the
connection.

Time is watched by one timer a connection, not one a call. A timer may fire late, because the event loop was held up, while
the answer lies unread in the socket; so before a call is given up the socket is looked at, and what is there is read first.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from extproc.clock import Clock
from extproc.errors import StoreError, StoreReason
from extproc.store.resp import ProtocolBrokenError, parse

_MOST_WAITING = 1024
_TICK_S = 0.001  # uvloop's timers count milliseconds
_MOST_LOOKS = 3  # turns of the loop that an answer in the socket gets to be read; one is enough unless it is huge

_Waiting = tuple["asyncio.Future[Any]", float, float]  # the answer, when it is due, when it was asked for


class Connection(asyncio.Protocol):
    """Bounded: 1024 commands wait for their answers at most. `on_trouble` is told once, when it is lost or an answer is overdue."""

    def __init__(self, clock: Clock, on_trouble: Callable[[Connection, StoreReason], None]) -> None:
        self.loaded: set[str] = set()  # digests of scripts the server has been shown here
        self.round_trip_s = 0.0
        self._clock = clock
        self._on_trouble: Callable[[Connection, StoreReason], None] | None = on_trouble
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._unread = b""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._looks = 0
        self._is_retired = False

    @property
    def is_open(self) -> bool:
        """Whether it can be used still."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def waiting(self) -> int:
        """Commands without an answer yet."""
        return len(self._waiting)

    def call(self, data: bytes, timeout_s: float) -> asyncio.Future[Any]:
        """The reply to one packed command, a `ReplyError` among replies. Raises StoreError, at once or in the future."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise StoreError("away")
        if len(self._waiting) >= _MOST_WAITING:
            raise StoreError("busy", f"{_MOST_WAITING} commands wait already")
        now = self._clock.monotonic()
        due = now + timeout_s
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((future, due, now))
        transport.write(data)
        if self._timer is None or due < self._timer_due:
            self._arm(due, due - now)
        return future

    def retire(self) -> None:
        """Takes no more, and closes once nobody waits for an answer."""
        self._on_trouble = None
        self._is_retired = True
        if not self._has_callers():
            self.abort()

    def abort(self) -> None:
        """Closes now; whoever waits gets a StoreError."""
        self._on_trouble = None
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._waiting = self._waiting, deque()
        for future, _, _ in waiting:
            if not future.done():
                future.set_exception(StoreError("lost"))
        self._tell("lost")

    def data_received(self, data: bytes) -> None:
        buffer = self._unread + data if self._unread else data
        size, position, waiting = len(buffer), 0, self._waiting
        try:
            while position < size:
                parsed = parse(buffer, position)
                if parsed is None:
                    break
                reply, position = parsed
                future, _, asked_at = waiting.popleft()
                if not future.done():
                    future.set_result(reply)
                self.round_trip_s = self._clock.monotonic() - asked_at
        except (ProtocolBrokenError, IndexError, RecursionError):  # no RESP, or a reply that nobody asked for
            position = size
            if self._transport is not None:
                self._transport.abort()
        self._unread = buffer[position:]
        if self._is_retired and not self._has_callers():
            self.abort()

    # ---- time ----

    def _arm(self, due: float, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_later(max(delay_s, _TICK_S), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        due = min((due for future, due, _ in self._waiting if not future.done()), default=None)
        if due is None:
            self._looks = 0
            if self._is_retired:
                self.abort()
        elif due > now:
            self._looks = 0
            self._arm(due, due - now)
        elif self._looks < _MOST_LOOKS and self._is_readable():
            self._looks += 1
            self._arm(due, _TICK_S)
        else:
            self._looks = 0
            self._give_up(now)

    def _give_up(self, now: float) -> None:
        for future, due, _ in self._waiting:
            if due <= now and not future.done():
                future.set_exception(StoreError("timeout"))
        self._tell("timeout")
        self._look()

    def _is_readable(self) -> bool:
        if self._transport is None:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _has_callers(self) -> bool:
        return any(not future.done() for future, _, _ in self._waiting)

    def _tell(self, reason: StoreReason) -> None:
        told, self._on_trouble = self._on_trouble, None
        if told is not None:
            told(self, reason)
