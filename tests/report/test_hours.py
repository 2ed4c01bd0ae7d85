"""What is written to a real store comes back, hour by hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis
from redis.asyncio import Redis

from extproc.errors import StoreError
from extproc.limits import Bounds, Settler
from extproc.local import ValkeyProcess
from extproc.report import Hour, Lines, Tally, feed, read_hours, read_organisations, zone_of
from extproc.store import Store
from extproc.usage import Record
from extproc.usage.rollup import OTHER, Sums, hour_key, line_of, total
from tests.report.shop import NOVEMBER, fill, rollup_of, rollups
from tests.usage.test_rollup import NOON, _record


@pytest.fixture
async def store(valkey: ValkeyProcess) -> AsyncIterator[Store]:
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    opened = Store.connect(valkey.url)
    yield opened
    await opened.close()


def _write(valkey: ValkeyProcess, rollup: object) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        fill(client, rollup)  # type: ignore[arg-type]


async def _read(store: Store, organisations: tuple[str, ...], hours: range) -> list[Hour]:
    return [hour async for hour in read_hours(store, organisations, hours)]


async def test_records_that_were_rolled_up_come_back(store: Store, valkey: ValkeyProcess) -> None:
    records = [
        _record(scope=scope, decided_at=NOON + 3600 * number, cost_micro_usd=10**number, asked_model="gpt \U0001f4a1")
        for number in range(3)
        for scope in ("acme/retail/search", "", "other")
    ]  # fmt: skip
    _write(valkey, rollup_of(records))
    assert await read_organisations(store) == ("", "acme", "other")
    first = int(NOON) // 3600
    found = await _read(store, ("", "acme", "other"), range(first, first + 3))
    assert [(hour.organisation, hour.hour - first) for hour in found] == [
        (name, number) for name in ("", "acme", "other") for number in range(3)
    ]
    read = {(hour.organisation, hour.hour): dict(hour.lines()) for hour in found}
    assert {key: total(lines.values()) for key, lines in read.items()} == {
        key: total(lines.values()) for key, lines in rollup_of(records).items()
    }


async def _settle(store: Store, records: list[Record], bounds: Bounds | None = None) -> None:
    settler = Settler(store, lambda _: "[]", bounds=bounds)
    settler.put(records)
    settler.close()
    await settler.run()


async def test_what_settling_has_written_is_what_a_report_reads(store: Store) -> None:
    records = [
        _record(scope=scope, asked_model=model, decided_at=NOON + 3600 * hour, cost_micro_usd=2**40 + hour, is_estimated=hour == 1)
        for hour in range(2)
        for scope in ("acme/retail/search/indexer/alice", "acme/ops", "")
        for model in ("gpt-5", "gpt-5", "r\u00e9sum\u00e9 \"x\"")
    ]  # fmt: skip
    await _settle(store, records)
    organisations = await read_organisations(store)
    assert organisations == ("", "acme")
    first = int(NOON) // 3600
    found = {(hour.organisation, hour.hour): dict(hour.lines()) for hour in await _read(store, organisations, range(first, first + 2))}
    assert found == {key: {line_of(field): sums for field, sums in lines.items()} for key, lines in rollup_of(records).items()}


async def test_past_the_bound_lines_fold_and_the_total_stays(store: Store) -> None:
    records = [
        _record(scope=f"acme/retail/search/app/user{number}", tier="simple", decided_at=NOON, cost_micro_usd=10) for number in range(9)
    ]
    await _settle(store, records, Bounds(lines=4))
    lines = dict((await _read(store, ("acme",), range(int(NOON) // 3600, int(NOON) // 3600 + 1)))[0].lines())
    assert total(lines.values()) == Sums(9, cost_micro_usd=90)
    assert sum(line.user == OTHER for line in lines) == 1
    assert len(lines) == 5
    assert {line.tier for line in lines} == {"simple"}


async def test_hours_without_a_request_and_those_outside_are_not_read(store: Store, valkey: ValkeyProcess) -> None:
    _write(valkey, rollups([NOVEMBER + 10, NOVEMBER + 60, NOVEMBER + 100]))
    assert [hour.hour for hour in await _read(store, ("acme",), range(NOVEMBER, NOVEMBER + 100))] == [NOVEMBER + 10, NOVEMBER + 60]
    assert await _read(store, ("nobody",), range(NOVEMBER, NOVEMBER + 100)) == []
    assert await _read(store, (), range(NOVEMBER, NOVEMBER + 100)) == []


async def test_an_empty_store_has_no_organisations(store: Store) -> None:
    assert await read_organisations(store) == ()


async def test_sums_of_the_store_are_those_that_were_written(store: Store, valkey: ValkeyProcess) -> None:
    written = rollups(range(NOVEMBER, NOVEMBER + 72))
    _write(valkey, written)
    lines = Lines()
    tally = Tally(lines, (), zone_of("UTC"))
    async for hour in read_hours(store, ("acme",), range(NOVEMBER, NOVEMBER + 72)):
        feed(hour, lines, [tally])
    assert dict(tally.rows()) == {(): total(sums for fields in written.values() for sums in fields.values())}


async def test_a_key_of_another_kind_is_an_error_that_says_so(store: Store, valkey: ValkeyProcess) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set(hour_key("acme", NOVEMBER), "x")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await _read(store, ("acme",), range(NOVEMBER, NOVEMBER + 1))


async def test_reading_lets_others_in_between(store: Store, valkey: ValkeyProcess) -> None:
    _write(valkey, rollups(range(NOVEMBER, NOVEMBER + 24 * 14)))
    async with Redis.from_url(valkey.url) as other:
        reading = asyncio.ensure_future(_read(store, ("acme",), range(NOVEMBER, NOVEMBER + 24 * 14)))
        answered = 0
        while not reading.done():
            await other.ping()
            answered += 1
        assert len(await reading) == 24 * 14
    assert answered > 14
