"""Opening a connection: the socket, TLS, who we are, which database, and a first answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.clock import Clock
from extproc.errors import StoreError, StoreReason
from extproc.store.address import Access, Address, Node
from extproc.store.connection import Connection
from extproc.store.resp import ReplyError, pack

Trouble = Callable[[Connection, StoreReason], None]

_NAME = "tiermesh"  # in the server's CLIENT LIST
# Balancers and firewalls forget quiet connections without a word: probes keep them known, and find those already forgotten.
_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


@dataclass(frozen=True, slots=True)
class Dialer:
    """How connections to the servers of one store are opened, all of it within `connect_timeout_s`."""

    address: Address
    clock: Clock
    connect_timeout_s: float

    async def open(self, node: Node | None, on_trouble: Trouble, *, must_be_master: bool = False) -> Connection:
        """A connection to `node`, None for a Unix socket's. Raises StoreError, OSError (ssl.SSLError too) or TimeoutError."""
        async with asyncio.timeout(self.connect_timeout_s):
            username, password = credentials(self.address)
            connection = await self._connect(node, Connection(self.clock, on_trouble))
            try:
                await self._greet(connection, username, password, must_be_master=must_be_master)
            except BaseException:
                connection.abort()
                raise
        return connection

    async def _connect(self, node: Node | None, connection: Connection) -> Connection:
        loop = asyncio.get_running_loop()
        if node is None:
            await loop.create_unix_connection(lambda: connection, self.address.path)
            return connection
        # Reading the authorities takes milliseconds that the requests on this loop must not wait for.
        tls = await asyncio.to_thread(tls_context, self.address.access) if self.address.is_tls else None
        transport, _ = await loop.create_connection(lambda: connection, *node, ssl=tls)
        _keep_alive(transport.get_extra_info("socket"))
        return connection

    async def _greet(self, connection: Connection, username: str, password: str, *, must_be_master: bool) -> None:
        commands: list[tuple[str | int, ...]] = [("PING",)]
        if must_be_master:
            commands.insert(0, ("ROLE",))
        if self.address.database:
            commands.insert(0, ("SELECT", self.address.database))
        if password:
            commands.insert(0, ("AUTH", username, password) if username else ("AUTH", password))
        commands.append(("CLIENT", "SETNAME", _NAME))
        replies = await asyncio.gather(*[connection.call(pack(command), self.connect_timeout_s) for command in commands])
        for command, reply in zip(commands, replies, strict=True):
            _must_be_fine(str(command[0]), reply)


def _must_be_fine(name: str, reply: Any) -> None:
    # Of an error only the code is told: to a server that does not know AUTH its arguments are part of the text.
    if isinstance(reply, ReplyError) and name != "CLIENT":
        raise StoreError("refused", f"{name} was answered with {reply.code}", code=reply.code)
    if name == "ROLE" and reply[:1] != [b"master"]:
        raise StoreError("refused", "it is no master", code="READONLY")


def _keep_alive(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # comfort, and not everywhere to be had
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            if hasattr(socket, option):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def credentials(address: Address) -> tuple[str, str]:
    """User and password for the servers, either may be empty. Raises OSError when the password's file cannot be read."""
    return address.username, _secret(address.access.password_file) or address.password


def sentinel_credentials(access: Access) -> tuple[str, str]:
    """User and password for the sentinels. Raises OSError."""
    return access.sentinel_username, _secret(access.sentinel_password_file)


def _secret(file: str) -> str:
    return Path(file).read_text(encoding="utf-8").strip() if file else ""


def tls_context(access: Access) -> ssl.SSLContext:
    """Verified TLS, 1.2 at least, with our certificate where there is one. Raises OSError."""
    context = ssl.create_default_context(cafile=access.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if access.certificate_file:
        context.load_cert_chain(access.certificate_file, access.key_file or None)
    return context
