"""Text inside of text: what was escaped, encoded or spelled letter by letter, taken out for a look of its own.

Nothing is replaced: the text as it came has been searched already, and an escape may be none (`C:\\new`, `=40`). What is
decoded is one more piece to search, and so is what is encoded inside of it, layer by layer. For escapes the piece is the line
around them, or as much of it as a detector looks at; for base64 and hex, the run itself.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from extproc.residency import blob, numerals, tables
from extproc.residency.engine import Engine, Found, Pattern
from extproc.residency.escapes import ESCAPES, SPELLED, SPELLING, TRIGGERS, unescaped

_REACH_BYTES = 256  # of the line on either side of an escape
_MIN_PLACES, _PLACES_PER_BYTE = 256, 1 / 128  # where there are more escapes, all of the text is decoded at once

# In base64, three bytes of printable ASCII make a group whose first three characters are each of a few: one group in ten of
# other text looks like that, so that three groups in a row seldom are anything else.
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _class(is_of: Callable[[int], bool]) -> str:
    return "[" + "".join(char for index, char in enumerate(_BASE64) if is_of(index)) + "]"


_GROUP = _class(lambda n: 2 <= n < 32) + _class(lambda n: n & 15 == 0 or 2 <= n & 15 < 8) + _class(lambda n: n & 3 < 2) + "[A-Za-z0-9+/_-]"
_ANY, _NOT_HEX_DIGIT = "[A-Za-z0-9+/_-]", "[G-Zg-z+/_-]"
# Thirty-three to forty characters, of which one of the first thirty-two is no digit of hex: digests are not even candidates.
_LONG = "|".join(f"[0-9A-Fa-f]{{{at},{at + 7}}}{_NOT_HEX_DIGIT}{_ANY}{{{32 - at}}}" for at in range(0, 32, 8))
_RUNS = (
    rf"(?:^|[^A-Za-z0-9+])(?:{_GROUP}){{3}}",
    rf"(?:^|[^A-Za-z0-9+/_-])(?:{_LONG})",
    r"(?:^|[^0-9A-Za-z]|\b0[xX])(?:[2-7][0-9A-Fa-f]){8}",
    *(rf"(?:^|[^0-9A-Za-z])(?:[2-7][0-9A-Fa-f]{mark}){{8}}" for mark in " :,-"),
)
_GROUPS = (0, 1, *(0,) * (len(_RUNS) - 2))  # the long ones' automaton and the others' are faster than one of all
_MIN_RUN_CHARS = 14
_MAX_DIGEST_CHARS = 128
_RETRY_BYTES = 512  # of a run that has been looked at before, from another place
_WRAPPED = re.compile(rb"(?:[A-Za-z0-9+/]{60,76}\r?\n[ \t]*){1,65536}[A-Za-z0-9+/]*={0,2}")
_LINE = re.compile(rb"([A-Za-z0-9+/]{14,200})\r?\n")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_SPACED_HEX = re.compile(rb"[0-9A-Fa-f]{2}(?:[ :,-]{1,2}[0-9A-Fa-f]{2})+")
_SPACES = re.compile(rb"[ \t\r\n]+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NOT_HEX = b" :,-"
_NAMED = frozenset(("encoding", "file"))  # what a model with tools can open; pixels in base64 it cannot see

_escapes = Engine([Pattern(pattern) for pattern, _ in TRIGGERS], is_deferred=True)
_spelling = Engine([Pattern(SPELLING)], is_deferred=True)
_runs = Engine([Pattern(pattern, is_caseless=False) for pattern in _RUNS], groups=_GROUPS, is_deferred=True)


class Inner(NamedTuple):
    """What was decoded, and words for what was recognised and cannot be decoded here."""

    pieces: list[str]
    unread: frozenset[str]


def load(cache: Path | None) -> None:
    """Compiles what is searched for, or loads it from `cache`."""
    for engine in (_escapes, _spelling, _runs, tables.HEADERS, numerals.WORDS):
        engine.load(cache)


def unwrap(data: bytes) -> Inner:
    """The texts that are encoded in `data`, one layer of each. Linear in its length."""
    unread: set[str] = set()
    pieces = [*_unescaped(data), *tables.rows(data), *numerals.figures(data)]
    done = tried = 0
    finds = _runs.find(data)
    if finds.is_cut:
        unread.add("too_many")
    for run in sorted(finds.candidates, key=_start):
        start = _first(data, run)
        if start < done:
            continue
        found, end = _read(data, start, run.number, _RETRY_BYTES if start < tried else len(data))
        if found.text is not None and start < tried:  # text after all, so all of it; no byte is read a third time
            found, end = _read(data, start, run.number, len(data))
        tried = max(tried, end)
        if found.text is not None:
            pieces.append(found.text)
            done = end
        elif found.media in _NAMED:
            unread.add(found.media)
            done = end
    return Inner(pieces, frozenset(unread))


def decoded(text: str) -> bytes:
    """`text` as base64 of either alphabet, padded or not, wrapped or not; as much of it as is."""
    return _bytes_of(_SPACES.sub(b"", text.encode(errors="replace")))


def _bytes_of(run: bytes) -> bytes:
    run = run.translate(_URL_SAFE).rstrip(b"=")
    cut = len(run) - len(run) % 4 if len(run) % 4 == 1 else len(run)
    return b64decode(run[:cut] + b"=" * (-cut % 4))


def _start(found: Found) -> int:
    return found.start


def _first(data: bytes, run: Found) -> int:
    """Where the run begins: behind the character in front of it, if the pattern took one."""
    char = data[run.start : run.start + 1]
    if run.number >= 2 and data[run.start + 1 : run.start + 2] in (b"x", b"X"):
        return run.start + 2
    return run.start if char.isalnum() or (char and char in b"+_-" and run.number == 1) else run.start + 1


def _read(data: bytes, start: int, index: int, limit: int) -> tuple[blob.Blob, int]:
    """What the run at `start` turns out to be, and where it ends."""
    raw, end = _take(data, start, index, limit)
    return (blob.read(raw) if raw else blob.Blob(None, "")), end


def _take(data: bytes, start: int, index: int, limit: int) -> tuple[bytes, int]:
    """The bytes that the run at `start` stands for, empty if for none, and where it ends."""
    if index >= 2:
        match = (_HEX if index == 2 else _SPACED_HEX).match(data, start, start + limit)
        digits = match[0].translate(None, _NOT_HEX) if match else b""
        return bytes.fromhex(digits[: len(digits) & ~1].decode()), match.end() if match else start
    match = _WRAPPED.match(data, start, start + limit) or _even_lines(data, start, start + limit) or _RUN.match(data, start, start + limit)
    if match is None or match.end() - start < _MIN_RUN_CHARS:
        return b"", start
    if match.end() - start <= _MAX_DIGEST_CHARS and _HEX.fullmatch(match[0]):
        return b"", match.end()  # a digest
    return _bytes_of(_SPACES.sub(b"", match[0])), match.end()


def _even_lines(data: bytes, start: int, end: int) -> re.Match[bytes] | None:
    """Base64 in lines of one width, whatever that is; one line of an odd width and another may be two values."""
    line = _LINE.match(data, start, end)
    if line is None:
        return None
    width = len(line[1])
    lines = rb"(?:[A-Za-z0-9+/]{%d}\r?\n[ \t]*){%d,}[A-Za-z0-9+/]*={0,2}" % (width, 2 if width % 4 else 1)
    return re.compile(lines).match(data, start, end)


def _unescaped(data: bytes) -> list[str]:
    most = _MIN_PLACES + int(len(data) * _PLACES_PER_BYTE)
    escapes, spelling = _escapes.find(data, most), _spelling.find(data, most)
    # Where not all places were looked at, any escape may be there.
    kinds = ESCAPES if escapes.is_cut else frozenset(TRIGGERS[found.number][1] for found in escapes.candidates)
    pieces: list[str] = []
    for finds, which in ((escapes, kinds), (spelling, SPELLED)):
        windows = (data,) if finds.is_cut else _windows(data, finds.candidates)
        pieces += [piece for window in windows if (piece := unescaped(window, which)) is not None]
    return pieces


def _end(data: bytes, start: int, limit: int) -> int:
    """Where the line of `start` ends, or `limit` if that comes before."""
    end = data.find(b"\n", start, limit)
    return limit if end < 0 else end


def _windows(data: bytes, places: list[Found]) -> list[bytes]:
    """The lines around `places` and those beside them, or what of them is near; those that touch are one."""
    if not places:
        return []
    windows: list[bytes] = []
    start = end = -1
    for place in sorted(places, key=_start):
        first, last = max(0, place.start - _REACH_BYTES), place.end + _REACH_BYTES
        line = max(first, data.rfind(b"\n", first, place.start))
        first = data.rfind(b"\n", first, line) + 1 or first
        last = _end(data, _end(data, place.end, last) + 1, last)
        if first > end:
            if end > 0:
                windows.append(data[start:end])
            start = first
        end = max(end, last)
    return [*windows, data[start:end]]
