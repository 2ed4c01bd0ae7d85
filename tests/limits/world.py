"""One store whose time and whose replicas a test decides, with the reference beside it: each step is taken in both."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import redis

from extproc.config import Limit
from extproc.limits import Ask, Tab, actual_of, tab_of
from extproc.limits.ask import standings_of
from extproc.limits.script import RESERVE, SETTLE, SWEEP, WAIVE, key_of
from extproc.scope import parse
from extproc.store import Script, Store
from extproc.usage import Record
from extproc.usage.rollup import entry_of
from tests.limits.reference import Books, Sums, Verdict, in_flight, measure

UNBOUNDED = 5_000
Fate = Callable[[], Awaitable[Any]]


class World:
    """What all workers share. `now_us` is the store's time."""

    def __init__(self, store: Store, client: redis.Redis, organisation: str, now_us: int, lines: int = UNBOUNDED) -> None:
        self.store = store
        self.client = client
        self.organisation = organisation
        self.now_us = now_us
        self.lines = lines  # of an hour's rollup
        self.books = Books()
        self.asks: dict[str, Ask] = {}
        self.records: dict[str, Record] = {}
        self.policies: list[tuple[Limit, ...]] = []
        self.going: set[asyncio.Future[Any]] = set()
        self.on_the_way: list[Fate] = []  # steps that were given up and may yet be taken
        self._replicas: list[tuple[Books, dict[bytes, bytes]]] = []

    @property
    def limits(self) -> tuple[Limit, ...]:
        return self.policies[-1]

    @property
    def replicas(self) -> int:
        return len(self._replicas)

    def tab_of(self, record: Record) -> Tab | None:
        """What counted a request when it was decided."""
        return tab_of(self.policies[int(record.policy_digest)], parse(record.scope), record.decided_at)

    # ---- steps ----

    async def take(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        """The step in the store and in the reference, at the same moment. It is taken also where the caller leaves."""
        task = asyncio.ensure_future(self._take(script, keys, arguments))
        self.going.add(task)
        reply = await asyncio.shield(task)
        self.going.discard(task)
        return reply

    async def come_to_rest(self) -> None:
        """Until every step is taken, also those whose callers left."""
        going, self.going = self.going, set()
        await asyncio.gather(*going)

    async def _take(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        now = self.now_us
        reply = await self.store.run(script, keys, (str(now), *arguments[1:]), timeout_s=10.0)
        {RESERVE: self._reserved, SETTLE: self._settled, SWEEP: self._swept, WAIVE: self._waived}[script](arguments, reply, now)
        return reply

    def _reserved(self, arguments: Sequence[str], replies: list[Any], now: int) -> None:
        admitted: list[tuple[Ask, tuple[int, ...]]] = []
        for place, reply in enumerate(replies):
            lease, lasts_us, _, _, _, kept = arguments[6 * place + 1 : 6 * place + 7]
            ask = self.asks[lease]
            entries = tuple((hour, line, tuple(sums)) for hour, line, _, sums in json.loads(kept)["r"])
            verdict = self.books.reserve(ask, now, int(lasts_us), entries)
            assert verdict_of(reply) == verdict
            if verdict is not None and verdict.is_admitted:
                admitted.append((ask, ask.amounts[verdict.alternative]))
        for ask, amounts in admitted:
            self._no_budget_is_exceeded(ask, amounts, now)

    def _no_budget_is_exceeded(self, ask: Ask, amounts: tuple[int, ...], now: int) -> None:
        """By the store's own word: what is let pass has room in all that is enforced."""
        states = self.states()
        for count in ask.tab.counts:
            if count.limit.is_enforced and count.end and amounts[measure(count.limit)]:
                spent, reserved, _ = states[count.field]
                assert spent + reserved <= self.books.cap(count, now)

    def _settled(self, arguments: Sequence[str], reply: list[Any], now: int) -> None:
        writer, number, batch = arguments[1], int(arguments[2]), json.loads(arguments[5])
        if self.books.numbers.get(writer, 0) >= number:
            return
        self.books.numbers[writer] = number
        self.books.plain += tuple((hour, line, tuple(sums)) for hour, line, _, sums in batch["p"])
        for lease, *_, counts in batch["s"]:
            record = self.records[lease]
            hour, line, _, sums = entry_of(record)
            tab = self.tab_of(record)
            assert not counts or json.loads(counts) == (json.loads(tab.text) if tab else [])
            lost = (tab.counts if tab else ()) if counts else None
            self.books.settle(lease, actual_of(record), (hour, line, sums), lost, now)

    def _swept(self, arguments: Sequence[str], reply: list[Any], now: int) -> None:
        assert {json.loads(text)["x"][0] for text in reply[2::2]} == self.books.sweep(now, int(arguments[1]))

    def _waived(self, arguments: Sequence[str], reply: int, now: int) -> None:
        for lease in arguments[3:]:
            self.books.waive(lease, now)

    # ---- comparing ----

    def states(self) -> dict[str, tuple[float, float, float]]:
        fields = self.client.hgetall(key_of(self.organisation, "counts"))
        return {name.decode(): struct.unpack(">ddd", state) for name, state in fields.items()}

    def rollups(self) -> dict[tuple[int, str], Sums]:
        sums = {}
        for key in self.client.keys("tiermesh:*:hour:*"):
            assert key.startswith(key_of(self.organisation, "hour").encode())
            for line, value in self.client.hgetall(key).items():
                sums[int(key.rpartition(b":")[2]), line.decode()] = struct.unpack(f">{len(value) // 8}q", value)
        return {key: numbers for key, numbers in sums.items() if any(numbers)}

    def compare(self) -> None:
        """The store says what the reference says."""
        states = self.states()
        self._compare_rates({name: state for name, state in states.items() if name in self.books.drained})
        flights = {count.field for held in self.books.requests.values() for count in held.counts if in_flight(count.limit)}
        spent, reserved = self.books.spent(), self.books.reserved()
        said = {name: (0.0, state[0]) if name in flights else state[:2] for name, state in states.items() if name not in self.books.drained}
        meant = {name: (spent[name], reserved[name]) for name in spent | reserved}
        assert {name: two for name, two in said.items() if any(two)} == {name: two for name, two in meant.items() if any(two)}
        self._compare_rollups()
        self._compare_leases()

    def _compare_rates(self, states: dict[str, tuple[float, float, float]]) -> None:
        for name in self.books.drained:
            drained_us, part, _ = states.get(name, (0.0, 0.0, 0.0))
            backlog = max(drained_us - self.now_us + part, 0)
            assert abs(backlog - self.books.backlog(name, self.now_us)) < 0.01

    def _compare_rollups(self) -> None:
        said, meant = self.rollups(), self.books.rollups()
        if self.lines < UNBOUNDED:  # some lines have been folded into one
            said, meant = ({(0, ""): tuple(map(sum, zip(*rows.values(), strict=True)))} for rows in (said, meant))
        assert said == meant

    def _compare_leases(self) -> None:
        waiting = {lease for lease, held in self.books.requests.items() if held.state in ("open", "unheard")}
        leases = set(self.client.hkeys(key_of(self.organisation, "lease")))
        assert waiting <= {lease.decode() for lease in leases}
        assert leases == set(self.client.zrange(key_of(self.organisation, "leases"), 0, -1))

    # ---- replicas ----

    def split_off(self) -> None:
        """A replica hears no more from here on."""
        self._replicas.append((self.books.copy(), {key: self.client.dump(key) for key in self.client.keys("*")}))

    def fail_over(self, place: int) -> None:
        """The store is what a replica had."""
        books, state = self._replicas[place]
        self.wipe()
        self.books = books.copy()
        for key, value in state.items():
            self.client.restore(key, 0, value)

    def wipe(self) -> None:
        """The store has nothing."""
        self.client.flushdb()
        self.books = Books()


def verdict_of(reply: list[Any]) -> Verdict | None:
    """What `reserve.lua` said, None where it knew the request."""
    if reply[0] == 2:
        return None
    standings = tuple((standing.cap, standing.left, standing.back_ms) for standing in standings_of(reply[7]))
    if reply[0] == 0:
        return Verdict(False, refused_by=reply[1] - 1, wait_ms=reply[2], standings=standings)
    shadow, watched = (tuple(place - 1 for place in places) for places in (reply[5], reply[6]))
    return Verdict(True, reply[1] - 1, None, 0, shadow, watched, standings)
