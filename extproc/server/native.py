"""The native transport: HTTP/2 connections accepted on a socket that the supervisor holds."""

from __future__ import annotations

import asyncio
import socket

from extproc.server.call import Service
from extproc.server.connection import Connection

_POLL_S = 0.02
_QUIET_S = 0.25
_LINGER_S = 1.0  # for a peer that is slow to take the last answers


class NativeServer:
    """Accepts connections for one service. One per worker."""

    def __init__(self, service: Service, max_message_bytes: int) -> None:
        self._service = service
        self._max_message_bytes = max_message_bytes
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Returns once connections are accepted on `listening`."""
        loop = asyncio.get_running_loop()
        if listening.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(self._accept, sock=listening, backlog=1024)
        else:
            self._server = await loop.create_server(self._accept, sock=listening, backlog=1024)

    @property
    def is_idle(self) -> bool:
        """Whether nobody is connected."""
        return not self._connections

    async def drain(self, timeout_s: float) -> None:
        """Accept no more, finish what was begun and what is on its way, then close; at most `timeout_s`, and a second to part."""
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        for connection in list(self._connections):
            connection.drain()
        # A while without calls: the peer has read the GOAWAY, and what it had sent before that is answered.
        quiet_since = loop.time()
        while (now := loop.time()) < deadline and self._connections and now - quiet_since < _QUIET_S:
            if any(connection.pending_calls for connection in self._connections):
                quiet_since = now
            await asyncio.sleep(_POLL_S)
        for connection in list(self._connections):
            connection.close()
        deadline = loop.time() + _LINGER_S
        while loop.time() < deadline and self._connections:  # noqa: ASYNC110 - connections are many, and the wait is short
            await asyncio.sleep(_POLL_S)
        for connection in list(self._connections):
            connection.abort()

    def _accept(self) -> Connection:
        connection = Connection(self._service, self._max_message_bytes, self._connections.discard)
        self._connections.add(connection)
        return connection
