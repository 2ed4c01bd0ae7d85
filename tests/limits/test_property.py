"""Whatever happens to workers, to what they say and to the store, the books say what they should.

Workers with the real gate, settler and sweeper stand before a real server. Rules ask, settle, repeat, delay, reorder, lose, crash,
fail over, wipe, reload and raise in any order; after each the store is compared with a reference that knows of each request
what it has come to and adds it all up anew. TIERMESH_LONG=<minutes> searches for that long.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from extproc.config import Limit
from extproc.config.compiled import Admission
from extproc.limits import Event, Raise, put_raise
from extproc.limits.script import lease_key
from extproc.local.valkey import ValkeyProcess
from extproc.store import Store
from extproc.usage import Record
from tests.limits.wishes import LIMITS, ORGANISATIONS, WISHES
from tests.limits.worker import AWAY, LATE, LEASE_S, UNHEARD, US, Request, Wish, Worker
from tests.limits.world import UNBOUNDED, World

LONG_S = 60 * float(os.environ.get("TIERMESH_LONG", "0"))
MIDNIGHT_S = 1_925_074_800  # 2031-01-01T00:00+01:00: in Berlin a day, a month and a year begin, and a week goes on
DAY_US = 86_400 * US

T = TypeVar("T")
PLACES = st.integers(0, 1000)
TROUBLES = st.sampled_from(("", "", "", AWAY, UNHEARD, LATE))


class Mesh(RuleBasedStateMachine):
    """One example: some workers, one organisation, and most of a day of theirs."""

    loop: asyncio.AbstractEventLoop
    store: Store
    client: redis.Redis
    seen: Counter[str]

    @initialize(
        organisation=ORGANISATIONS,
        limits=LIMITS,
        past_midnight_s=st.sampled_from((-4, -1, 0)) | st.integers(-7_200, 7_200),
        admission=st.builds(
            Admission,
            is_open=st.booleans(),
            blind_percent=st.sampled_from((0, 5, 100)),
            store_timeout_s=st.just(1.0),
            lease_s=st.just(LEASE_S),
            output_tokens=st.just(100),
        ),
        skews_us=st.lists(st.sampled_from((0, 0, 0, -700_000, 1, 700_000, -5 * US, 5 * US)), min_size=1, max_size=3),
        lines=st.sampled_from((UNBOUNDED, UNBOUNDED, 2)),
    )
    def begin(
        self, organisation: str, limits: tuple[Limit, ...], past_midnight_s: int, admission: Admission, skews_us: list[int], lines: int
    ) -> None:
        self.seen["examples"] += 1
        self.world = World(self.store, self.client, organisation, (MIDNIGHT_S + past_midnight_s) * US, lines)
        self.world.policies.append(limits)
        self.until_us = self.world.now_us + 20 * 3_600 * US
        self.admission = admission
        self.skews_us = skews_us
        self.workers = [Worker(self.world, admission, skew_us) for skew_us in skews_us]
        self.running: list[Request] = []
        self.ended: list[Request] = []
        self.undecided: list[str] = []
        self.is_calm = True

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def worker(self, place: int) -> Worker:
        return self.workers[place % len(self.workers)]

    # ---- requests ----

    @rule(place=PLACES, wish=WISHES, trouble=TROUBLES)
    def ask(self, place: int, wish: Wish, trouble: str) -> None:
        worker = self.worker(place)
        worker.wire.troubles.extend([trouble] if trouble else [])
        request = self.run(worker.ask(wish.of(self.world.organisation)))
        worker.wire.troubles.clear()
        self._asked(request, worker)

    @rule(wish=WISHES, count=st.integers(2, 20), troubles=st.lists(TROUBLES, max_size=2), leaving=st.sets(st.integers(0, 19), max_size=3))
    def ask_all_at_once(self, wish: Wish, count: int, troubles: list[str], leaving: set[int]) -> None:
        """Some travel together, and some callers do not wait for the answer."""

        async def race() -> list[Request | BaseException]:
            asking = [asyncio.ensure_future(self.worker(place).ask(wish.of(self.world.organisation))) for place in range(count)]
            await asyncio.sleep(0)
            for place in leaving:
                asking[place % count].cancel()
            requests = await asyncio.gather(*asking, return_exceptions=True)
            for worker in self.workers:
                await worker.come_to_rest()
            return requests

        for worker in self.workers:
            worker.wire.troubles.extend(troubles)
        for place, request in enumerate(self.run(race())):
            if isinstance(request, Request):
                self._asked(request, self.worker(place))
            elif isinstance(request, asyncio.CancelledError):
                self.seen["left"] += 1
            else:
                raise request
        for worker in self.workers:
            worker.wire.troubles.clear()

    def _asked(self, request: Request, worker: Worker) -> None:
        self.seen["admitted" if request.grant.is_admitted else "refused"] += 1
        self.seen["downgraded"] += bool(request.grant.alternative)
        self.seen["shadows"] += bool(request.grant.shadow_refused or request.grant.shadow_downgraded)
        self.seen["blind"] += not request.grant.sequence and bool(request.record.lease)
        if request.grant.is_admitted or request.record.lease:
            self.running.append(request)
        else:
            worker.settler.put([request.record])

    @precondition(lambda self: self.running)
    @rule(which=PLACES, place=PLACES, other=st.none() | PLACES, is_settled=st.booleans())
    def end(self, which: int, place: int, other: int | None, is_settled: bool) -> None:
        """Its access-log entry reaches some worker, and maybe one more, or the same again; and it may be in the books at once."""
        request = self.running.pop(which % len(self.running))
        self.ended.append(request)
        self.worker(place).settler.put([request.record])
        if other is not None and request.record.lease:
            self.worker(other).settler.put([request.record])
            self.seen["repeated"] += 1
        if is_settled:
            self.flush(place, [])

    @precondition(lambda self: any(request.record.lease for request in self.ended))
    @rule(which=PLACES, place=PLACES)
    def end_again(self, which: int, place: int) -> None:
        leased = [request for request in self.ended if request.record.lease]
        self.worker(place).settler.put([leased[which % len(leased)].record])
        self.seen["repeated"] += 1

    @precondition(lambda self: len(self.running) > 1)
    @rule(which=PLACES)
    def never_end(self, which: int) -> None:
        self.running.pop(which % len(self.running))
        self.seen["never heard of"] += 1

    @precondition(lambda self: len(self.running) > 1)
    @rule(which=PLACES, place=PLACES)
    def be_served_without_a_decision(self, which: int, place: int) -> None:
        """Its worker dies when it has asked the store: Envoy goes on without, and what is reserved is not charged besides."""
        request = self.running.pop(which % len(self.running))
        worker, held = self.worker(place), self.world.books.requests.get(request.lease)
        worker.settler.put([worker.undecided(request)])
        if self.run(worker.flush()) and held is not None and held.state == "open":
            self.undecided.append(request.lease)

    # ---- workers ----

    @rule(place=PLACES, troubles=st.lists(TROUBLES, max_size=3))
    def flush(self, place: int, troubles: list[str]) -> None:
        worker = self.worker(place)
        waiting, mended = list(_waiting(worker)), worker.settler.counters.mended
        if self.run(worker.flush(troubles)):
            assert all(self.world.books.is_settled(record.lease) for record in waiting if record.lease)
        self.seen["mended"] += worker.settler.counters.mended - mended

    @rule(place=PLACES)
    def sweep(self, place: int) -> None:
        worker = self.worker(place)
        before = len(worker.lost)
        self.run(worker.sweep())
        self.seen["unheard"] += len(worker.lost) - before

    @rule(place=PLACES)
    def fall_silent(self, place: int) -> None:
        """Nobody is heard of for as long as a lease lasts."""
        self.wait(LEASE_S)
        worker = self.worker(place)
        worker.settler.put([worker.refused(Wish((self.world.organisation, "", "", "", "")))])
        self.run(worker.flush())
        self.sweep(place)

    # ---- time and troubles ----

    @rule(seconds=st.sampled_from((0.000001, 0.01, 1.0, 7.5, 60.0, 599.0, 3_600.0)))
    def wait(self, seconds: float) -> None:
        self.world.now_us = min(self.world.now_us + round(seconds * US), self.until_us)

    @precondition(lambda self: self.world.on_the_way)
    @rule(which=PLACES)
    def arrive(self, which: int) -> None:
        self.run(self.world.on_the_way.pop(which % len(self.world.on_the_way))())
        self.seen["late"] += 1

    @rule(what=st.sampled_from(("crash", "replica", "replica", "fail over", "fail over", "wipe")), which=PLACES)
    def break_down(self, what: str, which: int) -> None:
        if what == "crash":
            place = which % len(self.workers)
            self.seen["crashed with settlements"] += bool(self.workers[place].settler.waiting)
            self.workers[place] = Worker(self.world, self.admission, self.skews_us[place])
        elif what == "replica":
            self.world.split_off()
        elif what == "fail over" and self.world.replicas:
            self.world.fail_over(which % self.world.replicas)
        elif what == "wipe" and not which % 4:
            self.world.wipe()
        else:
            return
        self.is_calm = False
        self.seen[what] += 1

    @rule(limits=st.none() | st.none() | LIMITS)
    def reload(self, limits: tuple[Limit, ...] | None) -> None:
        if limits is not None:
            self.world.policies.append(limits)
            self.seen["reloaded"] += 1

    @precondition(lambda self: self.world.books.requests)
    @rule(which=PLACES, by=st.integers(0, 3), seconds=st.sampled_from((0, 30, 4_000)))
    def raise_limit(self, which: int, by: int, seconds: int) -> None:
        counts = sorted({count.name: count for held in self.world.books.requests.values() for count in held.counts}.items())
        if not counts:
            return
        name, count = counts[which % len(counts)]
        limit, counted = count.limit, name.partition("|")[2]
        more, until = by * max(limit.amount, 1), self.world.now_us / US + seconds
        event = Event("raise", limit.name, counted, limit.of.value, 0, 0, limit.amount + more, "", reason="growth")
        self.run(put_raise(self.store, self.world.organisation, name, Raise(more, until, "growth", 0.0, "me"), event))
        self.world.books.raises[name] = (more, until)
        self.seen["raised"] += 1

    @invariant()
    def books_and_reference_agree(self) -> None:
        if hasattr(self, "world"):
            self.seen["steps"] += 1
            self.world.compare()

    # ---- the end ----

    def teardown(self) -> None:
        try:
            if hasattr(self, "world") and sys.exc_info()[0] is None:
                self.run(self._finish())
        finally:
            self.client.flushdb()

    async def _finish(self) -> None:
        """Once all has arrived and all that is due has been charged, nothing is held for anybody."""
        for step in self.world.on_the_way:
            await step()
        self.world.now_us += int((LEASE_S + 1) * US)
        for worker in self.workers:
            worker.settler.put([worker.refused(Wish((self.world.organisation, "", "", "", "")))])
            assert await worker.flush()
        await self._sweep()
        assert not any(self.world.books.reserved().values())
        for lease in self.undecided if self.is_calm else ():
            held = self.world.books.requests[lease]
            assert (held.state, any(held.actual)) == ("settled", False)
            self.seen["waived"] += 1
        self.world.now_us += DAY_US + US
        await self._sweep()
        assert self.client.hlen(lease_key(self.world.organisation)) == 0
        # Whoever is known is known for longer than entries can be late.
        known = [record for lease, record in self.world.records.items() if self.world.books.is_settled(lease)]
        self.workers[0].settler.put([replace(record, lease_sequence=1) for record in known])
        assert await self.workers[0].flush()
        self.world.compare()

    async def _sweep(self) -> None:
        for worker in self.workers:
            await worker.sweep()
        self.world.compare()


def _waiting(worker: Worker) -> Iterator[Record]:
    for queue in worker.settler._waiting.values():
        yield from queue


@pytest.fixture
def machine(valkey: ValkeyProcess, client: redis.Redis) -> Iterator[type[Mesh]]:
    loop = asyncio.new_event_loop()
    store = Store.connect(valkey.url)
    Mesh.loop, Mesh.store, Mesh.client, Mesh.seen = loop, store, client, Counter()
    yield Mesh
    loop.run_until_complete(store.close())
    loop.close()


def _settings(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def test_the_books_say_what_they_should(machine: type[Mesh]) -> None:
    run_state_machine_as_test(machine, settings=_settings(100, 40))
    assert machine.seen["examples"] >= 100
    for happened in ("admitted", "refused", "blind", "repeated", "crash"):  # what is rarer is for the long run, and has tests of its own
        assert machine.seen[happened], happened


@pytest.mark.skipif(not LONG_S, reason="TIERMESH_LONG=<minutes>")
def test_and_for_a_long_time(machine: type[Mesh], capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> None:
    began = time.monotonic()
    while time.monotonic() - began < LONG_S:
        run_state_machine_as_test(machine, settings=_settings(500, 60))
        with capsys.disabled():
            print(f"\n{time.monotonic() - began:.0f} s: {dict(machine.seen)}")
