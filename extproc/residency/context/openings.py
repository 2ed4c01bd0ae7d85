"""The words that open a window, and the search for them.

An entry is a word, or with `*` at its end the beginning of one; `-` in it is a hyphen or a space. Its pattern is a literal with
no borders and no start, because those cost Hyperscan seconds to compile and the comparison of a byte costs nothing here. For the
same reason these patterns are an automaton of their own: two thousand literals beside the detectors' patterns compile three
times as long as both apart, and one more pass over a text takes 8 µs for 4,000 bytes.
"""

from __future__ import annotations

import re
from typing import Any

import hyperscan

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SHORT_BYTES = 4  # words so short are found in the midst of so many others that the search must look at their borders
_LONGEST_BYTES = 96  # of an entry
_NO_BORDERS = re.compile(r"[\u0600-\u06ff\u0900-\u097f\u2e80-\u9fff\uff66-\uff9f]")  # joined to what stands before, or never apart


class Search:
    """The compiled entries of one model. Not safe to share between threads: Hyperscan's scratch space is the database's."""

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._borders = [borders_of(entry) for entry in entries]
        self._sizes = [len(entry.removesuffix("*").encode()) for entry in entries]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[pattern_of(entry).encode() for entry in entries],
            ids=list(range(len(entries))),
            elements=len(entries),
            flags=[hyperscan.HS_FLAG_CASELESS] * len(entries),
        )

    def ends(self, data: bytes, apart_bytes: int) -> list[int]:
        """Where words end in `data`, rising, and each at least so many bytes behind the one before."""
        found: list[int] = []
        borders, sizes = self._borders, self._sizes
        view: Any = memoryview(data)  # scan takes one, though its types do not say so
        start = least = 0  # where the search goes on, and the first end that counts

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            end += start
            if end < least or not is_word(data, end - sizes[number], end, borders[number]):
                return False
            found.append(end)
            return True

        # Stopped at each word and begun anew behind the next that could count: a text full of such words costs a search for
        # each window, not a call for each word.
        while start < len(data):
            try:
                self._database.scan(view[start:], match_event_handler=on_match)
                break
            except hyperscan.ScanTerminated:
                least = found[-1] + apart_bytes
                start = max(found[-1], least - _LONGEST_BYTES)
        return found


def pattern_of(entry: str) -> str:
    """The Hyperscan pattern of an entry, to be matched without regard to the case of ASCII letters."""
    word = entry.removesuffix("*")
    literal = re.escape(word).replace(r"\-", "[ -]")
    if not word.isascii():  # bytes to the search, which knows the case of ASCII letters alone: as UTF-8, it compiles for a second
        forms = (literal, literal.capitalize(), literal.upper())
        same = dict.fromkeys(form for form in forms if len(form.encode()) == len(literal.encode()))
        return f"(?:{'|'.join(same)})" if len(same) > 1 else literal
    if len(word) > _SHORT_BYTES or not word.isalpha():
        return literal
    return rf"\b{literal}" if entry.endswith("*") else rf"\b{literal}\b"


def borders_of(entry: str) -> tuple[bool, bool]:
    """Whether no letter may stand before a match of `entry`, and whether none may behind it."""
    word = entry.removesuffix("*")
    if _NO_BORDERS.search(word):
        return False, False
    return word[0].isalpha(), word[-1].isalpha() and not entry.endswith("*")


def is_word(data: bytes, start: int, end: int, borders: tuple[bool, bool]) -> bool:
    """Whether the match `data[start:end]` stands as its entry wants it to."""
    before, behind = borders
    if before and start > 0 and _is_letter(data[start - 1]):
        return False
    return not (behind and end < len(data) and _is_letter(data[end]))


def _is_letter(byte: int) -> bool:
    return byte in _LETTERS or byte >= 0x80
