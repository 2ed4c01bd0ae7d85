"""Frames on their way to the peer, and the windows of both directions (RFC 9113, 5.2).

Everything that one turn of the event loop has to say is collected and written at once. What the peer's windows do not let
through waits in its stream; while a stream waits, its peer gets no window back for more, so the queue is bounded.

Windows the peer has to keep to are given generously and not policed: a message is dealt with as soon as it is whole, so
what a stream can hold is limited by the size of a message, whatever the peer's arithmetic.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from extproc.server import frames
from extproc.server.stream import PREFIX_BYTES, Stream, pack_message

_CONNECTION_WINDOW_BYTES = 2**30
_MAX_STREAM_SLACK_BYTES = 65_536
_MAX_FRAME_BYTES = 65_536  # larger ones would let one answer hold up the others for longer


class Writer:
    """The sending half of a connection. `on_over` hears of each stream of which nothing more is to be sent or read."""

    def __init__(self, max_message_bytes: int, on_over: Callable[[Stream], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self._on_over = on_over
        self._out: list[bytes] = []
        self._blocked: dict[int, Stream] = {}  # in the order in which they came to wait
        self._window = frames.DEFAULT_WINDOW_BYTES
        self._frame_bytes = frames.DEFAULT_FRAME_BYTES
        self.new_stream_window = frames.DEFAULT_WINDOW_BYTES
        self._consumed_bytes = 0
        self._receive_window_bytes = min(max_message_bytes + _MAX_STREAM_SLACK_BYTES, frames.MAX_WINDOW_BYTES)

    def greet(self, max_streams: int) -> None:
        """Announce what we want of the peer."""
        announced = {
            frames.SETTINGS_HEADER_TABLE_SIZE: 0,
            frames.SETTINGS_MAX_CONCURRENT_STREAMS: max_streams,
            frames.SETTINGS_INITIAL_WINDOW_SIZE: self._receive_window_bytes,
        }
        wider = frames.window_update(0, _CONNECTION_WINDOW_BYTES - frames.DEFAULT_WINDOW_BYTES)
        self._out.append(frames.settings(announced) + wider)

    # ---- what is said ----

    def add(self, frame: bytes) -> None:
        """A frame that no window holds back."""
        self._out.append(frame)

    def send(self, stream: Stream, data: bytes) -> None:
        """A message; dropped when our side of the stream is over."""
        if stream.trailers is not None:
            return
        if not stream.has_sent_headers:
            stream.has_sent_headers = True
            self._out.append(frames.frame(frames.HEADERS, frames.END_HEADERS, stream.id, frames.RESPONSE_HEADERS))
        size = len(data) + PREFIX_BYTES
        if size <= self._frame_bytes and size <= self._window and size <= stream.send_window and not stream.pending:
            self._window -= size
            stream.send_window -= size
            self._out.append(frames.message(stream.id, data))
            return
        if stream.pending is None:
            stream.pending = deque()
        stream.pending.append(pack_message(data))
        self._push(stream)

    def end(self, stream: Stream, trailers: bytes) -> None:
        """The end of our side, after all that was sent before."""
        stream.trailers = trailers if stream.has_sent_headers else frames.RESPONSE_HEADERS + trailers
        if not stream.pending:
            self._settle(stream, stream.trailers)

    def reset(self, stream_id: int, error: int) -> None:
        """The abrupt end of a stream, both ways."""
        self._out.append(frames.reset(stream_id, error))

    def forget(self, stream: Stream) -> None:
        """Hold nothing more for the stream."""
        self._blocked.pop(stream.id, None)

    def flush(self) -> None:
        """Write what was collected."""
        if self._out:
            if self.transport is not None:
                self.transport.write(b"".join(self._out))
            self._out.clear()

    def _settle(self, stream: Stream, trailers: bytes) -> None:
        stream.has_sent_trailers = True
        self._out.append(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream.id, trailers))
        if stream.is_peer_done:
            if stream.task is None:
                self._on_over(stream)
        elif not stream.is_listening:
            self._out.append(frames.reset(stream.id, frames.NO_ERROR))  # the peer need not send the rest (RFC 9113, 8.1)
            self._on_over(stream)

    def _push(self, stream: Stream) -> None:
        """Send what the windows let through; remember the stream where something stays behind."""
        pending = stream.pending
        while pending:
            room = min(self._window, stream.send_window, self._frame_bytes)
            if room <= 0:
                self._blocked[stream.id] = stream
                return
            piece = pending.popleft()
            if len(piece) > room:
                # A view, so that pushing out a large body copies it once and not once a frame.
                view = memoryview(piece)
                pending.appendleft(view[room:])
                piece = view[:room]
            self._window -= len(piece)
            stream.send_window -= len(piece)
            self._out.append(frames.frame(frames.DATA, 0, stream.id, bytes(piece)))
        self._blocked.pop(stream.id, None)
        if stream.trailers is not None and not stream.has_sent_trailers:
            self._settle(stream, stream.trailers)
        else:
            self.received(stream, 0)

    # ---- windows ----

    def widen(self, increment: int) -> None:
        """The peer takes `increment` more bytes on the connection. Raises BrokenError."""
        if not 0 < increment <= frames.MAX_WINDOW_BYTES - self._window:
            raise frames.BrokenError(frames.FLOW_CONTROL_ERROR if increment else frames.PROTOCOL_ERROR)
        self._window += increment
        for stream in list(self._blocked.values()):
            self._push(stream)

    def widen_stream(self, stream: Stream, increment: int) -> None:
        """The peer takes `increment` more bytes on the stream. An impossible number ends the stream."""
        if not 0 < increment <= frames.MAX_WINDOW_BYTES - stream.send_window:
            self.reset(stream.id, frames.FLOW_CONTROL_ERROR if increment else frames.PROTOCOL_ERROR)
            self._on_over(stream)
            return
        stream.send_window += increment
        if stream.pending:
            self._push(stream)

    def obey(self, settings: dict[int, int], streams: Iterable[Stream]) -> None:
        """Adopt the peer's settings and say so. Raises BrokenError."""
        frame_bytes = settings.get(frames.SETTINGS_MAX_FRAME_SIZE, self._frame_bytes)
        window = settings.get(frames.SETTINGS_INITIAL_WINDOW_SIZE, self.new_stream_window)
        if settings.get(frames.SETTINGS_ENABLE_PUSH, 0) > 1 or not frames.DEFAULT_FRAME_BYTES <= frame_bytes <= frames.MAX_FRAME_BYTES:
            raise frames.BrokenError(frames.PROTOCOL_ERROR)
        change = window - self.new_stream_window
        streams = list(streams)
        if window > frames.MAX_WINDOW_BYTES or any(stream.send_window + change > frames.MAX_WINDOW_BYTES for stream in streams):
            raise frames.BrokenError(frames.FLOW_CONTROL_ERROR)
        self._out.append(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._frame_bytes = min(frame_bytes, _MAX_FRAME_BYTES)
        self.new_stream_window = window
        for stream in streams:
            stream.send_window += change  # below 0 where the peer takes back more than is left (RFC 9113, 6.9.2)
            if stream.pending:
                self._push(stream)

    def received(self, stream: Stream | None, size: int) -> None:
        """Return window for what was read, in large steps: one frame per many megabytes."""
        self._consumed_bytes += size
        if self._consumed_bytes > _CONNECTION_WINDOW_BYTES // 2:
            self._out.append(frames.window_update(0, self._consumed_bytes))
            self._consumed_bytes = 0
        if stream is not None:
            stream.consumed_bytes += size
            if stream.consumed_bytes > self._receive_window_bytes // 2 and not stream.pending:
                self._out.append(frames.window_update(stream.id, stream.consumed_bytes))
                stream.consumed_bytes = 0
