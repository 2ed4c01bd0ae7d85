"""A worker with the real gate, settler and sweeper, on a way to the store where things go wrong."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from extproc.config.compiled import Admission
from extproc.config.limits import Notices
from extproc.errors import StoreError
from extproc.limits import Bounds, Expected, Gate, Grant, Herald, Occasion, Settler, Sweeper, ask_of, tab_of
from extproc.limits.script import SWEEP, WAIVE
from extproc.scope import Scope, parse, text_of
from extproc.store import Script
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line
from tests.limits.world import World

AWAY, UNHEARD, LATE = "away", "unheard", "late"
LEASE_S = 600.0
US = 1_000_000


class Wire:
    """Stands where a worker has its `Store`. What befalls its next steps is in `troubles`.

    away     nothing was sent
    unheard  the step was taken, its answer did not come
    late     it is still on its way, for as long as the test says
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.troubles: deque[str] = deque()

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str] = (), *, timeout_s: float | None = None) -> Any:
        trouble = self.troubles.popleft() if self.troubles and script not in (SWEEP, WAIVE) else ""
        if trouble == AWAY:
            raise StoreError("away")
        step = partial(self._world.take, script, keys, arguments)
        if trouble == LATE:
            self._world.on_the_way.append(step)
            raise StoreError("timeout")
        reply = await step()
        if trouble == UNHEARD:
            raise StoreError("timeout")
        return reply

    async def command(self, *arguments: str, timeout_s: float | None = None) -> Any:
        if self.troubles and self.troubles[0] == AWAY:
            self.troubles.popleft()
            raise StoreError("away")
        return await self._world.store.command(*arguments)


@dataclass(frozen=True)
class Wish:
    """A request as a test wants it: what is expected of it, and what becomes of it."""

    scope: Scope
    prompt: int = 100
    output: int = 50
    cost: int = 1_000
    used_prompt: int = 100
    used_output: int = 50
    used_cost: int = 1_000
    outcome: str = "ok"

    def of(self, organisation: str) -> Wish:
        return replace(self, scope=parse(text_of((organisation, *self.scope[1:]))))


@dataclass
class Request:
    """One that has been asked for."""

    wish: Wish
    lease: str
    grant: Grant
    record: Record  # that it will leave


class Clock:
    """A worker's, a little off."""

    def __init__(self, world: World, skew_us: int) -> None:
        self._world, self._skew_us = world, skew_us

    def wall(self) -> float:
        return (self._world.now_us + self._skew_us) / US

    monotonic = wall


class Worker:
    """As `extproc.server.accounts` puts one together. It settles when a test says so."""

    def __init__(self, world: World, admission: Admission, skew_us: int = 0) -> None:
        bounds = Bounds(lines=world.lines)
        self.world = world
        self.admission = admission
        self.clock = Clock(world, skew_us)
        self.wire = Wire(world)
        self.lost: list[Record] = []
        self.gate = Gate(self.wire, self.clock, flight_patience_s=())  # type: ignore[arg-type]
        self.settler = Settler(self.wire, self._counts_of, bounds=bounds, interval_s=0, clock=self.clock)  # type: ignore[arg-type]
        herald = Herald(Notices(), lambda _: None)
        self.sweeper = Sweeper(self.wire, herald, self.clock, self.lost.extend, bounds=bounds)  # type: ignore[arg-type]

    def _counts_of(self, record: Record) -> str:
        tab = self.world.tab_of(record)
        return tab.text if tab else "[]"

    async def ask(self, wish: Wish) -> Request:
        """As the pipeline does it: what is refused for want of room leaves a record without a lease, at once."""
        world, wall_s = self.world, self.clock.wall()
        tab = tab_of(world.limits, wish.scope, wall_s)
        if tab is None:
            return Request(wish, "", Grant(is_admitted=True), self._record(wish, "", Grant(is_admitted=True), wall_s))
        lease = self.gate.new_lease()
        expected = [_expected(wish, way) for way in range(1 + len(tab.ranks))]
        occasion = Occasion(lease, f"request-{lease}", wall_s, str(len(world.policies) - 1), "")
        ask = world.asks[lease] = ask_of(wish.scope, tab, expected, occasion, LEASE_S)
        grant = await self.gate.admit(ask, self.admission)
        record = self._record(wish, lease if grant.is_admitted or grant.refused_by is None else "", grant, wall_s)
        if record.lease:
            world.records[lease] = record
        return Request(wish, lease, grant, record)

    def _record(self, wish: Wish, lease: str, grant: Grant, wall_s: float) -> Record:
        is_free = not grant.is_admitted
        return Record(
            request_id=f"request-{lease}",
            stream_id="",
            started_at=wall_s,
            decided_at=wall_s,
            kind="routed" if grant.is_admitted else "refused",
            outcome=wish.outcome if grant.is_admitted else "refused",
            status=200,
            api="chat",
            scope=text_of(wish.scope),
            tier="simple",
            backend="answered",
            model="m",
            prompt_tokens=0 if is_free else wish.used_prompt,
            completion_tokens=0 if is_free else wish.used_output,
            cost_micro_usd=0 if is_free else wish.used_cost,
            policy_digest=str(len(self.world.policies) - 1),
            lease=lease,
            lease_sequence=grant.sequence,
        )

    def refused(self, wish: Wish) -> Record:
        """The record of a request that was refused for a reason of its own."""
        return self._record(wish, "", Grant(is_admitted=False), self.clock.wall())

    def undecided(self, request: Request) -> Record:
        """The record of a request that was served without the answer this worker asked the store for."""
        record = self._record(request.wish, "", Grant(is_admitted=True), self.clock.wall())
        return replace(record, request_id=f"request-{request.lease}", kind="unmanaged", outcome="unmanaged")

    async def flush(self, troubles: Sequence[str] = ()) -> bool:
        """Settles all that waits, or as far as it gets before the last of the troubles. True when nothing is left."""
        self.wire.troubles.extend(troubles)
        for _ in range(1_000):
            if not self.settler.waiting:
                break
            if not await self.settler._send() and not self.wire.troubles:
                break
        self.wire.troubles.clear()
        return not self.settler.waiting

    async def come_to_rest(self) -> None:
        """Until its gate has nothing on its way."""
        while self.gate._going:
            await asyncio.wait(self.gate._going)
        await self.world.come_to_rest()

    async def sweep(self) -> None:
        await self.sweeper.charge_unheard()


def _expected(wish: Wish, way: int) -> Expected:
    """The further down, the cheaper."""
    line = Line(*wish.scope[1:], tier=("complex", "standard", "simple")[min(way, 2)], backend=f"way-{way}", api="chat")
    cost = wish.cost // (1 + 3 * way)
    return Expected(line, Tokens(wish.prompt, completion=wish.output), cost, wish.cost)
