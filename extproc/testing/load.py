"""A load player: a closed loop of clients that each send the next request when they have their answer.

It reads no more of an answer than it must, so that it measures the gateway and not itself.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from extproc.testing.http1 import Body, MalformedError

_RECONNECT_S = 0.05


@dataclass(slots=True)
class Load:
    """What came of it. The lists hold one number an answer with status 200; seconds."""

    duration_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    first_bytes_s: list[float] = field(default_factory=list)
    bodies_s: list[float] = field(default_factory=list)  # from an answer's first byte to its last
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)  # requests that got no whole answer, and why

    @property
    def answers(self) -> int:
        """Whole answers, whatever their status."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """Requests without a whole answer with status 200."""
        return sum(self.failures.values()) + self.answers - self.statuses[200]

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.statuses[200] / self.duration_s if self.duration_s else 0.0


def request_bytes(path: str, body: bytes, *, host: str = "127.0.0.1", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole POST request of JSON; a GET when the body is empty."""
    method = "POST" if body else "GET"
    head = {"host": host, "content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


async def play(
    host: str,
    port: int,
    requests: Sequence[bytes],
    *,
    clients: int = 1,
    duration_s: float | None = None,
    count: int | None = None,
    until: asyncio.Event | None = None,
    patience_s: float = 30.0,
) -> Load:
    """Plays `requests` in turn, again and again, for `duration_s`, or until `count` are sent, or until the event is set.

    Requests under way then are awaited for at most `patience_s`; what has not been answered by then is a failure. Failures
    are counted, never raised, and a lost connection is opened again.
    """
    if duration_s is None and count is None and until is None:
        raise ValueError("say how long: duration_s, count or until")
    player = _Player(host, port, itertools.cycle(requests), left=count)
    start = perf_counter()
    everyone = [asyncio.ensure_future(player.run_client()) for _ in range(clients)]
    waiting = [*everyone] if until is None else [*everyone, asyncio.ensure_future(until.wait())]
    await asyncio.wait(waiting, timeout=duration_s, return_when="ALL_COMPLETED" if until is None else "FIRST_COMPLETED")
    player.is_over = True
    _, late = await asyncio.wait(everyone, timeout=patience_s)
    player.load.duration_s = perf_counter() - start
    for task in (*late, *waiting):
        task.cancel()
    if late:
        player.load.failures["no answer in time"] += len(late)
    await asyncio.gather(*waiting, return_exceptions=True)
    return player.load


class _Player:
    """What the clients share."""

    def __init__(self, host: str, port: int, requests: Iterator[bytes], *, left: int | None) -> None:
        self.load = Load()
        self.is_over = False
        self._address = (host, port)
        self._requests = requests
        self._left = left

    def next_request(self) -> bytes | None:
        """The next one to send, or None when it is over."""
        if self.is_over:
            return None
        if self._left is not None:
            if self._left <= 0:
                return None
            self._left -= 1
        return next(self._requests)

    async def run_client(self) -> None:
        """Returns when there is no more to send."""
        loop = asyncio.get_running_loop()
        request = self.next_request()
        while request is not None:
            ended: asyncio.Future[str] = loop.create_future()
            try:
                transport, _ = await loop.create_connection(lambda r=request, e=ended: _Client(self, r, e), *self._address)  # type: ignore[misc]
            except OSError as error:
                self.load.failures[f"cannot connect: {error.strerror}"] += 1
                await asyncio.sleep(_RECONNECT_S)
            else:
                try:
                    trouble = await ended
                finally:
                    transport.close()
                if trouble:
                    self.load.failures[trouble] += 1
            request = self.next_request()


class _Client(asyncio.Protocol):
    """One connection. `ended` gets "" when there is no more to send or the server closed in between, else the trouble."""

    def __init__(self, player: _Player, request: bytes, ended: asyncio.Future[str]) -> None:
        self._player = player
        self._request: bytes | None = request
        self._ended = ended
        self._transport: asyncio.Transport
        self._head = b""
        self._body: Body | None = None
        self._status = 0
        self._closes = False
        self._sent_at = self._first_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send(self._request or b"")

    def data_received(self, data: bytes) -> None:
        if self._body is None:
            if not self._head:
                self._first_at = perf_counter()
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._body = self._read_head(head)
        try:
            self._body.feed(data)
        except MalformedError as error:
            self._end(str(error))
            return
        if self._body.is_complete:
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._request is not None:
            self._end(f"connection lost: {type(exc).__name__}" if exc else "connection closed before the answer was whole")
        else:
            self._end("")

    def _send(self, request: bytes) -> None:
        self._head, self._body = b"", None
        self._sent_at = perf_counter()
        self._transport.write(request)

    def _read_head(self, head: bytes) -> Body:
        lowered = head.lower()
        self._status = int(lowered[9:12])
        self._closes = b"\r\nconnection: close" in lowered
        _, found, rest = lowered.partition(b"\r\ncontent-length:")
        length = int(rest.partition(b"\r\n")[0]) if found else None
        return Body(length, keep=False)

    def _settle(self) -> None:
        now, load = perf_counter(), self._player.load
        load.statuses[self._status] += 1
        if self._status == 200:
            load.latencies_s.append(now - self._sent_at)
            load.first_bytes_s.append(self._first_at - self._sent_at)
            load.bodies_s.append(now - self._first_at)
        if self._closes:
            self._request = None
            self._end("")
            return
        self._request = self._player.next_request()
        if self._request is None:
            self._end("")
        else:
            self._send(self._request)

    def _end(self, trouble: str) -> None:
        self._request = None
        if not self._ended.done():
            self._ended.set_result(trouble)
