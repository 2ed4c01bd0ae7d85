"""Settlement goes on, whatever is wrong with one entry or with telemetry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from extproc.config import compile_config, parse
from extproc.protocol import envoy_pb2 as pb
from extproc.server.settlement import Settlement
from extproc.usage import Record

POLICY = compile_config(parse("backends: {only: {url: 'http://127.0.0.1:1', model: m, tier: simple, location: on_prem}}"))


class Kept:
    """Takes records where telemetry would. Fails first, as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.ids: list[str] = []
        self._failures = failures

    def emit(self, records: Sequence[Record], lines: Sequence[str]) -> None:
        assert [record.line() for record in records] == list(lines)
        if self._failures:
            self._failures -= 1
            raise ValueError("no")
        self.ids += [record.request_id for record in records]


def entry(request_id: str) -> Any:
    return pb.HTTPAccessLogEntry(request=pb.HTTPRequestProperties(request_id=request_id))


async def settled(kept: Kept, entries: Sequence[Any]) -> None:
    settlement = Settlement(POLICY, kept)  # type: ignore[arg-type]
    for one in entries:
        settlement.settle([one])
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


async def test_entries_are_settled_in_order() -> None:
    kept = Kept()
    settlement = Settlement(POLICY, kept)  # type: ignore[arg-type]
    settlement.settle([entry(str(number)) for number in range(100)])
    assert kept.ids == []  # decisions come first
    await asyncio.sleep(0.05)
    assert kept.ids == [str(number) for number in range(100)]


async def test_a_broken_entry_does_not_stop_the_ones_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    await settled(kept, [entry("1"), object(), entry("2")])
    assert kept.ids == ["1", "2"]
    assert "could not be settled" in caplog.text


async def test_failing_telemetry_does_not_stop_what_comes_later(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept(failures=1)
    await settled(kept, [entry("1"), entry("2")])
    assert kept.ids == ["2"]
    assert "telemetry of 1 requests is lost" in caplog.text


async def test_records_are_handed_on_and_whoever_takes_them_cannot_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    kept, handed = Kept(), []

    def take(records: Sequence[Record]) -> None:
        handed.extend(record.request_id for record in records)
        raise ValueError("no")

    settlement = Settlement(POLICY, kept)  # type: ignore[arg-type]
    settlement.on_records = take
    for number in ("1", "2"):
        settlement.settle([entry(number)])
        await asyncio.sleep(0.01)
    assert kept.ids == handed == ["1", "2"]
