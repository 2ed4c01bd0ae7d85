"""A scripted service, and both transports serving it on Unix sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import grpc.aio

from extproc.server.aio import GrpcioServer
from extproc.server.call import Call, CallError, Status
from extproc.server.native import NativeServer

MAX_MESSAGE_BYTES = 24 * 1024 * 1024
Answer = bytes | Awaitable[bytes | None] | None


@dataclass
class Scripted:
    """One call: what it was told, and how often it was closed."""

    path: str
    metadata: Mapping[str, str]
    respond: Callable[[bytes], Answer]
    last: Callable[[], bytes | None] = lambda: None
    is_lasting: bool = False
    is_over: bool = False
    heard: list[bytes] = field(default_factory=list)
    ended: int = 0
    closings: int = 0

    def message(self, data: bytes) -> Answer:
        self.heard.append(data)
        return self.respond(data)

    def end(self) -> bytes | None:
        self.ended += 1
        return self.last()

    def closed(self) -> None:
        self.closings += 1


class ScriptedService:
    """A method for each behaviour; keeps every call it opened."""

    def __init__(self) -> None:
        self.calls: list[Scripted] = []

    def open(self, path: str, metadata: Mapping[str, str]) -> Call | None:
        method = path.rpartition("/")[2]
        if method == "Broken":
            raise ZeroDivisionError("in open")
        respond = RESPONSES.get(method)
        if respond is None:
            return None
        call = Scripted(path, metadata, respond, is_lasting=method == "Last")
        if method in ("Last", "Sum"):
            call.last = lambda: b"%d" % len(call.heard)
        if method == "BrokenEnd":
            call.last = lambda: _raise(ZeroDivisionError("in end"))
        self.calls.append(call)
        return call


def _raise(error: BaseException) -> bytes:
    raise error


async def _slowly(data: bytes) -> bytes:
    """The shorter the message, the longer the wait: answers overtake each other unless they are kept in order."""
    await asyncio.sleep(0.02 / (1 + len(data)))
    return data


async def _break(data: bytes) -> bytes:
    await asyncio.sleep(0)
    raise ZeroDivisionError(data)


async def _refuse(data: bytes) -> bytes:
    await asyncio.sleep(0)
    raise CallError(Status.UNAVAILABLE, "not now")


async def _fill(data: bytes) -> bytes:
    await asyncio.sleep(0)
    return b"x" * int(data)


async def _never(data: bytes) -> bytes:
    await asyncio.Event().wait()
    return data


RESPONSES: Mapping[str, Callable[[bytes], Answer]] = {
    "Echo": lambda data: data,
    "Fill": lambda data: b"x" * int(data),
    "Silent": lambda _data: None,
    "Sum": lambda _data: None,
    "Last": lambda _data: None,
    "Slow": _slowly,
    "FillLater": _fill,
    "Never": _never,
    "Raise": lambda data: _raise(ZeroDivisionError(data)),
    "RaiseLater": _break,
    "RefuseLater": _refuse,
    "BrokenEnd": lambda data: data,
    "Refuse": lambda data: _raise(CallError(Status(int(data)), f"no {data.decode()}: 100% \u00e9")),
}


class Server(Protocol):
    """What both transports promise."""

    async def drain(self, timeout_s: float) -> None:
        """Finish and close."""


@dataclass
class Served:
    """A transport that is serving, and where."""

    kind: str
    server: Server
    service: ScriptedService
    path: Path

    def channel(self, *options: tuple[str, int]) -> grpc.aio.Channel:
        sizes = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.insecure_channel(f"unix:{self.path}", options=[*sizes, *options])

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits until it is so; raises TimeoutError after five seconds."""
        async with asyncio.timeout(5):
            while not is_so():  # noqa: ASYNC110 - what a service sees happens in callbacks of either transport
                await asyncio.sleep(0.01)

    async def heard(self, messages: int) -> None:
        """Waits until the calls have heard that many messages."""
        await self.until(lambda: sum(len(call.heard) for call in self.service.calls) >= messages)

    async def all_closed(self) -> None:
        """Waits until every call that was opened is closed, and checks that each was closed once."""
        await self.until(lambda: all(call.closings for call in self.service.calls))
        assert [call.closings for call in self.service.calls] == [1] * len(self.service.calls)


def listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(128)
    listening.setblocking(False)
    return listening


async def serve(kind: str, path: Path) -> Served:
    service = ScriptedService()
    if kind == "native":
        native = NativeServer(service, MAX_MESSAGE_BYTES)
        await native.start(listen(path))
        return Served(kind, native, service, path)
    server = GrpcioServer(service, MAX_MESSAGE_BYTES)
    await server.start(f"unix:{path}")
    return Served(kind, server, service, path)
