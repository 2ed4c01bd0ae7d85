r"""The line of a record.

    {"entry":{"event":"released",...,"previous":"<hash>",...,"seq":7,"signature":"<hex>","time_us":...},"hash":"<hash>"}\n

Canonical JSON as in RFC 8785: members sorted, no spaces, integers, strings and arrays alone. `hash` is the SHA-256 of the bytes
of `entry`, and the next record's `previous`; so an entry is taken out of its line by its place, and a log is verified without
parsing it. The last record of each write has `signature`: Ed25519 of the entry as it is without that member.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

PREFIX: Final = b'{"entry":'
HASH: Final = b',"hash":"'
END: Final = b'"}\n'
SIGNED: Final = b'"signature":"'
ROTATED: Final = b'"event":"rotated"'
RECOVERED: Final = b'"event":"recovered"'

_TAIL_BYTES = len(HASH) + 64 + len(END)
_SIGNATURE = re.compile(rb'"signature":"([0-9a-f]{128})",')
_SEQUENCE = re.compile(rb'"seq":([0-9]{1,18})[,}]')
_PREVIOUS = re.compile(rb'"previous":"([0-9a-f]{64})"')
_TIME = re.compile(rb'"time_us":([0-9]{1,18})[,}]')
_SIGNED_AS = b"tiermesh audit entry 1\n"
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode

Sign = Callable[[bytes], bytes]


def canonical(members: Mapping[str, Any]) -> bytes:
    """These members by RFC 8785, for names in ASCII and integers below 2**53."""
    return _encode(members).encode()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chain stands: the number of its last record and its hash in hexadecimal."""

    seq: int
    hash: str


def sealed(entries: Iterable[Mapping[str, Any]], place: Place, time_us: int, sign: Sign) -> tuple[bytes, Place]:
    """The lines of entries that are written together after `place`, the last one signed, and where the chain stands then."""
    lines: list[bytes] = []
    members: dict[str, Any] = {}
    for entry in entries:
        members = {**entry, "previous": place.hash, "seq": place.seq + 1, "time_us": time_us}
        line, place = _line(canonical(members), place.seq + 1)
        lines.append(line)
    if lines:
        members["signature"] = sign(signed_text(canonical(members))).hex()
        lines[-1], place = _line(canonical(members), place.seq)
    return b"".join(lines), place


def _line(entry: bytes, seq: int) -> tuple[bytes, Place]:
    digest = sha256(entry).hexdigest()
    return b"".join((PREFIX, entry, HASH, digest.encode(), END)), Place(seq, digest)


def signed_text(entry: bytes) -> bytes:
    """What the signature of an entry is made of."""
    return _SIGNED_AS + _SIGNATURE.sub(b"", entry, count=1)


def entry_of(line: bytes) -> bytes:
    """The bytes of the entry where `line` is a record, its line feed included."""
    return line[len(PREFIX) : -_TAIL_BYTES]


def hash_of(line: bytes) -> str:
    """The hash that a line claims; of one that is no record, anything."""
    return line[-len(END) - 64 : -len(END)].decode("ascii", "replace")


def is_whole(line: bytes) -> bool:
    """Whether it is a record whose hash is right."""
    entry = entry_of(line)
    return line == b"".join((PREFIX, entry, HASH, sha256(entry).hexdigest().encode(), END))


def signature_of(entry: bytes) -> bytes | None:
    """Its signature, 64 bytes; None where it has none."""
    found = _SIGNATURE.search(entry)
    return bytes.fromhex(found[1].decode()) if found else None


def sequence_of(entry: bytes) -> int | None:
    """Its number; None where there is none to be found."""
    found = _SEQUENCE.search(entry)
    return int(found[1]) if found else None


def previous_of(entry: bytes) -> str | None:
    """The hash before it; None where there is none to be found."""
    found = _PREVIOUS.search(entry)
    return found[1].decode() if found else None


def time_us_of(entry: bytes) -> int | None:
    """When it was written, in microseconds since the epoch; None where that is not to be found."""
    found = _TIME.search(entry)
    return int(found[1]) if found else None
