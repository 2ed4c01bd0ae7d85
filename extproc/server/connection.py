"""A gRPC server connection over HTTP/2, made for one kind of peer: an Envoy that sends many short calls.

Why not a library here: the call *is* the product's added latency. On one core a no-op processor on grpc.aio spends most
of a request waking the event loop up from gRPC's own poller thread. Here a read from the socket runs the
decision and the write in the same turn of the loop. `grpcio` stays available as the other transport and is the reference
in the contract tests.

    Connection   bytes in: frames, header blocks, what the peer says about the connection
    Calls        messages: each call's life
    Writer       bytes out: frames, windows

What is left out is left out on purpose: no server push, no priorities, no compression, no dynamic HPACK table.

What must not be is refused (RFC 9113, 5.4) wherever reading on could cost memory or mix up streams. Where it could not,
less is asked than the RFC does: the first frame need not be SETTINGS, header fields are not judged (`:method`, `te`,
`content-type`), frames for streams that are over are skipped, trailers end a call whether flagged as an end or not, and
the windows we give are not policed (see `writer`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, cast

from extproc.server import frames
from extproc.server.call import Service
from extproc.server.calls import Calls
from extproc.server.frames import BrokenError
from extproc.server.header import MAX_BLOCK_BYTES, HeaderReader

_MAX_STREAMS = 65_536
# Answers are held back by the peer's windows, but acknowledgements are not: beyond this, what the peer says waits too.
_MAX_UNSENT_BYTES = 16 * 1024 * 1024


class Connection(asyncio.Protocol):
    """One peer. Bounded: streams, message size, header blocks, what waits behind an awaited answer, what it does not take."""

    def __init__(self, service: Service, max_message_bytes: int, on_close: Callable[[Connection], None]) -> None:
        self._calls = Calls(service, max_message_bytes)
        self._streams = self._calls.streams
        self._writer = self._calls.writer
        self._headers = HeaderReader()
        self._on_close = on_close
        self._unread = b""
        self._has_preface = False
        self._is_broken = False
        self._is_draining = False
        self._open_block: tuple[int, int, bytearray] | None = None  # stream, flags, HEADERS waiting for CONTINUATION
        self._last_stream_id = 0
        self._transport: asyncio.Transport | None = None

    # ---- the life of the connection ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._writer.transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_MAX_UNSENT_BYTES)
        self._writer.greet(_MAX_STREAMS)
        self._writer.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._transport = self._writer.transport = None
        self._calls.close()
        self._on_close(self)

    def pause_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def drain(self) -> None:
        """Say that the end is near, end lasting calls; short ones, also those still on their way here, are answered."""
        if self._is_draining or self._is_broken or self._transport is None:
            return
        self._is_draining = True
        self._writer.add(frames.goaway(frames.MAX_STREAM_ID))
        self._calls.drain()
        self._writer.flush()

    @property
    def pending_calls(self) -> int:
        """Calls a draining server should wait for."""
        return self._calls.unfinished

    def close(self) -> None:
        """End the connection, once what was said is written."""
        self._end(frames.NO_ERROR)

    def abort(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, error: int) -> None:
        if self._transport is None or self._is_broken:
            return
        self._is_broken = True
        self._writer.add(frames.goaway(self._last_stream_id, error))
        self._writer.flush()
        self._transport.close()

    # ---- reading ----

    def data_received(self, data: bytes) -> None:
        if self._is_broken:
            return
        buffer = self._unread + data if self._unread else data
        try:
            position = self._read_frames(buffer, 0 if self._has_preface else self._read_preface(buffer))
        except BrokenError as broken:
            self._unread = b""
            self._end(broken.error)
            return
        self._unread = buffer[position:]
        self._writer.flush()

    def _read_preface(self, buffer: bytes) -> int:
        have = min(len(buffer), len(frames.PREFACE))
        if buffer[:have] != frames.PREFACE[:have]:
            raise BrokenError(frames.PROTOCOL_ERROR)
        if have < len(frames.PREFACE):
            return 0
        self._has_preface = True
        return have

    def _read_frames(self, buffer: bytes, position: int) -> int:
        size = len(buffer) if self._has_preface else 0
        while size - position >= frames.FRAME_HEADER_BYTES:
            high, low, kind, flags, stream_id = frames.unpack_header(buffer, position)
            length = high << 8 | low
            if length > frames.DEFAULT_FRAME_BYTES:
                raise BrokenError(frames.FRAME_SIZE_ERROR)
            start = position + frames.FRAME_HEADER_BYTES
            if size - start < length:
                break
            position = start + length
            self._read_frame(kind, flags, stream_id & 0x7FFF_FFFF, buffer[start:position])
        return position

    def _read_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self._open_block is not None and kind != frames.CONTINUATION:
            raise BrokenError(frames.PROTOCOL_ERROR)
        if kind == frames.DATA:
            self._read_data(flags, stream_id, payload)
        elif kind == frames.HEADERS:
            self._read_headers(flags, stream_id, payload)
        elif (read := self._READERS.get(kind)) is not None:
            read(self, flags, stream_id, payload)

    def _read_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        stream = self._streams.get(stream_id)
        self._writer.received(stream, len(payload))
        if stream is None:
            self._must_be_known(stream_id)
            return
        if flags & frames.PADDED:
            unpadded = frames.unpad(frames.PADDED, payload)
            if unpadded is None:
                raise BrokenError(frames.PROTOCOL_ERROR)
            payload = unpadded
        if not stream.is_listening:
            if stream.is_peer_done:
                self._writer.reset(stream_id, frames.STREAM_CLOSED)
                self._calls.drop(stream)
            elif flags & frames.END_STREAM:
                self._calls.end_input(stream)
            return
        if flags & frames.END_STREAM:
            stream.is_peer_done = True
            if payload:
                self._calls.receive(stream, payload)
            self._calls.end_input(stream)
        elif payload:
            self._calls.receive(stream, payload)

    def _read_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        block = frames.unpad(flags, payload) if flags & (frames.PADDED | frames.HAS_PRIORITY) else payload
        if block is None or not stream_id & 1:
            raise BrokenError(frames.PROTOCOL_ERROR)
        if flags & frames.END_HEADERS:
            self._open(stream_id, flags, block)
        else:
            self._open_block = (stream_id, flags, bytearray(block))

    def _read_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._open_block is None or self._open_block[0] != stream_id:
            raise BrokenError(frames.PROTOCOL_ERROR)
        _, first_flags, block = self._open_block
        block += payload
        if len(block) > MAX_BLOCK_BYTES:
            raise BrokenError(frames.ENHANCE_YOUR_CALM)
        if flags & frames.END_HEADERS:
            self._open_block = None
            self._open(stream_id, first_flags, bytes(block))

    def _open(self, stream_id: int, flags: int, block: bytes) -> None:
        metadata = self._headers.read(block)
        if stream_id <= self._last_stream_id:  # trailers, which gRPC clients do not send, or a stream that is over
            stream = self._streams.get(stream_id)
            if stream is not None and not stream.is_peer_done:
                self._calls.end_input(stream)
            return
        self._last_stream_id = stream_id
        if len(self._streams) >= _MAX_STREAMS:
            self._writer.reset(stream_id, frames.REFUSED_STREAM)
        else:
            self._calls.open(stream_id, metadata, is_peer_done=bool(flags & frames.END_STREAM))

    # ---- what the peer says about the connection ----

    def _read_reset(self, flags: int, stream_id: int, payload: bytes) -> None:  # noqa: ARG002 - as every reader
        _must_be(len(payload) == 4, frames.FRAME_SIZE_ERROR)
        stream = self._streams.get(stream_id)
        if stream is None:
            self._must_be_known(stream_id)
        else:
            self._calls.drop(stream)

    def _read_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:  # noqa: ARG002 - as every reader
        _must_be(len(payload) == 4, frames.FRAME_SIZE_ERROR)
        increment = frames.read_u31(payload)
        if stream_id == 0:
            self._writer.widen(increment)
        elif (stream := self._streams.get(stream_id)) is not None:
            self._writer.widen_stream(stream, increment)
        else:
            self._must_be_known(stream_id)

    def _read_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        _must_be(stream_id == 0, frames.PROTOCOL_ERROR)
        if flags & frames.ACK:
            _must_be(not payload, frames.FRAME_SIZE_ERROR)
            self._headers.acknowledged()
            return
        _must_be(len(payload) % 6 == 0, frames.FRAME_SIZE_ERROR)
        self._writer.obey(frames.read_settings(payload), self._streams.values())

    def _read_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        _must_be(stream_id == 0, frames.PROTOCOL_ERROR)
        _must_be(len(payload) == 8, frames.FRAME_SIZE_ERROR)
        if not flags & frames.ACK:
            self._writer.add(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _read_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:  # noqa: ARG002 - as every reader
        _must_be(stream_id == 0, frames.PROTOCOL_ERROR)
        _must_be(len(payload) >= 8, frames.FRAME_SIZE_ERROR)

    def _read_priority(self, flags: int, stream_id: int, payload: bytes) -> None:  # noqa: ARG002 - as every reader
        _must_be(stream_id != 0, frames.PROTOCOL_ERROR)
        _must_be(len(payload) == 5, frames.FRAME_SIZE_ERROR)

    def _read_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:  # noqa: ARG002 - as every reader
        raise BrokenError(frames.PROTOCOL_ERROR)

    def _must_be_known(self, stream_id: int) -> None:
        """A stream that is over may still be spoken of; one that never began may not (RFC 9113, 5.1)."""
        _must_be(bool(stream_id & 1) and stream_id <= self._last_stream_id, frames.PROTOCOL_ERROR)

    # Frames of other kinds are skipped (RFC 9113, 4.1).
    _READERS: ClassVar[dict[int, Callable[[Connection, int, int, bytes], None]]] = {
        frames.PRIORITY: _read_priority,
        frames.RST_STREAM: _read_reset,
        frames.SETTINGS: _read_settings,
        frames.PUSH_PROMISE: _read_push_promise,
        frames.PING: _read_ping,
        frames.GOAWAY: _read_goaway,
        frames.WINDOW_UPDATE: _read_window_update,
        frames.CONTINUATION: _read_continuation,
    }


def _must_be(is_so: bool, error: int) -> None:
    if not is_so:
        raise BrokenError(error)
