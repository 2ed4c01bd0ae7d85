"""The words that open a window: what the scan searches for, and whether a match is such a word.

An entry is a word, or with `*` at its end the beginning of one; `-` in it is a hyphen or a space. Its pattern is a literal with
no borders, because a border costs the search a thousand times as much to compile as the comparison of a byte costs here.
"""

from __future__ import annotations

import re

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SHORT_BYTES = 4  # words so short are found in the midst of so many others that the search must look at their borders
_NO_BORDERS = re.compile(r"[\u0600-\u06ff\u0900-\u097f\u2e80-\u9fff\uff66-\uff9f]")  # joined to what stands before, or never apart


def pattern_of(entry: str) -> str:
    """The Hyperscan pattern of an entry, for any case."""
    word = entry.removesuffix("*")
    literal = re.escape(word).replace(r"\-", "[ -]")
    if not word.isascii() or len(word) > _SHORT_BYTES or not word.isalpha():
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
    if before and start and _is_letter(data[start - 1]):
        return False
    return not (behind and end < len(data) and _is_letter(data[end]))


def _is_letter(byte: int) -> bool:
    return byte in _LETTERS or byte >= 0x80
