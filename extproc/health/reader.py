"""Reads the metrics of vLLM servers, each at its own pace: a GET over HTTP/1.1 (RFC 9112), bounded in time and size."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from urllib.parse import SplitResult, urlsplit

from extproc.config.compiled_health import Saturation
from extproc.health.load import Reading, reading_of
from extproc.health.standing import Health

_TIMEOUT_S = 1.0
_MAX_PAGE_BYTES = 4 * 1024 * 1024  # vLLM's page with all histograms is some 100 kB for each engine

log = logging.getLogger("tiermesh.health")


class Reader:
    """A task for each server that is to be read; what it reads goes to `health`. Made in the running event loop."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._tasks: dict[tuple[str, Saturation], asyncio.Task[None]] = {}

    def follow(self) -> None:
        """Reads what `health` goes by now, and nothing else."""
        wanted = set(self._health.marks.items())
        for key in self._tasks.keys() - wanted:
            self._tasks.pop(key).cancel()
        for name, marks in wanted - self._tasks.keys():
            self._tasks[name, marks] = asyncio.get_running_loop().create_task(self._keep_reading(name, marks))

    async def close(self) -> None:
        """Reads no more."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_reading(self, name: str, marks: Saturation) -> None:
        secure = await _context(marks)
        was_read = True
        while True:
            reading = await read(marks.metrics_url, secure)
            self._health.read(name, reading)
            if was_read and reading is None:
                log.warning("the metrics of backend %s cannot be read at %s", name, marks.metrics_url)
            was_read = reading is not None
            await asyncio.sleep(marks.every_s)


async def read(url: str, secure: ssl.SSLContext | None = None) -> Reading | None:
    """What the server at `url` says of itself; None for anything that goes wrong on the way."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return reading_of((await _get(urlsplit(url), secure)).decode("utf-8", "replace"))
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        return None


async def _context(marks: Saturation) -> ssl.SSLContext | None:
    if not marks.metrics_url.startswith("https:"):
        return None
    try:  # on a thread: reading all authorities takes longer than many decisions
        return await asyncio.to_thread(ssl.create_default_context, cafile=marks.ca_file)
    except OSError:
        log.error("%s cannot be read; without it no server is believed", marks.ca_file)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _get(url: SplitResult, secure: ssl.SSLContext | None) -> bytes:
    """The body of a 200. Raises OSError, EOFError, ValueError or LimitOverrunError."""
    host = url.hostname or ""
    async with _connection(host, url.port or (443 if secure else 80), secure) as (reader, writer):
        authority = url.netloc.rpartition("@")[2]
        writer.write(
            f"GET {url.path or '/'} HTTP/1.1\r\nhost: {authority}\r\naccept: text/plain\r\nconnection: close\r\n\r\n".encode("ascii")
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        if head[0].split(" ")[1:2] != ["200"]:
            raise ValueError(f"the server answers {head[0][:40]!r}")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if "chunked" in headers.get("transfer-encoding", ""):
            return await _chunks(reader)
        if "content-length" in headers:
            return await reader.readexactly(_bounded(int(headers["content-length"])))
        return await _rest(reader)


@contextlib.asynccontextmanager
async def _connection(
    host: str, port: int, secure: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(host, port, ssl=secure)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()  # nothing more is wanted of it, and an orderly end could be waited for


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(_bounded(size + len(body)) - len(body))
        await reader.readline()
    return body


async def _rest(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while piece := await reader.read(65_536):
        body += piece
        _bounded(len(body))
    return body


def _bounded(size: int) -> int:
    if not 0 <= size <= _MAX_PAGE_BYTES:
        raise ValueError("the page is too large")
    return size
