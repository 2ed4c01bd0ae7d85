"""The words that open a window, and the search for them.

An entry is a word, or with `*` at its end the beginning of one; `-` in it is a hyphen or a space. Entries are searched as plain
text, because Hyperscan compiles four thousand of those in a tenth of a second, and as patterns in two; borders cost nothing to
compare here. Only of the shortest, which stand in the midst of so many other words, the search itself looks at the borders.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import hyperscan

from extproc.residency.databases import Source, databases

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SHORT_BYTES = 4  # words so short are found in the midst of so many others that the search must look at their borders
_LONGEST_BYTES = 96  # of an entry
NOWHERE = sys.maxsize
_NO_BORDERS = re.compile(r"[\u0590-\u06ff\u0900-\u097f\u0e00-\u0e7f\u2e80-\u9fff\uff66-\uff9f]")  # joined to others, or never apart


class Search:
    """The compiled entries of one model. Not safe to share between threads: Hyperscan's scratch space is the database's."""

    def __init__(self, entries: Sequence[str], cache: Path | None = None) -> None:
        words: dict[bytes, str] = {}
        for entry in entries:
            for form in forms_of(entry):
                words[form] = max(entry, words.get(form, ""), key=_is_beginning)
        self._borders = [borders_of(entry) for entry in words.values()]
        self._sizes = list(map(len, words))
        numbered = [(number, form, entry) for number, (form, entry) in enumerate(words.items())]
        short = [(number, _bordered(form, entry)) for number, form, entry in numbered if _is_short(form)]
        long = [(number, form) for number, form, _ in numbered if not _is_short(form)]
        self._databases = databases([_source(part, is_literal=part is long) for part in (long, short) if part], cache)

    def ends(self, data: bytes, apart_bytes: int) -> list[int]:
        """Where words end in `data`, rising, and each at least so many bytes behind the one before."""
        searches = [_Ends(self._first, database, data) for database in self._databases]
        found: list[int] = []
        least = 0
        while (end := min((search.at_least(least) for search in searches), default=NOWHERE)) < NOWHERE:
            found.append(end)
            least = end + apart_bytes
        return found

    def _first(self, database: Any, data: bytes, least: int) -> int:
        """The first end of a word from `least` on."""
        first = NOWHERE
        borders, sizes = self._borders, self._sizes
        start = max(0, least - _LONGEST_BYTES)

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            nonlocal first
            end += start
            if end < least or not is_word(data, end - sizes[number], end, borders[number]):
                return False
            first = end
            return True

        view: Any = memoryview(data)  # scan takes one, though its types do not say so
        # Stopped at each word and begun anew behind the next that could count: a text full of such words costs a search for
        # each window, not a call for each word.
        with contextlib.suppress(hyperscan.ScanTerminated):
            if start < len(data):
                database.scan(view[start:], match_event_handler=on_match)
        return first


class _Ends:
    """One database's ends in one text, found as they are asked for."""

    __slots__ = ("_data", "_database", "_find", "_next")

    def __init__(self, find: Callable[[Any, bytes, int], int], database: Any, data: bytes) -> None:
        self._find, self._database, self._data = find, database, data
        self._next = -1

    def at_least(self, least: int) -> int:
        """The first end from `least` on, which does not fall from one call to the next; NOWHERE if there is none."""
        if self._next < least:
            self._next = self._find(self._database, self._data, least)
        return self._next


def forms_of(entry: str) -> set[bytes]:
    """What an entry looks like in UTF-8. The search does not regard the case of ASCII letters, and knows no other."""
    head, *parts = entry.removesuffix("*").split("-")
    spaced = ("".join((head, *tail)) for tail in product(*(("-" + part, " " + part) for part in parts)))
    return {form.encode() for word in spaced for form in (_cases(word) if not word.isascii() else (word,))}


def _cases(word: str) -> set[str]:
    return {form for form in (word, word.capitalize(), word.upper()) if len(form.encode()) == len(word.encode())}


def _is_beginning(entry: str) -> bool:
    return entry.endswith("*")


def _is_short(form: bytes) -> bool:
    return len(form) <= _SHORT_BYTES and form.isalpha()


def _bordered(form: bytes, entry: str) -> bytes:
    return rb"\b" + form + (b"" if _is_beginning(entry) else rb"\b")


def _source(part: list[tuple[int, bytes]], *, is_literal: bool) -> Source:
    numbers, expressions = zip(*part, strict=True)
    return Source(expressions, (int(hyperscan.HS_FLAG_CASELESS),) * len(numbers), numbers, is_literal)


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
