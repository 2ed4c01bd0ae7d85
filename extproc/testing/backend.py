"""A stand-in LLM backend: real sockets, real API shapes, canned words.

It answers OpenAI chat, completions, responses and embeddings, Anthropic messages, `GET /v1/models`, `GET /health`, and vLLM's
`GET /metrics`, and says in each answer and in the header `x-tiermesh-standin` that no model is behind it. What it does wrong is
set by its `behaviour`, by `then` for the next requests, or by a request's `x-standin` header (see `behaviour.parse`).
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Any, Self, cast

from extproc.testing import behaviour as behaviours
from extproc.testing import reply as replies
from extproc.testing.behaviour import Behaviour
from extproc.testing.http1 import Arrival, MalformedError, RequestReader
from extproc.testing.reply import Identity, Reply

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close() sends a reset


class Standin:
    """One stand-in. With `models`, others get 404. The last `kept` requests are in `arrivals`, oldest first."""

    def __init__(self, name: str, *, models: tuple[str, ...] = (), behaviour: Behaviour | None = None, kept: int = 1000) -> None:
        self.who = Identity(name, models)
        self.behaviour = behaviour or Behaviour()
        self.arrivals: deque[Arrival] = deque(maxlen=kept)
        self.served = 0  # replies begun, faults included
        self.host = "127.0.0.1"
        self.port = 0
        self._next: deque[Behaviour] = deque()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._serials = itertools.count(1)

    @property
    def url(self) -> str:
        """Its base address, without a path."""
        return f"http://{self.host}:{self.port}"

    def then(self, *behaviours: Behaviour) -> None:
        """The next POST requests are answered so, one each; after them `behaviour` holds again."""
        self._next.extend(behaviours)

    async def start(self, port: int = 0) -> None:
        """Listens on `port`, 0 for a free one. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, port or self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Stops listening and closes every connection: clients are refused until `start`, which takes the same port again."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    def plan(self, arrival: Arrival) -> tuple[Reply, Behaviour]:
        """The reply to a request, and how it is to be sent. Keeps the request."""
        self.arrivals.append(replace(arrival, at_s=time.time()))
        self.served += 1
        default = self.behaviour
        if self._next and arrival.method == "POST":
            default = self._next.popleft()
        try:
            behaviour = behaviours.from_headers(arrival.headers, name=self.who.name, default=default)
        except ValueError as error:
            return replies.bad_request(self.who, arrival.path, f"x-standin: {error}"), Behaviour()
        return replies.reply(arrival, self.who, behaviour, next(self._serials)), behaviour

    def joined(self, connection: _Connection) -> None:
        """A client has connected."""
        self._connections.add(connection)

    def left(self, connection: _Connection) -> None:
        """A client has gone."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """One client's connection; one request at a time."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._reader = RequestReader()
        self._transport: asyncio.Transport | None = None
        self._early = b""  # what a client sent before it had its answer
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._standin.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._standin.left(self)
        self._transport = None
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self._early += data
            return
        try:
            arrival = self._reader.feed(data)
            while arrival is not None and self._answer(arrival):
                arrival = self._reader.feed(b"")
        except MalformedError as error:
            self._send(replies.bad_request(self._standin.who, "", str(error)))
            self.close()
            return
        if self._reader.expects_continue and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def abort(self) -> None:
        """Resets the connection."""
        if self._transport is not None:
            sock: socket.socket | None = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def close(self) -> None:
        """Closes the connection in order."""
        if self._transport is not None:
            self._transport.close()

    def _answer(self, arrival: Arrival) -> bool:
        """Whether the answer has been given and the next request may be looked at."""
        reply, behaviour = self._standin.plan(arrival)
        if behaviour.fault == "reset":
            self.abort()
        elif behaviour.fault == "close":
            self.close()
        elif behaviour.fault == "hang" or reply.events is not None or behaviour.first_byte_s or behaviour.cut_after is not None:
            self._answering = asyncio.get_running_loop().create_task(self._answer_slowly(reply, behaviour))
        else:
            self._send(reply)
            if arrival.headers.get("connection", "").lower() != "close":
                return True
            self.close()
        return False

    async def _answer_slowly(self, reply: Reply, behaviour: Behaviour) -> None:
        if behaviour.fault == "hang":
            await asyncio.Event().wait()
        if behaviour.first_byte_s:
            await asyncio.sleep(behaviour.first_byte_s)
        if reply.events is not None:
            is_whole = await self._stream(reply.head, reply.events, behaviour)
        else:
            is_whole = behaviour.cut_after is None
            self._send(reply if is_whole else Reply(reply.head, reply.body[: len(reply.body) // 2]))
        if not is_whole:
            self.close()
            return
        self._answering = None
        early, self._early = self._early, b""
        self.data_received(early)

    async def _stream(self, before: bytes, events: Iterator[bytes], behaviour: Behaviour) -> bool:
        for count, event in enumerate(events):
            if count == behaviour.cut_after:
                return False
            if self._transport is None:
                return False
            self._transport.write(before + f"{len(event):x}\r\n".encode() + event + b"\r\n")
            before = b""
            # Even without a gap each event leaves on its own, as real servers send them.
            await asyncio.sleep(behaviour.gap_s)
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")
        return True

    def _send(self, reply: Reply) -> None:
        if self._transport is not None:
            self._transport.write(reply.head + reply.body)


class StandinThread:
    """A stand-in on an event loop of its own, for code that is not asynchronous. A context manager that gives the stand-in."""

    def __init__(self, standin: Standin) -> None:
        import uvloop

        self.standin = standin
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"standin-{standin.who.name}", daemon=True)

    def refuse(self) -> None:
        """See `Standin.refuse`."""
        self._run(self.standin.refuse())

    def accept(self) -> None:
        """Listens again, on the same port."""
        self._run(self.standin.start())

    @property
    def port(self) -> int:
        """Its port."""
        return self.standin.port

    @property
    def url(self) -> str:
        """Its base address."""
        return self.standin.url

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self.standin.start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self.standin.refuse())
        self._run(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


async def _settle() -> None:
    # Replies that were cut off by the end are cancelled tasks; the loop may close once they have noticed.
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
