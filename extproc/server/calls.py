"""The calls of one connection: opened, spoken to, ended. Knows gRPC, and leaves HTTP/2 to `Connection` and `Writer`.

An answer that is there at once is written at once. Where a call has to wait, what the peer says meanwhile waits in the
stream's inbox, so answers keep the order of their questions.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from functools import partial

from extproc.server import frames
from extproc.server.call import CallError, Service, Status
from extproc.server.stream import Stream
from extproc.server.writer import Writer

log = logging.getLogger(__name__)

_MAX_INBOX = 64


class Calls:
    """Holds `streams`, by stream identifier: calls of which something is still to be read or sent."""

    def __init__(self, service: Service, max_message_bytes: int) -> None:
        self.streams: dict[int, Stream] = {}
        self.writer = Writer(max_message_bytes, self.drop)
        self._service = service
        self._max_message_bytes = max_message_bytes
        self._is_draining = False

    @property
    def unfinished(self) -> int:
        """Calls a draining server should wait for."""
        return sum(1 for stream in self.streams.values() if not (stream.call.is_lasting or stream.has_sent_trailers))

    def open(self, stream_id: int, metadata: Mapping[str, str], *, is_peer_done: bool) -> None:
        """Begin a call; one that cannot be begun is answered here."""
        try:
            call = self._service.open(metadata.get(":path", ""), metadata)
        except Exception as error:  # noqa: BLE001 - one call's trouble is not its neighbours'
            self._refuse(stream_id, _status_of(error), is_peer_done)
            return
        if call is None:
            self._refuse(stream_id, CallError(Status.UNIMPLEMENTED, "unknown method"), is_peer_done)
            return
        stream = self.streams[stream_id] = Stream(stream_id, call, self.writer.new_stream_window)
        if is_peer_done:
            self.end_input(stream)
        elif self._is_draining and call.is_lasting:
            self._finish(stream)

    def receive(self, stream: Stream, payload: bytes) -> None:
        """A payload of DATA: some part of a message, or several."""
        try:
            for message in stream.messages(payload, self._max_message_bytes):
                self._deliver(stream, message)
        except Exception as error:  # noqa: BLE001 - one call's trouble is not its neighbours'
            self._fail(stream, _status_of(error))

    def end_input(self, stream: Stream) -> None:
        """The peer has said all."""
        is_cut_short = bool(stream.partial)
        stream.is_peer_done = True
        stream.is_listening = False
        if is_cut_short:
            self._fail(stream, CallError(Status.INTERNAL, "the last message is cut short"))
        elif stream.task is None:
            self._finish(stream)

    def drain(self) -> None:
        """End lasting calls, now and from now on: our side only, so what the peer sent before it learns of this still counts."""
        self._is_draining = True
        for stream in list(self.streams.values()):
            if stream.call.is_lasting and stream.trailers is None:
                self._finish(stream)

    def drop(self, stream: Stream) -> None:
        """The call is over, whatever was left to say."""
        if self.streams.pop(stream.id, None) is None:
            return
        self.writer.forget(stream)
        if stream.task is not None:
            stream.task.cancel()
        try:
            stream.call.closed()
        except Exception:
            log.exception("a call failed to close")

    def close(self) -> None:
        """Everything is over."""
        for stream in list(self.streams.values()):
            self.drop(stream)

    def _deliver(self, stream: Stream, message: bytes) -> None:
        if stream.task is not None:
            if stream.inbox is None:
                stream.inbox = deque()
            if len(stream.inbox) >= _MAX_INBOX:
                raise CallError(Status.RESOURCE_EXHAUSTED, "too many messages ahead of an answer")
            stream.inbox.append(message)
            return
        answer = stream.call.message(message)
        if answer is None:
            return
        if isinstance(answer, bytes):
            self.writer.send(stream, answer)
            if stream.call.is_over:
                self._finish(stream)
        else:
            stream.task = asyncio.ensure_future(answer)
            stream.task.add_done_callback(partial(self._answered, stream))

    def _answered(self, stream: Stream, task: asyncio.Future[bytes | None]) -> None:
        stream.task = None
        if self.streams.get(stream.id) is not stream:
            if not task.cancelled():
                task.exception()  # nobody is left to hear of it
            return
        try:
            data = task.result()
            if data is not None:
                self.writer.send(stream, data)
            while stream.inbox and stream.task is None:
                self._deliver(stream, stream.inbox.popleft())
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the same
            self._fail(stream, _status_of(error))
        else:
            if stream.task is None and (stream.is_peer_done or stream.call.is_over):
                self._finish(stream)
        self.writer.flush()

    def _finish(self, stream: Stream) -> None:
        """End our side well; where it has ended before, the peer's end is the end of the call."""
        if stream.trailers is not None:
            if stream.has_sent_trailers:
                self.drop(stream)
            return
        try:
            last = stream.call.end()
        except Exception as error:  # noqa: BLE001 - one call's trouble is not its neighbours'
            self._fail(stream, _status_of(error))
            return
        if last is not None:
            self.writer.send(stream, last)
        self.writer.end(stream, frames.OK_TRAILERS)

    def _fail(self, stream: Stream, error: CallError) -> None:
        """End our side badly and hear no more of the peer's."""
        stream.is_listening = False
        stream.partial = stream.inbox = None
        if stream.trailers is None:
            self.writer.end(stream, frames.trailers(error.status, error.message))
        elif stream.has_sent_trailers:
            self.drop(stream)

    def _refuse(self, stream_id: int, error: CallError, is_peer_done: bool) -> None:
        block = frames.RESPONSE_HEADERS + frames.trailers(error.status, error.message)
        self.writer.add(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream_id, block))
        if not is_peer_done:
            self.writer.reset(stream_id, frames.NO_ERROR)


def _status_of(error: BaseException) -> CallError:
    """What the peer is told of it: our own words, or none."""
    if isinstance(error, CallError):
        return error
    log.error("a call failed", exc_info=error)
    return CallError(Status.INTERNAL, "internal error")
