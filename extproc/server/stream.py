"""One gRPC call on one HTTP/2 stream: messages out of DATA payloads, and what waits to be sent.

A gRPC message is one octet (compressed or not), a 32-bit length and that many octets; it may begin and end anywhere in
DATA frames (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
"""

from __future__ import annotations

import struct
from asyncio import Task
from collections import deque

from extproc.server.call import Call, CallError, Status

_PREFIX = struct.Struct(">BL")
PREFIX_BYTES = _PREFIX.size


def pack_message(data: bytes) -> bytes:
    """A message as it goes into DATA frames."""
    return _PREFIX.pack(0, len(data)) + data


class Stream:
    """The state of one call. Plain data with the message splitter; the connection decides everything else."""

    __slots__ = (
        "call",
        "consumed_bytes",
        "ends_after",
        "has_sent_headers",
        "inbox",
        "is_peer_done",
        "partial",
        "pending",
        "send_window",
        "task",
    )

    def __init__(self, call: Call, send_window: int) -> None:
        self.call = call
        self.send_window = send_window
        self.consumed_bytes = 0  # received and not yet given back to the peer as window
        self.partial = bytearray()  # the beginning of a message
        self.pending: deque[bytes] = deque()  # what flow control holds back
        self.inbox: deque[bytes] = deque()  # messages behind one that is being awaited
        self.task: Task[None] | None = None
        self.has_sent_headers = False
        self.is_peer_done = False
        self.ends_after: bytes | None = None  # the trailers, once known, that follow `pending`

    def messages(self, payload: bytes, max_message_bytes: int) -> list[bytes]:
        """The messages completed by this payload, in order. Raises CallError on a compressed or over-long one."""
        if not self.partial and len(payload) >= PREFIX_BYTES:
            flag, length = _PREFIX.unpack_from(payload)
            if flag == 0 and len(payload) == PREFIX_BYTES + length:  # nearly always: one frame, one message
                return [payload[PREFIX_BYTES:]]
        self.partial += payload
        complete: list[bytes] = []
        while len(self.partial) >= PREFIX_BYTES:
            flag, length = _PREFIX.unpack_from(self.partial)
            if flag:
                raise CallError(Status.UNIMPLEMENTED, "compressed messages are not accepted")
            if length > max_message_bytes:
                raise CallError(Status.RESOURCE_EXHAUSTED, "message is larger than max_body_bytes allows")
            end = PREFIX_BYTES + length
            if len(self.partial) < end:
                break
            complete.append(bytes(memoryview(self.partial)[PREFIX_BYTES:end]))
            del self.partial[:end]
        return complete
