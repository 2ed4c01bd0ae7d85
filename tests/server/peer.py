"""A peer that writes HTTP/2 frames by hand, and a connection in memory that it writes them to."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import hpack
from hyperframe.frame import Frame as StrictFrame

from extproc.server import frames
from extproc.server.connection import Connection
from tests.server.scripted import ScriptedService


class Frame(NamedTuple):
    """One frame as it went over the wire."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes


class Wire(asyncio.Transport):
    """Keeps what is written; can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False
        self.is_reading = True
        self.limits: tuple[int | None, int | None] = (None, None)

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)


def read_frames(data: bytes) -> Iterator[Frame]:
    position = 0
    while position < len(data):
        high, low, kind, flags, stream_id = frames.unpack_header(data, position)
        end = position + 9 + (high << 8 | low)
        assert end <= len(data)
        payload = data[position + 9 : end]
        # A second opinion on what we write: hyperframe raises where a frame is malformed.
        strict, _length = StrictFrame.parse_frame_header(memoryview(data[position : position + 9]))
        strict.parse_body(memoryview(payload))
        yield Frame(kind, flags, stream_id, payload)
        position = end


def message(data: bytes) -> bytes:
    """A gRPC message."""
    return struct.pack(">BL", 0, len(data)) + data


class Outcome(NamedTuple):
    """What a stream received: messages, the gRPC status, and the code it was reset with."""

    messages: list[bytes]
    status: int | None
    reset: int | None


@dataclass
class Peer:
    """`say` writes bytes to the connection; `frames` is all it has answered so far."""

    max_message_bytes: int = 1_000_000
    service: ScriptedService = field(default_factory=ScriptedService)
    wire: Wire = field(default_factory=Wire)
    losses: list[Connection] = field(default_factory=list)
    # The settings are in force once acknowledged; a peer that wants no table says so in its next block, as hpack's encoder does.
    encoder: hpack.Encoder = field(default_factory=hpack.Encoder)

    def __post_init__(self) -> None:
        self.connection = Connection(self.service, self.max_message_bytes, self.losses.append)
        self.connection.connection_made(self.wire)

    def greet(self, settings: dict[int, int] | None = None) -> Peer:
        """The preface, our settings and the acknowledgement of theirs."""
        self.say(frames.PREFACE, frames.settings(settings or {}), frames.frame(frames.SETTINGS, frames.ACK, 0))
        self.encoder.header_table_size = 0
        return self

    def say(self, *parts: bytes) -> None:
        self.connection.data_received(b"".join(parts))

    def block(self, method: str = "Echo", extra: Iterable[tuple[str, str]] = ()) -> bytes:
        fields = [(":method", "POST"), (":scheme", "http"), (":path", f"/test.Service/{method}"), ("te", "trailers"), *extra]
        made: bytes = self.encoder.encode(fields)
        return made

    def headers(self, stream_id: int, method: str = "Echo", flags: int = 0, extra: Iterable[tuple[str, str]] = ()) -> bytes:
        return frames.frame(frames.HEADERS, frames.END_HEADERS | flags, stream_id, self.block(method, extra))

    @staticmethod
    def data(stream_id: int, payload: bytes, flags: int = 0) -> bytes:
        return frames.frame(frames.DATA, flags, stream_id, payload)

    def call(self, stream_id: int, method: str = "Echo", *messages: bytes) -> bytes:
        """A whole call."""
        said = b"".join(message(each) for each in messages)
        return self.headers(stream_id, method) + self.data(stream_id, said, frames.END_STREAM)

    @property
    def frames(self) -> list[Frame]:
        return list(read_frames(b"".join(self.wire.written)))

    def of(self, kind: int) -> list[Frame]:
        return [frame for frame in self.frames if frame.kind == kind]

    def outcomes(self) -> dict[int, Outcome]:
        """What each stream received. Header blocks are decoded in order, as a peer must."""
        decoder = hpack.Decoder()
        data: dict[int, bytes] = {}
        status: dict[int, int] = {}
        resets: dict[int, int] = {}
        for frame in self.frames:
            if frame.kind == frames.HEADERS:
                fields = {str(name): str(value) for name, value in decoder.decode(frame.payload)}
                data.setdefault(frame.stream_id, b"")
                assert frame.stream_id not in status
                if frame.flags & frames.END_STREAM:
                    status[frame.stream_id] = int(fields["grpc-status"])
            elif frame.kind == frames.DATA:
                assert frame.stream_id not in status
                data[frame.stream_id] += frame.payload
            elif frame.kind == frames.RST_STREAM:
                resets[frame.stream_id] = frames.read_u31(frame.payload)
        return {
            stream_id: Outcome(list(_messages(data.get(stream_id, b""))), status.get(stream_id), resets.get(stream_id))
            for stream_id in sorted(data.keys() | resets.keys())
        }

    @property
    def goaway(self) -> int | None:
        """The error the connection ended with."""
        ends = self.of(frames.GOAWAY)
        assert bool(ends) == self.wire.is_closed
        return frames.read_u31(ends[-1].payload, 4) if ends else None


def _messages(data: bytes) -> Iterator[bytes]:
    while data:
        flag, length = struct.unpack_from(">BL", data)
        assert flag == 0
        assert len(data) >= 5 + length
        yield data[5 : 5 + length]
        data = data[5 + length :]
