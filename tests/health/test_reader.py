"""The reader against servers that really answer: a stand-in's metrics page, and pages that are broken in transport."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from extproc.config import compile_config, parse
from extproc.health import Health, Reader
from extproc.health.load import Reading
from extproc.health.reader import read
from extproc.testing import Behaviour, ManualClock, Standin

TEXT = """
backends:
  vllm:
    url: {url}
    model: m
    tier: simple
    location: on_prem
    saturation: {{metrics_url: "{url}/metrics", readings_full: 2, readings_free: 1, every_s: 0.1}}
"""
PAGE = b"vllm:num_requests_waiting 3.0\nvllm:num_requests_running 2.0\nvllm:kv_cache_usage_perc 0.5\n"
EXPECTED = Reading(3.0, 2.0, 0.5)


async def test_it_reads_what_a_server_says_of_itself() -> None:
    async with Standin("vllm", behaviour=Behaviour(waiting=11, running=4, kv_cache=0.75)) as standin:
        assert await read(f"{standin.url}/metrics") == Reading(11.0, 4.0, 0.75)


@contextlib.asynccontextmanager
async def answering(*pieces: bytes, is_open: bool = False) -> AsyncIterator[str]:
    """A server that answers with these bytes, whatever it is asked; `is_open` keeps the connection."""
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if is_open:
                await left.wait()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics"
        left.set()


def chunked(data: bytes, size: int) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


OK = b"HTTP/1.1 200 OK\r\n"
GOOD = {
    "a length": ([OK + b"Content-Length: %d\r\n\r\n" % len(PAGE), PAGE], True),
    "chunks": ([OK + b"Transfer-Encoding: chunked\r\n\r\n", chunked(PAGE, 7)], True),
    "until it is closed": ([OK + b"\r\n", PAGE], False),
}
BAD = {
    "not found": ([b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n" % len(PAGE), PAGE], False),
    "elsewhere": ([b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /metrics/\r\ncontent-length: 0\r\n\r\n"], False),
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], False),
    "nothing": ([], False),
    "half a head": ([b"HTTP/1.1 200"], False),
    "half a body": ([OK + b"content-length: 1000\r\n\r\n", PAGE], False),
    "half a chunk": ([OK + b"transfer-encoding: chunked\r\n\r\n", b"ff\r\n" + PAGE], False),
    "no chunk": ([OK + b"transfer-encoding: chunked\r\n\r\n", b"zz\r\n" + PAGE], False),
    "a negative length": ([OK + b"content-length: -5\r\n\r\n", PAGE], False),
    "a length beyond all": ([OK + b"content-length: 99999999999\r\n\r\n", PAGE], False),
    "chunks beyond all": ([OK + b"transfer-encoding: chunked\r\n\r\n", b"ffffffff\r\n" + PAGE], False),
    "a head without end": ([OK + b"x: " + b"y" * 200_000], False),
    "another page": ([OK + b"\r\n<html></html>"], False),
    "silence": ([OK + b"content-length: 1000\r\n\r\n", PAGE], True),
}


@pytest.mark.parametrize(("pieces", "is_open"), GOOD.values(), ids=GOOD)
async def test_a_page_may_end_in_any_of_three_ways(pieces: list[bytes], is_open: bool) -> None:
    async with answering(*pieces, is_open=is_open) as url:
        assert await read(url) == EXPECTED


@pytest.mark.parametrize(("pieces", "is_open"), BAD.values(), ids=BAD)
async def test_whatever_else_comes_is_no_reading(monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], is_open: bool) -> None:
    monkeypatch.setattr("extproc.health.reader._TIMEOUT_S", 0.3)
    async with answering(*pieces, is_open=is_open) as url:
        assert await read(url) is None


async def test_an_endless_page_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extproc.health.reader._MAX_PAGE_BYTES", 100_000)
    async with answering(OK + b"\r\n", *([PAGE * 500] * 10)) as url:
        assert await read(url) is None


async def test_nobody_there_is_no_reading() -> None:
    async with answering() as url:
        pass
    assert await read(url) is None


async def until(holds: Callable[[], object], patience_s: float = 10.0) -> None:
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 - what is waited for is another side's doing
            await asyncio.sleep(0.01)


async def test_a_server_is_followed_from_free_to_full_and_back_and_out_of_sight(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    async with Standin("vllm") as standin:
        health = Health(compile_config(parse(TEXT.format(url=standin.url))), clock)
        reader = Reader(health)
        reader.follow()
        await until(lambda: "vllm" in health.standing(clock.wall()) and health.standing(clock.wall())["vllm"].waiting == 0)
        standin.behaviour = Behaviour(waiting=99)
        await until(lambda: health.away(clock.wall()) == {"vllm": "saturated"})
        standin.behaviour = Behaviour()
        await until(lambda: health.away(clock.wall()) == {})
        with caplog.at_level(logging.WARNING, "tiermesh.health"):
            await standin.refuse()
            await until(lambda: caplog.messages)
            await asyncio.sleep(0.35)
        assert len(caplog.messages) == 1  # said once, not with every reading
        await reader.close()


async def test_a_new_configuration_is_followed_and_the_old_server_left_alone() -> None:
    clock = ManualClock()
    async with Standin("one") as one, Standin("two") as two:
        health = Health(compile_config(parse(TEXT.format(url=one.url))), clock)
        reader = Reader(health)
        reader.follow()
        await until(lambda: one.served > 1)
        health.follow(compile_config(parse(TEXT.format(url=two.url))))
        reader.follow()
        await until(lambda: two.served > 1)
        served = one.served
        await asyncio.sleep(0.3)
        assert one.served == served
        await reader.close()
        served = two.served
        await asyncio.sleep(0.3)
        assert two.served == served
