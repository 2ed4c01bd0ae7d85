"""RESP, the Redis protocol, version 2: commands to bytes, bytes to replies.

Version 2 because it is what every server speaks without being asked, and because scripts cannot answer in more types anyway
(Redis: "Lua to RESP2 conversion"). Replies are integers, bytes, lists of these, None, or a `ReplyError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_INTEGER, _BULK, _ARRAY, _STATUS, _ERROR = b":$*+-"
_LONGEST_HEADER_BYTES = 64 * 1024


class ProtocolBrokenError(Exception):
    """What arrived is not RESP; nothing after it on this connection can be trusted."""


@dataclass(frozen=True, slots=True)
class ReplyError:
    """The server's no: its first word (`NOSCRIPT`, `READONLY`, `ERR` ...) and the rest of the line."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def pack(arguments: Iterable[str | bytes | int]) -> bytes:
    """One command as the server reads it."""
    parts: list[bytes] = []
    for argument in arguments:
        data = argument if type(argument) is bytes else str(argument).encode()
        parts.append(b"$%d" % len(data))
        parts.append(data)
    return b"*%d\r\n%b\r\n" % (len(parts) // 2, b"\r\n".join(parts))


def parse(buffer: bytes, position: int) -> tuple[Any, int] | None:
    """The reply that begins at `position`, and where the next one does; None while a part of it is missing.

    Raises ProtocolBrokenError.
    """
    end = buffer.find(b"\r\n", position)
    if end < 0:
        if len(buffer) - position > _LONGEST_HEADER_BYTES:
            raise ProtocolBrokenError
        return None
    kind, start = buffer[position], end + 2
    if kind == _INTEGER:
        return _integer(buffer, position, end), start
    if kind == _BULK:
        return _bulk(buffer, start, _integer(buffer, position, end))
    if kind == _ARRAY:
        return _array(buffer, start, _integer(buffer, position, end))
    if kind == _STATUS:
        return buffer[position + 1 : end], start
    if kind == _ERROR:
        code, _, text = buffer[position + 1 : end].decode("utf-8", "replace").partition(" ")
        return ReplyError(code, text), start
    raise ProtocolBrokenError


def _integer(buffer: bytes, position: int, end: int) -> int:
    try:
        return int(buffer[position + 1 : end])
    except ValueError:
        raise ProtocolBrokenError from None


def _bulk(buffer: bytes, start: int, size: int) -> tuple[bytes | None, int] | None:
    if size < 0:
        return None, start
    end = start + size
    if len(buffer) < end + 2:
        return None
    if buffer[end : end + 2] != b"\r\n":
        raise ProtocolBrokenError
    return buffer[start:end], end + 2


def _array(buffer: bytes, start: int, count: int) -> tuple[list[Any] | None, int] | None:
    if count < 0:
        return None, start
    items: list[Any] = []
    position = start
    for _ in range(count):
        parsed = parse(buffer, position)
        if parsed is None:
            return None
        item, position = parsed
        items.append(item)
    return items, position
