"""HTTP/2 frames (RFC 9113 sections 4 and 6), as far as a gRPC server behind Envoy needs them: pure functions over bytes.

A frame is 9 octets of header (24-bit length, type, flags, 31-bit stream identifier) and a payload. Our own header blocks
never touch the HPACK dynamic table: they are literals, so they are constants and can be sent on any stream.
"""

from __future__ import annotations

import struct
from urllib.parse import quote

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEADER_BYTES = 9

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = 0x1  # DATA, HEADERS
ACK = 0x1  # SETTINGS, PING
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

SETTINGS_HEADER_TABLE_SIZE = 1
SETTINGS_ENABLE_PUSH = 2
SETTINGS_MAX_CONCURRENT_STREAMS = 3
SETTINGS_INITIAL_WINDOW_SIZE = 4
SETTINGS_MAX_FRAME_SIZE = 5

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11

DEFAULT_WINDOW_BYTES = 65_535
DEFAULT_FRAME_BYTES = 16_384
MAX_FRAME_BYTES = 2**24 - 1
MAX_WINDOW_BYTES = 2**31 - 1
MAX_STREAM_ID = 2**31 - 1

_HEADER = struct.Struct(">HBBBL")  # length as 16 + 8 bits, type, flags, stream
_MESSAGE = struct.Struct(">HBBBLBL")  # the same, then gRPC's prefix: compressed or not, length
_SETTING = struct.Struct(">HL")
_U32 = struct.Struct(">L")

pack_header = _HEADER.pack
unpack_header = _HEADER.unpack_from


class BrokenError(Exception):
    """The peer broke HTTP/2: the connection ends with this error code."""

    def __init__(self, error: int) -> None:
        super().__init__(error)
        self.error = error


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One whole frame."""
    length = len(payload)
    return pack_header(length >> 8, length & 0xFF, kind, flags, stream_id) + payload


def message(stream_id: int, data: bytes) -> bytes:
    """A DATA frame that holds one whole gRPC message."""
    size = len(data)
    length = size + 5
    return _MESSAGE.pack(length >> 8, length & 0xFF, DATA, 0, stream_id, 0, size) + data


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame that announces `values`."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(key, value) for key, value in values.items()))


def read_settings(payload: bytes) -> dict[int, int]:
    """The values in a SETTINGS payload; a ragged tail is the caller's FRAME_SIZE_ERROR."""
    return dict(_SETTING.iter_unpack(payload))


def window_update(stream_id: int, increment: int) -> bytes:
    """Permission for the peer to send `increment` more bytes on a stream, or on the connection (stream 0)."""
    return frame(WINDOW_UPDATE, 0, stream_id, _U32.pack(increment))


def reset(stream_id: int, error: int) -> bytes:
    """The abrupt end of one stream."""
    return frame(RST_STREAM, 0, stream_id, _U32.pack(error))


def goaway(last_stream_id: int, error: int = NO_ERROR) -> bytes:
    """No stream above `last_stream_id` will be processed; MAX_STREAM_ID says only that the end is near (RFC 9113, 6.8)."""
    return frame(GOAWAY, 0, 0, _U32.pack(last_stream_id) + _U32.pack(error))


def read_u31(payload: bytes, offset: int = 0) -> int:
    """A 31-bit number: an increment, a stream, an error code."""
    value: int = _U32.unpack_from(payload, offset)[0]
    return value & 0x7FFF_FFFF


def unpad(flags: int, payload: bytes) -> bytes | None:
    """The payload of a DATA or HEADERS frame without padding and priority; None when they do not fit in it."""
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload:
            return None
        start, end = 1, end - payload[0]
    if flags & HAS_PRIORITY:
        start += 5
    return payload[start:end] if start <= end else None


def literal(name: str, value: str) -> bytes:
    """A header field as an HPACK literal without indexing, new name, no Huffman code (RFC 7541, 6.2.2). Both are ASCII."""
    return b"\x00" + _string(name) + _string(value)


def _string(text: str) -> bytes:
    data = text.encode("ascii")
    rest = len(data) - 0x7F
    if rest < 0:
        return bytes([len(data)]) + data
    length = bytearray([0x7F])
    while rest >= 0x80:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return bytes(length) + data


# A table size of 0 first: ours is always empty, and a peer that announces a smaller table than usual must be told so.
_TABLE_SIZE_0 = b"\x20"
_STATUS_200 = b"\x88"  # static table entry 8, `:status: 200`
RESPONSE_HEADERS = _TABLE_SIZE_0 + _STATUS_200 + literal("content-type", "application/grpc")

_MAX_STATUS_MESSAGE = 200
_PLAIN = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"  # what `grpc-message` leaves as it is, besides letters and digits


def trailers(status: int, text: str = "") -> bytes:
    """The header block that ends a gRPC call: `grpc-status` and, where there is one, `grpc-message`, percent-encoded."""
    block = literal("grpc-status", str(int(status)))
    return block + literal("grpc-message", quote(text[:_MAX_STATUS_MESSAGE], safe=_PLAIN)) if text else block


OK_TRAILERS = trailers(0)
