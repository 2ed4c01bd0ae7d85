"""As much of HTTP/1.1 (RFC 9112) as a stand-in server and a load player need: keep-alive, lengths, chunks. No pipelining."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_HEAD_BYTES = 256 * 1024
_MAX_LINE_BYTES = 1024


class MalformedError(ValueError):
    """The peer does not speak HTTP/1.1 as we know it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it arrived. Header names are in lower case; repeated ones are joined with ", "."""

    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes
    at_s: float = 0.0  # when it was whole, in seconds since the epoch


class Body:
    """Reads a message body piece by piece. `length` None means chunked. `payload` stays empty unless it is kept."""

    __slots__ = ("_in_trailers", "_is_chunked", "_keeps", "_left", "_line", "is_complete", "payload")

    def __init__(self, length: int | None, *, keep: bool = True) -> None:
        self._is_chunked = length is None
        self._left = length or 0  # of the body, or of the current chunk with its line end
        self._line = b""
        self._in_trailers = False
        self._keeps = keep
        self.payload = bytearray()
        self.is_complete = length == 0

    def feed(self, data: bytes) -> bytes:
        """Takes what belongs to this body and returns the rest. Raises MalformedError."""
        if self._is_chunked:
            return self._feed_chunks(data)
        taken = data[: self._left]
        self._left -= len(taken)
        self.is_complete = self._left == 0
        if self._keeps:
            self.payload += taken
        return data[len(taken) :]

    def _feed_chunks(self, data: bytes) -> bytes:
        at, end = 0, len(data)
        while at < end:
            if self._left:
                at += self._take_chunk(data, at, end)
                continue
            line_end = data.find(b"\n", at)
            if line_end < 0:
                self._line += data[at:]
                break
            line, self._line, at = (self._line + data[at:line_end]).strip(), b"", line_end + 1
            if self._take_line(line):
                self.is_complete = True
                return data[at:]
        if len(self._line) > _MAX_LINE_BYTES:
            raise MalformedError("a chunk's size line is too long")
        return b""

    def _take_chunk(self, data: bytes, at: int, end: int) -> int:
        taken = min(self._left, end - at)
        if self._keeps and self._left > 2:
            self.payload += data[at : at + min(taken, self._left - 2)]
        self._left -= taken
        return taken

    def _take_line(self, line: bytes) -> bool:
        if self._in_trailers:
            return not line
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise MalformedError(f"{line[:20]!r} is no chunk size") from None
        self._in_trailers = size == 0
        self._left = size + 2 if size else 0
        return False


class RequestReader:
    """Turns bytes into requests, one at a time."""

    __slots__ = ("_body", "_buffer", "_headers", "_start")

    def __init__(self) -> None:
        self._buffer = b""
        self._start: tuple[str, str] = ("", "")
        self._headers: dict[str, str] = {}
        self._body: Body | None = None

    def feed(self, data: bytes) -> Arrival | None:
        """The request that is now complete, or None. Feed b"" after it to look for the next one. Raises MalformedError."""
        if self._body is None:
            self._buffer += data
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                if len(self._buffer) > _MAX_HEAD_BYTES:
                    raise MalformedError("the head is too long")
                return None
            self._start, self._headers = _parse_head(head)
            self._body = Body(body_length(self._headers))
            data = rest
        self._buffer = self._body.feed(data)
        if not self._body.is_complete:
            return None
        arrival = Arrival(*self._start, self._headers, bytes(self._body.payload))
        self._body = None
        return arrival

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        return self._body is not None and self._headers.get("expect", "").lower() == "100-continue"


def body_length(headers: dict[str, str]) -> int | None:
    """The length a request's headers announce; None when chunked. Raises MalformedError."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    announced = headers.get("content-length", "0")
    if not announced.isdigit():
        raise MalformedError(f"{announced!r} is no content-length")
    return int(announced)


def _parse_head(head: bytes) -> tuple[tuple[str, str], dict[str, str]]:
    start, *lines = head.decode("latin-1").split("\r\n")
    parts = start.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise MalformedError(f"{start[:40]!r} is no request line")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return (parts[0], parts[1]), headers
