"""The gate while the store does not answer: a verdict in time, and books that are right again afterwards."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extproc.config import Limit
from extproc.config.compiled import Admission
from extproc.config.limits import Measure
from extproc.limits import Ask, Expected, Gate, Occasion, Settler, ask_of, tab_of
from extproc.limits.script import key_of
from extproc.scope import parse, text_of
from extproc.store import Store
from extproc.testing import ManualClock
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line
from tests.limits.conftest import NOON_US
from tests.limits.worker import AWAY, LATE, UNHEARD, US, Wish, Worker
from tests.limits.world import World
from tests.store.servers import Server

ACME = parse("acme/retail/search/indexer/alice")
ONE = Wish(ACME, cost=10, used_cost=10)
MakeLimit = Callable[..., Limit]
MakeWorker = Callable[..., Worker]
MakeAdmission = Callable[..., Admission]


async def end(worker: Worker, record: Record) -> None:
    worker.settler.put([record])
    assert await worker.flush()
    worker.world.compare()


def ask(gate: Gate, *limits: Limit, cost: int = 10) -> Ask:
    tab = tab_of(limits, ACME, NOON_US / US)
    assert tab is not None
    occasion = Occasion(gate.new_lease(), "", NOON_US / US, "", "")
    return ask_of(ACME, tab, [Expected(Line(api="chat"), Tokens(5, completion=5), cost, cost)], occasion, 900)


def record_of(ask: Ask, sequence: int, **fields: Any) -> Record:
    usual: dict[str, Any] = {"outcome": "ok", "cost_micro_usd": 10, "prompt_tokens": 5, "completion_tokens": 5}
    about = {"scope": text_of(ACME), "api": "chat", "lease": ask.lease, "lease_sequence": sequence}
    return Record("", "", NOON_US / US, "routed", status=200, **about, **{**usual, **fields})


@pytest.mark.parametrize("trouble", [AWAY, UNHEARD, LATE])
async def test_open_serves_a_share_and_closed_nobody(trouble: str, world: World, worker: MakeWorker, limited: MakeLimit) -> None:
    """Whether a lease was made or not, all that is served is charged, and what is refused is not."""
    opened, closed = worker(limited(amount=100)), worker(is_open=False)
    requests = []
    for one in (opened, opened, closed):
        one.wire.troubles.append(trouble)
        requests.append(await one.ask(ONE))
    grants = [request.grant for request in requests]
    assert [(grant.is_admitted, grant.sequence, grant.refused_by) for grant in grants] == [
        (True, 0, None),
        (False, 0, None),
        (False, 0, None),
    ]
    assert (opened.gate.blind_admissions, opened.gate.blind_refusals, closed.gate.blind_refusals) == (1, 1, 1)
    assert all(request.record.lease for request in requests)
    for one, request in zip((opened, opened, closed), requests, strict=True):
        await end(one, request.record)
    for step in world.on_the_way:
        await step()
    world.compare()
    assert list(world.books.spent().values()) == [10]
    assert not any(world.books.reserved().values())


async def test_once_the_store_is_heard_blindness_begins_anew(worker: MakeWorker, limited: MakeLimit) -> None:
    one = worker(limited(amount=100))
    for _ in range(3):
        one.wire.troubles.extend((AWAY, AWAY))
        assert [(await one.ask(ONE)).grant.is_admitted for _ in range(3)] == [True, False, True]


# ---- a store that stands still ----


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "f") as server:
        yield server
        server.thaw()


async def test_a_store_that_stands_still_delays_nobody_and_is_made_up_for(
    frozen: Server, limited: MakeLimit, admission: MakeAdmission
) -> None:
    """The verdict is there in time, by what is configured; what was on its way to the store does no harm there later."""
    store = Store.connect(frozen.url, timeout_s=2.0)
    gate, limit = Gate(store, ManualClock(NOON_US / US)), limited(amount=1_000)
    settler = Settler(store, lambda _: tab_text(limit), interval_s=0)
    certain = ask(gate, limit)
    assert (await gate.admit(certain, admission(store_timeout_s=2.0))).is_admitted
    frozen.freeze()
    asks = [ask(gate, limit) for _ in range(12)]
    began = time.monotonic()
    grants = [await gate.admit(each, admission(store_timeout_s=0.05, blind_percent=5)) for each in asks]
    closed = [await gate.admit(each, admission(store_timeout_s=0.05, is_open=False)) for each in asks[:3]]
    assert time.monotonic() - began < 2
    assert [grant.is_admitted for grant in grants] == [True] * 5 + [False] * 7
    assert not any(grant.is_admitted for grant in closed)
    frozen.thaw()
    await _eventually(lambda: store.ready(1.0))
    settler.put([record_of(certain, 1)])
    settler.put([record_of(each, 0) for each in asks[:5]])
    settler.put([record_of(each, 0, outcome="refused", cost_micro_usd=0, prompt_tokens=0, completion_tokens=0) for each in asks[5:]])
    await _eventually(lambda: _settled(settler))
    states = frozen.ask("HGETALL", key_of("acme", "counts"))
    assert [state[:16] for state in states.values()] == [struct.pack(">2d", 60, 0)]
    assert frozen.ask("HLEN", key_of("acme", "lease")) == 0
    await store.close()


async def _settled(settler: Settler) -> bool:
    while settler.waiting and await settler._send():
        pass
    return not settler.waiting


async def _eventually(reached: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await reached():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it has taken too long")


def tab_text(limit: Limit) -> str:
    tab = tab_of([limit], ACME, NOON_US / US)
    assert tab is not None
    return tab.text


# ---- requests in flight ----


async def test_whoever_waits_for_a_request_in_flight_to_end_asks_again(store: Store, limited: MakeLimit, admission: MakeAdmission) -> None:
    """A client that sends one after the other is ahead of its own access log."""
    gate = Gate(store, ManualClock(NOON_US / US), flight_patience_s=(0.05, 5.0))
    settler = Settler(store, lambda _: "[]", interval_s=0)
    first, second, third = (ask(gate, limited(of=Measure.IN_FLIGHT, per=None, amount=1), limited("purse", amount=1_000)) for _ in range(3))
    assert (await gate.admit(first, admission())).is_admitted
    waiting = asyncio.ensure_future(gate.admit(second, admission()))
    await asyncio.sleep(0)
    settler.put([record_of(first, 1)])
    await settler._send()
    assert (await waiting).is_admitted
    gate._flight_patience_s = ()
    assert not (await gate.admit(third, admission())).is_admitted
