"""A Redis Cluster: one lane to each master, each with an absence of its own, so that a shard that is gone takes no other along."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from extproc.errors import StoreError, StoreReason
from extproc.store.address import Node, node_text
from extproc.store.connection import Connection
from extproc.store.dial import Dialer
from extproc.store.lane import Lane
from extproc.store.resp import ReplyError, pack
from extproc.store.script import Argument, Script
from extproc.store.slots import SLOTS, owners, redirection, slot_of

_log = logging.getLogger(__name__)

_ASK_FOR_MAP = pack(("CLUSTER", "SLOTS"))
_OUTDATED = frozenset({"CLUSTERDOWN", "MOVED", "READONLY"})
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


class Cluster:
    """Sends a script to whoever has its first key, follows one redirection, and keeps the map of slots up to date.

    The map is read at the start, after a redirection, and for as long as a master is away: from the masters known so far,
    then from the address's own.
    """

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._clock = dialer.clock
        self._owners: list[Node | None] = [None] * SLOTS
        self._lanes: dict[Node, Lane] = {}
        self._mapping: asyncio.Task[None] | None = None
        self._mapped = asyncio.Event()
        self._is_stale = True
        self._is_unknown = False
        self._is_told = False
        self._is_closed = False

    @property
    def is_away(self) -> bool:
        """Whether any master is, or nobody says who they are."""
        return self._is_unknown or any(lane.is_away for lane in self._lanes.values())

    @property
    def round_trip_s(self) -> float:
        """The slowest master's last."""
        return max((lane.round_trip_s for lane in self._lanes.values()), default=0.0)

    @property
    def waiting(self) -> int:
        """Scripts without an answer yet."""
        return sum(lane.waiting for lane in self._lanes.values())

    async def ready(self, timeout_s: float) -> bool:
        """Whether the map is known and every master connected within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._known()
                return all(await asyncio.gather(*[lane.ready(timeout_s) for lane in self._lanes.values()]))
        except TimeoutError:
            return False

    async def send(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument], timeout_s: float) -> Any:
        """As `Lane.send`."""
        due = self._clock.monotonic() + timeout_s
        if not self._mapped.is_set():
            await self._known_within(timeout_s)
        slot = slot_of(keys[0])
        node = self._owners[slot]
        if node is None:
            self._outdated()
            raise StoreError("away", "no master has the key's slot")
        reply = await self._lane(node).send(script, keys, arguments, due - self._clock.monotonic())
        if type(reply) is not ReplyError:
            return reply
        if reply.code in _OUTDATED:
            self._outdated()
        onward = redirection(reply, node) if reply.code in ("MOVED", "ASK") else None
        if onward is None:
            return reply
        if reply.code == "MOVED":
            self._owners[slot] = onward
        left_s = due - self._clock.monotonic()
        if left_s <= 0:
            raise StoreError("away", "no time was left to follow the redirection")
        return await self._lane(onward).send(script, keys, arguments, left_s, is_asking=reply.code == "ASK")

    async def close(self) -> None:
        """Ends it; whoever waits gets a StoreError."""
        self._is_closed = True
        if self._mapping is not None:
            self._mapping.cancel()
            await asyncio.gather(self._mapping, return_exceptions=True)
        await asyncio.gather(*[lane.close() for lane in self._lanes.values()])

    def _lane(self, node: Node) -> Lane:
        lane = self._lanes.get(node)
        if lane is None:
            if self._is_closed:
                raise StoreError("away", "closed")
            dialer = self._dialer
            lane = Lane(node_text(node), lambda on_trouble: dialer.open(node, on_trouble), self._clock, self._outdated)
            self._lanes[node] = lane
            lane.start()
        return lane

    # ---- the map ----

    def _outdated(self) -> None:
        self._is_stale = True
        if (self._mapping is None or self._mapping.done()) and not self._is_closed:
            self._mapping = asyncio.create_task(self._keep_mapped())

    async def _known(self) -> None:
        if not self._mapped.is_set():
            self._outdated()
            await self._mapped.wait()

    async def _known_within(self, timeout_s: float) -> None:
        if not self._is_unknown:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._known()
                return
            except TimeoutError:
                self._without_map()
        raise StoreError("away", "the map of the cluster is not known")

    async def _keep_mapped(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while self._is_stale or self.is_away:
            self._is_stale = False
            if not await self._read_map():
                self._is_stale = True
            if self._is_stale or self.is_away:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _read_map(self) -> bool:
        for node in dict.fromkeys((*self._lanes, *self._dialer.address.nodes)):
            try:
                found = owners(await self._ask(node), node)
            except Exception as error:  # noqa: BLE001 - whatever it was, there must be a next one to ask
                _log.debug("%s does not give the map of the cluster: %s", node_text(node), type(error).__name__)
                continue
            if found is not None:
                await self._take(found)
                return True
        self._without_map()
        return False

    def _without_map(self) -> None:
        self._is_unknown = not self._mapped.is_set()
        if not self._is_told:
            self._is_told = True
            _log.warning("nobody gives the map of the cluster at %s", self._dialer.address)

    async def _ask(self, node: Node) -> Any:
        connection = await self._dialer.open(node, _ignore)
        try:
            return await connection.call(_ASK_FOR_MAP, self._dialer.connect_timeout_s)
        finally:
            connection.abort()

    async def _take(self, found: list[Node | None]) -> None:
        self._owners = found
        self._is_unknown = self._is_told = False
        masters = {node for node in found if node is not None}
        for node in masters:
            self._lane(node)
        for gone in self._lanes.keys() - masters:
            await self._lanes.pop(gone).close()
        self._mapped.set()


def _ignore(connection: Connection, reason: StoreReason) -> None:
    pass
