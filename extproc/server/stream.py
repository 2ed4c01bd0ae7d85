"""One gRPC call on one HTTP/2 stream: messages out of DATA payloads, and what waits to be sent.

A gRPC message is one octet (compressed or not), a 32-bit length and that many octets; it may begin and end anywhere in
DATA frames (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
"""

from __future__ import annotations

import struct
from asyncio import Future
from collections import deque
from collections.abc import Iterable, Iterator

from extproc.server.call import Call, CallError, Status

_PREFIX = struct.Struct(">BL")
PREFIX_BYTES = _PREFIX.size


def pack_message(data: bytes) -> bytes:
    """A message as it goes into DATA frames."""
    return _PREFIX.pack(0, len(data)) + data


class Stream:
    """The state of one call. Plain data with the message splitter; `Calls` and `Writer` decide everything else."""

    __slots__ = (
        "call",
        "consumed_bytes",
        "has_sent_headers",
        "has_sent_trailers",
        "id",
        "inbox",
        "is_listening",
        "is_peer_done",
        "partial",
        "pending",
        "send_window",
        "task",
        "trailers",
    )

    def __init__(self, stream_id: int, call: Call, send_window: int) -> None:
        self.id = stream_id
        self.call = call
        self.send_window = send_window
        self.consumed_bytes = 0  # received and not yet given back to the peer as window
        self.partial: bytearray | None = None  # the beginning of a message
        self.inbox: deque[bytes] | None = None  # messages behind one that is being awaited
        self.task: Future[bytes | None] | None = None  # the answer that is being awaited
        self.is_listening = True  # until the peer has said all, or the call has failed
        self.is_peer_done = False
        self.pending: deque[bytes | memoryview] | None = None  # what flow control holds back
        self.trailers: bytes | None = None  # once known; they follow `pending`, and nothing else may be sent
        self.has_sent_headers = False
        self.has_sent_trailers = False

    def messages(self, payload: bytes, max_message_bytes: int) -> Iterable[bytes]:
        """The messages completed by this payload, in order. Raises CallError on a compressed or over-long one."""
        if not self.partial and len(payload) >= PREFIX_BYTES:
            flag, length = _PREFIX.unpack_from(payload)
            if flag == 0 and len(payload) == PREFIX_BYTES + length <= max_message_bytes:  # nearly always: one frame, one message
                return (payload[PREFIX_BYTES:],)
        return self._split(payload, max_message_bytes)

    def _split(self, payload: bytes, max_message_bytes: int) -> Iterator[bytes]:
        partial = self.partial
        if partial is None:
            partial = self.partial = bytearray()
        partial += payload
        while len(partial) >= PREFIX_BYTES:
            flag, length = _PREFIX.unpack_from(partial)
            if flag:
                raise CallError(Status.UNIMPLEMENTED, "compressed messages are not accepted")
            if length > max_message_bytes:
                raise CallError(Status.RESOURCE_EXHAUSTED, "message is larger than max_body_bytes allows")
            end = PREFIX_BYTES + length
            if len(partial) < end:
                break
            with memoryview(partial) as view:
                whole = bytes(view[PREFIX_BYTES:end])
            del partial[:end]
            yield whole
