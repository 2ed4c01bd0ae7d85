"""A day's records through the real gate and the real settler."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from extproc.bench.day.report import Truth
from extproc.clock import SystemClock
from extproc.config import Config, Policy, compile_config
from extproc.errors import StartError
from extproc.limits import Ask, Bounds, Expected, Gate, Occasion, Settler, Tabs, ask_of, output_field
from extproc.scope import parse
from extproc.store import Store
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line, entry_of, line_of

_SLICE = 250
_LEASED = 10  # one in so many is asked at the gate
_REPEATED = 100  # and one in so many of those is settled a second time
_MOST_WAITING = 2_000
_PAUSE_S = 0.001
_DAY_S = 86_400


@dataclass(slots=True)
class Settled:
    """What was done, and what it should come to."""

    truth: Truth = field(default_factory=Truth)
    leased: int = 0
    repeated: int = 0
    known: int = 0
    took_s: float = 0.0


async def settle(url: str, config: Config, records: Iterable[Record], tell: Callable[[int], None]) -> Settled:
    """Everything in the books. Raises StartError when the store does not take it all."""
    policy, store = compile_config(config), Store.connect(url)
    settler = Settler(store, lambda _: "[]", bounds=Bounds(config.store.rollup_lines, config.store.rollups_kept_days * _DAY_S))
    working = asyncio.create_task(settler.run())
    done = Settled()
    began = time.perf_counter()
    desk = _Desk(policy, Gate(store, SystemClock()), done)
    remaining = iter(records)
    while some := list(islice(remaining, _SLICE)):
        settler.put(await desk.admitted(some))
        tell(done.truth.sums["requests"])
        while settler.waiting > _MOST_WAITING:  # noqa: ASYNC110 - it tells nobody when it has room
            await asyncio.sleep(_PAUSE_S)
    settler.close()
    await working
    done.took_s, done.known = time.perf_counter() - began, settler.counters.known
    await store.close()
    if settler.counters.dropped:
        raise StartError(f"the store did not take {settler.counters.dropped} settlements")
    return done


class _Desk:
    """Lets some requests pass the gate before they are settled."""

    def __init__(self, policy: Policy, gate: Gate, done: Settled) -> None:
        self._admission = policy.admission
        self._digest = policy.digest
        self._gate = gate
        self._tabs = Tabs(policy.limits)
        self._done = done
        self._seen = 0

    async def admitted(self, records: Sequence[Record]) -> list[Record]:
        """The records as they are to be settled: some with a lease, a few of those twice. The sums are counted here."""
        leased: list[Record] = []
        plain: list[Record] = []
        for record in records:
            self._seen += 1
            is_leased = self._seen % _LEASED == 0 and record.outcome != "refused"
            (leased if is_leased else plain).append(record)
            self._done.truth.add(record, is_leased=is_leased)
        settled = [*plain, *await asyncio.gather(*map(self._admit, leased))]
        for record in settled[len(plain) :]:
            self._done.leased += 1
            if self._done.leased % _REPEATED == 0:
                self._done.repeated += 1
                settled.append(record)
        return settled

    async def _admit(self, record: Record) -> Record:
        ask = self._ask(record)
        grant = await self._gate.admit(ask, self._admission)
        if not grant.sequence:
            raise StartError("the store was too slow for a lease")
        return replace(record, lease=ask.lease, lease_sequence=grant.sequence)

    def _ask(self, record: Record) -> Ask:
        scope = parse(record.scope)
        tab = self._tabs.at(scope, record.decided_at)
        if tab is None:
            raise StartError("no limit applies")
        line: Line = line_of(entry_of(record)[1])
        # What is expected is never what it comes to.
        tokens = Tokens(record.prompt_tokens + 17, completion=self._gate.learnt(output_field(scope, record.api)) or 300)
        expected = Expected(line, tokens, record.cost_micro_usd // 2 + 100, record.asked_cost_micro_usd)
        occasion = Occasion(self._gate.new_lease(), record.request_id, record.decided_at, self._digest, "")
        return ask_of(scope, tab, [expected], occasion, self._admission.lease_s)
