"""`Store`: what the rest of TierMesh holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from extproc.clock import Clock, SystemClock
from extproc.errors import StoreError
from extproc.store.address import Address, parse_address
from extproc.store.cluster import Cluster
from extproc.store.connection import Connection
from extproc.store.dial import Dialer, Trouble
from extproc.store.lane import Dial, Lane
from extproc.store.resp import ReplyError
from extproc.store.script import Argument, Script

if TYPE_CHECKING:
    from extproc.store.redispy import Commands

_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Health:
    """How the store is doing, for metrics. `round_trip_s` is the last answer's, 0 before there was one."""

    is_away: bool
    calls: int
    failures: int
    waiting: int
    round_trip_s: float


class _Way(Protocol):
    """To the one server there is, or to several."""

    @property
    def is_away(self) -> bool: ...
    @property
    def round_trip_s(self) -> float: ...
    @property
    def waiting(self) -> int: ...
    async def ready(self, timeout_s: float) -> bool: ...
    async def send(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument], timeout_s: float) -> Any: ...
    async def close(self) -> None: ...


class Store:
    """One store, for one event loop. Made by `connect`."""

    def __init__(self, dialer: Dialer, *, timeout_s: float, patience_s: float, connections: int) -> None:
        self._dialer = dialer
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._places = asyncio.Semaphore(connections)
        self._way: _Way | None = None
        self._commands: Commands | None = None
        self._calls = 0
        self._failures = 0
        self._is_closed = False

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        timeout_s: float = 0.02,
        connect_timeout_s: float = 1.0,
        patience_s: float = 2.0,
        connections: int = 4,
        clock: Clock | None = None,
    ) -> Store:
        """The store at `url`. Does nothing yet: the first use connects, and `ready` does so ahead of it.

        A script has `timeout_s` to be answered, another command `patience_s`; a connection has `connect_timeout_s` to come
        about. `connections` is how many commands besides scripts may be on their way at once. Raises ValueError that does
        not repeat the URL.
        """
        dialer = Dialer(parse_address(url), clock or SystemClock(), connect_timeout_s)
        return cls(dialer, timeout_s=timeout_s, patience_s=patience_s, connections=connections)

    @property
    def address(self) -> Address:
        """Where it is; as text, without credentials."""
        return self._dialer.address

    @property
    def health(self) -> Health:
        """How it is doing now."""
        way = self._way
        if way is None:
            return Health(False, self._calls, self._failures, 0, 0.0)
        return Health(way.is_away, self._calls, self._failures, way.waiting, way.round_trip_s)

    async def ready(self, timeout_s: float) -> bool:
        """Whether there is a connection within `timeout_s`. A worker that waits for it spares its first request that."""
        return await self._started().ready(timeout_s)

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument] = (), *, timeout_s: float | None = None) -> Any:
        """The script's answer: integers, bytes, lists, None. One round trip, and no waiting while the store is away.

        In a cluster all `keys` share a slot. Raises StoreError; after one that `may_have_run` the script may have run, or may
        yet: what has been sent cannot be called back. The same holds for a caller that is cancelled.
        """
        self._calls += 1
        way = self._way or self._started()
        try:
            reply = await way.send(script, keys, arguments, self._timeout_s if timeout_s is None else timeout_s)
        except StoreError:
            self._failures += 1
            raise
        if type(reply) is ReplyError:
            self._failures += 1
            raise StoreError("refused", str(reply)[:_LONGEST_WORDS], code=reply.code)
        return reply

    async def command(self, *arguments: Argument, timeout_s: float | None = None) -> Any:
        """The answer to any command, in redis-py's shape of it; routed by its key in a cluster.

        For what no request waits for: it has connections of its own, and tries also while scripts find the store away. The
        first one loads redis-py, a tenth of a second. Raises StoreError.
        """
        self._must_be_open()
        commands = self._commands or self._redispy()
        try:
            async with asyncio.timeout(self._patience_s if timeout_s is None else timeout_s), self._places:
                return await commands.execute(*arguments)
        except TimeoutError:
            raise StoreError("timeout") from None

    async def close(self) -> None:
        """Ends it; whoever waits gets a StoreError."""
        self._is_closed = True
        if self._way is not None:
            await self._way.close()
        if self._commands is not None:
            await self._commands.close()

    def _must_be_open(self) -> None:
        if self._is_closed:
            raise StoreError("away", "closed")

    def _started(self) -> _Way:
        self._must_be_open()
        if self._way is None:
            self._way = _way_to(self._dialer)
        return self._way

    def _redispy(self) -> Commands:
        from extproc.store.redispy import Commands

        dialer = self._dialer
        self._commands = Commands(dialer.address, dialer.connect_timeout_s)
        return self._commands


def _way_to(dialer: Dialer) -> _Way:
    if dialer.address.kind == "cluster":
        return Cluster(dialer)
    return Lane(str(dialer.address), _dial(dialer), dialer.clock)


def _dial(dialer: Dialer) -> Dial:
    address = dialer.address
    if address.kind == "unix":
        return lambda on_trouble: dialer.open(None, on_trouble)
    if address.kind == "single":
        return lambda on_trouble: dialer.open(address.nodes[0], on_trouble)

    async def to_master(on_trouble: Trouble) -> Connection:
        from extproc.store.redispy import master_of

        return await dialer.open(await master_of(address), on_trouble, must_be_master=True)

    return to_master
