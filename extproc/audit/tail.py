"""The end of a file that is appended to: its last signed record, and what a write that was cut off has left after it.

A write is acknowledged as a whole, and its last record is signed. So whole records without a signed one after them, and a line
without an end, belong to a write that nobody was told of. Anything else after the last signed record was not left there by us.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from extproc.audit.key import PublicKey
from extproc.audit.line import ROTATED, SIGNED, Place, entry_of, hash_of, is_whole, previous_of, sequence_of, signature_of, signed_text

_BLOCK_BYTES = 65_536


class DamagedError(Exception):
    """The log is not as its writers leave it; the message says why. Nothing is appended to it."""


@dataclass(frozen=True, slots=True)
class Tail:
    """`place` is that of the last signed record, which ends `size_bytes` into the file; `torn` is what comes after."""

    place: Place
    size_bytes: int
    is_rotated: bool
    torn: bytes = b""


def tail_of(file: int, key: PublicKey, before: Callable[[], Place]) -> Tail:
    """The tail of an open file, the first record of which follows on what `before` says. Raises DamagedError, OSError."""
    size = os.fstat(file).st_size
    block = _BLOCK_BYTES
    while True:
        start = max(0, size - block)
        data = os.pread(file, size - start, start)
        # The first line of these bytes may have begun before them.
        first = data.find(b"\n") + 1 if start else 0
        found = tail_in(data[first:], start + first, key)
        if found:
            return found
        if not start:
            return tail_without(data, before())
        block *= 4


def tail_in(data: bytes, start: int, key: PublicKey) -> Tail | None:
    """The tail in the last lines of a file, which begin `start` bytes into it; None without a signed record there."""
    end = data.rfind(b"\n") + 1
    while end:
        begin = data.rfind(b"\n", 0, end - 1) + 1
        line = data[begin:end]
        if SIGNED in line:
            return _signed(line, start + end, data[end:], key)
        end = begin
    return None


def tail_without(data: bytes, before: Place) -> Tail:
    """The tail of a file that has no signed record yet. Raises DamagedError."""
    _check_torn(data, before)
    return Tail(before, 0, is_rotated=False, torn=data)


def _signed(line: bytes, size: int, torn: bytes, key: PublicKey) -> Tail:
    entry = entry_of(line)
    seq, signature = sequence_of(entry), signature_of(entry)
    if not is_whole(line) or seq is None or signature is None:
        raise DamagedError("the last signed record has been altered")
    if not key.has_signed(signature, signed_text(entry)):
        raise DamagedError("the last signed record is not signed with this key")
    place = Place(seq, hash_of(line))
    _check_torn(torn, place)
    return Tail(place, size, ROTATED in entry, torn)


def _check_torn(torn: bytes, place: Place) -> None:
    for bare in torn.split(b"\n")[:-1]:
        line = bare + b"\n"
        entry = entry_of(line)
        if not is_whole(line) or previous_of(entry) != place.hash or sequence_of(entry) != place.seq + 1:
            raise DamagedError("a record after the last signed one has been altered")
        place = Place(place.seq + 1, hash_of(line))
