"""A gRPC server connection over HTTP/2, made for one kind of peer: an Envoy that sends many short calls.

Why not a library here: the call *is* the product's added latency. On one core a no-op processor on grpc.aio spends most
of a request waking the event loop up from gRPC's own poller thread. Here a read from the socket runs the
decision and the write in the same turn of the loop. `grpcio` stays available as the other transport and is the reference
in the contract tests.

What is left out is left out on purpose: no server push, no priorities, no compression, no dynamic HPACK table (we
announce a table of 0, so a header block means the same whenever it comes again, and its decoding can be remembered).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from hpack import Decoder, HPACKError

from extproc.server import frames
from extproc.server.call import CallError, Service, Status
from extproc.server.stream import PREFIX_BYTES, Stream, pack_message

log = logging.getLogger(__name__)

_MAX_STREAMS = 65_536
_CONNECTION_WINDOW_BYTES = 2**30
_MAX_INBOX = 64
_MAX_HEADER_BLOCK_BYTES = 64 * 1024
_MAX_REMEMBERED_BLOCKS = 256
_IGNORED = {frames.PRIORITY, frames.PUSH_PROMISE}


class BrokenError(Exception):
    """The peer broke HTTP/2: the connection ends with this error code."""

    def __init__(self, error: int) -> None:
        super().__init__(error)
        self.error = error


class Connection(asyncio.Protocol):
    """One peer. Bounded: streams, message size, header blocks, what waits behind an awaited answer."""

    def __init__(self, service: Service, max_message_bytes: int, on_close: Callable[[Connection], None]) -> None:
        self._service = service
        self._max_message_bytes = max_message_bytes
        self._on_close = on_close
        self._streams: dict[int, Stream] = {}
        self._unread = b""
        self._has_preface = False
        self._out: list[bytes] = []
        self._send_window = frames.DEFAULT_WINDOW_BYTES
        self._peer_stream_window = frames.DEFAULT_WINDOW_BYTES
        self._peer_frame_bytes = frames.DEFAULT_FRAME_BYTES
        self._consumed_bytes = 0
        self._stream_window_bytes = min(max_message_bytes + 65_536, frames.MAX_WINDOW_BYTES)
        self._decoder = Decoder(max_header_list_size=_MAX_HEADER_BLOCK_BYTES)
        self._known_blocks: dict[bytes, dict[str, str]] = {}
        self._open_block: tuple[int, int, bytearray] | None = None  # stream, flags, HEADERS waiting for CONTINUATION
        self._last_stream_id = 0
        self._blocked: set[int] = set()
        self._is_draining = False
        self._transport: asyncio.Transport | None = None

    # ---- the life of the connection ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        announced = {
            frames.SETTINGS_HEADER_TABLE_SIZE: 0,
            frames.SETTINGS_MAX_CONCURRENT_STREAMS: _MAX_STREAMS,
            frames.SETTINGS_INITIAL_WINDOW_SIZE: self._stream_window_bytes,
        }
        wider = frames.window_update(0, _CONNECTION_WINDOW_BYTES - frames.DEFAULT_WINDOW_BYTES)
        self._transport.write(frames.settings(announced) + wider)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        for stream in list(self._streams.values()):
            self._forget(stream)
        self._streams.clear()
        self._on_close(self)

    def drain(self) -> None:
        """Say that the end is near, end lasting calls; short ones, also those still on their way here, are answered."""
        if self._is_draining or self._transport is None:
            return
        self._is_draining = True
        self._out.append(frames.goaway(frames.MAX_STREAM_ID))
        for stream_id, stream in list(self._streams.items()):
            if stream.call.is_lasting:
                # Only our side ends: what the peer sent before it learns of this is still read and counts.
                self._finish(stream_id, stream)
        self._flush()

    @property
    def pending_calls(self) -> int:
        """Calls a draining server should wait for."""
        return sum(1 for stream in self._streams.values() if not stream.call.is_lasting)

    def close(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._out.append(frames.goaway(self._last_stream_id))
            self._flush()
            self._transport.close()

    # ---- reading ----

    def data_received(self, data: bytes) -> None:
        buffer = self._unread + data if self._unread else data
        try:
            position = self._read_frames(buffer, 0 if self._has_preface else self._read_preface(buffer))
            self._unread = buffer[position:]
        except BrokenError as broken:
            self._out.append(frames.goaway(self._last_stream_id, broken.error))
            self._flush()
            if self._transport is not None:
                self._transport.close()
            return
        self._flush()

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
        elif kind == frames.CONTINUATION:
            self._read_continuation(flags, stream_id, payload)
        elif kind == frames.RST_STREAM:
            self._drop(stream_id)
        elif kind not in _IGNORED:
            self._read_control(kind, flags, stream_id, payload)

    def _read_control(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == frames.WINDOW_UPDATE:
            if len(payload) != 4:
                raise BrokenError(frames.FRAME_SIZE_ERROR)
            self._widen(stream_id, frames.read_u31(payload))
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            if len(payload) % 6:
                raise BrokenError(frames.FRAME_SIZE_ERROR)
            self._obey(frames.read_settings(payload))
            self._out.append(frames.frame(frames.SETTINGS, frames.ACK, 0))
        elif kind == frames.PING and not flags & frames.ACK:
            if len(payload) != 8:
                raise BrokenError(frames.FRAME_SIZE_ERROR)
            self._out.append(frames.frame(frames.PING, frames.ACK, 0, payload))

    # ---- calls ----

    def _read_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        block = frames.unpad(flags, payload)
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
        if len(block) > _MAX_HEADER_BLOCK_BYTES:
            raise BrokenError(frames.ENHANCE_YOUR_CALM)
        if flags & frames.END_HEADERS:
            self._open_block = None
            self._open(stream_id, first_flags, bytes(block))

    def _open(self, stream_id: int, flags: int, block: bytes) -> None:
        metadata = self._metadata(block)
        if stream_id <= self._last_stream_id:  # trailers, which gRPC clients do not send, or a stream that is over
            self._end_input(stream_id)
            return
        self._last_stream_id = stream_id
        if len(self._streams) >= _MAX_STREAMS:
            self._out.append(frames.reset(stream_id, frames.REFUSED_STREAM))
            return
        call = self._service.open(metadata.get(":path", ""), metadata)
        if call is None:
            only = frames.RESPONSE_HEADERS + frames.trailers(Status.UNIMPLEMENTED, "unknown method")
            self._out.append(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream_id, only))
            return
        self._streams[stream_id] = Stream(call, self._peer_stream_window)
        if flags & frames.END_STREAM:
            self._end_input(stream_id)

    def _metadata(self, block: bytes) -> dict[str, str]:
        known = self._known_blocks.get(block)
        if known is not None:
            return known
        try:
            metadata = {str(name): str(value) for name, value in self._decoder.decode(block)}
        except (HPACKError, UnicodeDecodeError) as error:
            raise BrokenError(frames.COMPRESSION_ERROR) from error
        # With a dynamic table of 0, which the peer adopts once it has read our settings, equal blocks mean equal headers.
        if self._decoder.header_table.maxsize == 0 and len(self._known_blocks) < _MAX_REMEMBERED_BLOCKS and "traceparent" not in metadata:
            self._known_blocks[block] = metadata
        return metadata

    def _read_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._give_back(stream_id, len(payload))
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        data = frames.unpad(flags & frames.PADDED, payload) if flags & frames.PADDED else payload
        if data is None:
            raise BrokenError(frames.PROTOCOL_ERROR)
        try:
            for message in stream.messages(data, self._max_message_bytes):
                self._deliver(stream_id, stream, message)
        except CallError as error:
            self._fail(stream_id, stream, error)
        if flags & frames.END_STREAM:
            self._end_input(stream_id)

    def _deliver(self, stream_id: int, stream: Stream, message: bytes) -> None:
        if stream.task is not None:
            if len(stream.inbox) >= _MAX_INBOX:
                raise CallError(Status.RESOURCE_EXHAUSTED, "too many messages ahead of an answer")
            stream.inbox.append(message)
            return
        try:
            answer = stream.call.message(message)
        except CallError:
            raise
        except Exception as error:
            log.exception("a call failed")
            raise CallError(Status.INTERNAL, "internal error") from error
        if answer is None:
            return
        if isinstance(answer, bytes):
            self._send(stream_id, stream, answer)
        else:
            stream.task = asyncio.ensure_future(self._await(stream_id, stream, answer))

    async def _await(self, stream_id: int, stream: Stream, answer: Awaitable[bytes | None]) -> None:
        try:
            data = await answer
            if data is not None:
                self._send(stream_id, stream, data)
        except CallError as error:
            self._fail(stream_id, stream, error)
        except Exception:
            log.exception("a call failed")
            self._fail(stream_id, stream, CallError(Status.INTERNAL, "internal error"))
        finally:
            stream.task = None
        while stream.inbox and stream.task is None and stream_id in self._streams:
            try:
                self._deliver(stream_id, stream, stream.inbox.popleft())
            except CallError as error:
                self._fail(stream_id, stream, error)
        if stream.is_peer_done and stream.task is None and stream_id in self._streams:
            self._finish(stream_id, stream)
        self._flush()

    def _end_input(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or stream.is_peer_done:
            return
        stream.is_peer_done = True
        if stream.ends_after is not None:
            self._settle(stream_id, stream)
        elif stream.task is None:
            self._finish(stream_id, stream)

    def _finish(self, stream_id: int, stream: Stream) -> None:
        last = stream.call.end()
        if last is not None:
            self._send(stream_id, stream, last)
        self._send_trailers(stream_id, stream, frames.trailers(Status.OK))

    def _fail(self, stream_id: int, stream: Stream, error: CallError) -> None:
        if stream_id in self._streams and stream.ends_after is None:
            self._send_trailers(stream_id, stream, frames.trailers(error.status, error.message))

    # ---- writing ----

    def _send(self, stream_id: int, stream: Stream, data: bytes) -> None:
        if stream_id not in self._streams or stream.ends_after is not None:
            return
        if not stream.has_sent_headers:
            stream.has_sent_headers = True
            self._out.append(frames.frame(frames.HEADERS, frames.END_HEADERS, stream_id, frames.RESPONSE_HEADERS))
        size = len(data) + PREFIX_BYTES
        if size <= self._peer_frame_bytes and size <= self._send_window and size <= stream.send_window and not stream.pending:
            self._send_window -= size
            stream.send_window -= size
            self._out.append(frames.frame(frames.DATA, 0, stream_id, pack_message(data)))
        else:
            stream.pending.append(pack_message(data))
            self._push(stream_id, stream)

    def _push(self, stream_id: int, stream: Stream) -> None:
        """Send what flow control lets through; remember the stream where something stays behind."""
        while stream.pending:
            room = min(self._send_window, stream.send_window, self._peer_frame_bytes)
            if room <= 0:
                self._blocked.add(stream_id)
                return
            piece = stream.pending.popleft()
            if len(piece) > room:
                # A view, so that pushing out a large body copies it once and not once a frame.
                view = memoryview(piece)
                stream.pending.appendleft(cast("bytes", view[room:]))
                piece = bytes(view[:room])
            self._send_window -= len(piece)
            stream.send_window -= len(piece)
            self._out.append(frames.frame(frames.DATA, 0, stream_id, bytes(piece)))
        self._blocked.discard(stream_id)
        if stream.ends_after is not None:
            self._settle(stream_id, stream)

    def _send_trailers(self, stream_id: int, stream: Stream, block: bytes) -> None:
        stream.ends_after = block if stream.has_sent_headers else frames.RESPONSE_HEADERS + block
        if not stream.pending:
            self._settle(stream_id, stream)

    def _settle(self, stream_id: int, stream: Stream) -> None:
        """Send the trailers, once; the stream is over when the peer has ended its side too."""
        if stream.pending:
            return
        if stream.ends_after:
            self._out.append(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream_id, stream.ends_after))
            stream.ends_after = b""
        if stream.is_peer_done:
            self._drop(stream_id)

    def _widen(self, stream_id: int, increment: int) -> None:
        if stream_id == 0:
            self._send_window += increment
            for blocked_id in list(self._blocked):
                self._push(blocked_id, self._streams[blocked_id])
        elif (stream := self._streams.get(stream_id)) is not None:
            stream.send_window += increment
            if stream.pending:
                self._push(stream_id, stream)

    def _obey(self, settings: dict[int, int]) -> None:
        self._peer_frame_bytes = min(settings.get(frames.SETTINGS_MAX_FRAME_SIZE, self._peer_frame_bytes), 65_536)
        window = settings.get(frames.SETTINGS_INITIAL_WINDOW_SIZE)
        if window is not None:
            change, self._peer_stream_window = window - self._peer_stream_window, window
            for stream_id, stream in list(self._streams.items()):
                stream.send_window += change
                if stream.pending:
                    self._push(stream_id, stream)

    def _give_back(self, stream_id: int, size: int) -> None:
        """Return window for what was read, in large steps: one frame per many megabytes."""
        self._consumed_bytes += size
        if self._consumed_bytes > _CONNECTION_WINDOW_BYTES // 2:
            self._out.append(frames.window_update(0, self._consumed_bytes))
            self._consumed_bytes = 0
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.consumed_bytes += size
            if stream.consumed_bytes > self._stream_window_bytes // 2:
                self._out.append(frames.window_update(stream_id, stream.consumed_bytes))
                stream.consumed_bytes = 0

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _drop(self, stream_id: int) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self._blocked.discard(stream_id)
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        if stream.task is not None:
            stream.task.cancel()
        stream.call.closed()
