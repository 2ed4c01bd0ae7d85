"""Which server has which key of a Redis Cluster: 16384 slots, a key's by what stands between its first braces."""

from __future__ import annotations

from binascii import crc_hqx
from typing import Any

from extproc.store.address import Node
from extproc.store.resp import ReplyError

SLOTS = 16384


def slot_of(key: str) -> int:
    """The slot of `key` (Redis Cluster specification, "Hash tags"; CRC16 as XMODEM has it)."""
    start = key.find("{")
    end = key.find("}", start + 1) if start >= 0 else -1
    tag = key[start + 1 : end] if end > start + 1 else key
    return crc_hqx(tag.encode(), 0) % SLOTS


def owners(reply: Any, asked: Node) -> list[Node | None] | None:
    """Each slot's master by an answer of `asked` to CLUSTER SLOTS; None when it is no such answer or covers nothing."""
    if not isinstance(reply, list) or not reply:
        return None
    found: list[Node | None] = [None] * SLOTS
    try:
        for first, last, (host, port, *_), *_ in reply:
            # A server that does not know how it is called means: as you have called me.
            name = host.decode() if host and host != b"?" else asked[0]
            found[first : last + 1] = [(name, port)] * (last + 1 - first)
    except (TypeError, ValueError, AttributeError):
        return None
    return found if len(found) == SLOTS else None


def redirection(error: ReplyError, asked: Node) -> Node | None:
    """The server that a MOVED or ASK names, such as `3999 127.0.0.1:6381`; None when it names none."""
    host, _, port = error.text.partition(" ")[2].rpartition(":")
    return (host.strip("[]") or asked[0], int(port)) if port.isdecimal() else None
