"""Steady load: clients that send at set times, whatever becomes of what they send, and write down every answer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass, field
from time import monotonic

from extproc.bench.faults.configuration import HASTY, ORGANISATION
from extproc.testing.http1 import Body, MalformedError
from extproc.testing.load import request_bytes

PATH = "/v1/chat/completions"

_CLIENTS = 16
_PATIENCE_S = 20.0
_RECONNECT_S = 0.02
_WORDS = "Explain in a few plain sentences what a load balancer does, and give {count} examples. "


@dataclass(frozen=True, slots=True)
class Answer:
    """One request as its client saw it: status 0 where there was no whole answer."""

    tag: str
    kind: str
    sent_at: float  # monotonic
    took_s: float
    status: int
    trouble: str = ""


@dataclass(slots=True)
class Clients:
    """`rate` requests a second in all. Every request has a tag of its own, which its backend sees, too."""

    port: int
    rate: float = 120.0
    answers: list[Answer] = field(default_factory=list)
    scopes: dict[str, str] = field(default_factory=dict)  # by tag: whose request it is
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def play(self, until: asyncio.Event) -> None:
        """Sends until the event is set; returns when everything sent has its answer."""
        period_s = _CLIENTS / self.rate
        began = monotonic()
        await asyncio.gather(*(self._client(began + period_s * place / _CLIENTS, period_s, until) for place in range(_CLIENTS)))

    async def _client(self, due: float, period_s: float, until: asyncio.Event) -> None:
        connection = _Connection(self.port)
        try:
            while await _not_yet(until, due - monotonic()):
                await self._ask(connection)
                due = max(due + period_s, monotonic())
        finally:
            connection.close()

    async def _ask(self, connection: _Connection) -> None:
        number = next(self._numbers)
        tag, kind, request = f"tag-{number}", _kind(number), _request(number)
        self.scopes[tag] = "/".join(_path(number))
        sent_at = monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status, trouble = await connection.ask(request), ""
        except (OSError, EOFError, MalformedError, ValueError) as error:  # a TimeoutError is an OSError
            status, trouble = 0, type(error).__name__
            connection.close()
            await asyncio.sleep(_RECONNECT_S)
        self.answers.append(Answer(tag, kind, sent_at, monotonic() - sent_at, status, trouble))


class _Connection:
    """One client's, opened when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """The status of a whole answer. Raises OSError, EOFError or MalformedError where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, found, rest = head.partition(b"\r\ncontent-length:")
        body = Body(int(rest.partition(b"\r\n")[0]) if found else None, keep=False)
        while not body.is_complete:
            data = await reader.read(65_536)
            if not data:
                raise EOFError("cut off")
            body.feed(data)
        if b"\r\nconnection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        """The next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _not_yet(until: asyncio.Event, delay_s: float) -> bool:
    """Waits so long; False as soon as it is over."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), max(delay_s, 0.0))
    return not until.is_set()


# Most are answered at once, some late, some as streams, and some are of the app that asks too often.
_KINDS = ("plain", "slow", "plain", "stream", "plain", HASTY, "plain", "slow", "plain", "stream", "plain", "plain")


def _kind(number: int) -> str:
    return _KINDS[number % len(_KINDS)]


def _path(number: int) -> tuple[str, ...]:
    app = HASTY if _kind(number) == HASTY else "steady"
    return ORGANISATION, "retail", f"team-{number % 5}", app, f"user-{number % 7}"


def _request(number: int) -> bytes:
    kind = _kind(number)
    body: dict[str, object] = {
        "model": "auto",
        "user": f"tag-{number}",
        "messages": [{"role": "user", "content": _WORDS.format(count=number % 9 + 1) * (number % 4 + 1)}],
    }
    headers = dict(zip(("x-org", "x-department", "x-team", "x-app", "x-user"), _path(number), strict=True))
    headers["x-tokens"] = str(5 + number % 40)
    if kind == "slow":
        headers["x-standin"] = "first_byte_ms=120"
    if kind == "stream":
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        headers |= {"x-tokens": "24", "x-gap-ms": "5"}
    return request_bytes(PATH, json.dumps(body).encode(), headers=headers)
