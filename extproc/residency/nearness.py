"""Where the words stand that some candidates need beside them, found in one pass instead of around each candidate.

A column of ten thousand numbers has as many candidates for a telephone number and not one word for a telephone. What is found here
is a little more than the check would take, never less: borders and lookaround are left to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

from extproc.residency.detector import Near
from extproc.residency.engine import Engine, Pattern

_MIN_EVENTS, _EVENTS_PER_BYTE = 256, 1 / 16  # beyond, the words are everywhere
_LOOKAROUND = re.compile(r"\(\?<?[!=][^()]*\)")
_ANY_ENDING = "\\w*"


class Nearness:
    """The compiled words of some detectors."""

    def __init__(self, asked: Iterable[Near], cache: Path | None = None) -> None:
        self._lists = list(dict.fromkeys(near.words for near in asked))
        self._engine = Engine([Pattern("|".join(map(_pattern, words))) for words in self._lists], cache)

    def places(self, data: bytes) -> Places:
        """Where the words are in `data`."""
        finds = self._engine.find(data, _MIN_EVENTS + int(len(data) * _EVENTS_PER_BYTE))
        if finds.is_cut:
            return Places(None)
        ends: dict[tuple[str, ...], list[int]] = {words: [] for words in self._lists}
        for found in finds.candidates:
            ends[self._lists[found.number]].append(found.end)
        return Places({words: sorted(some) for words, some in ends.items()})


class Places:
    """The ends of the words in one text."""

    __slots__ = ("_ends",)

    def __init__(self, ends: dict[tuple[str, ...], list[int]] | None) -> None:
        self._ends = ends

    def has(self, near: Near, start: int, end: int) -> bool:
        """Whether one of the words of `near` may stand beside `[start, end)`."""
        if self._ends is None:
            return True
        ends = self._ends[near.words]
        at = bisect_left(ends, start - near.before)
        return at < len(ends) and ends[at] <= end + near.after


def _pattern(word: str) -> str:
    return _LOOKAROUND.sub("", word.removesuffix(_ANY_ENDING)).replace(" ", r"[\s_.\-]?")
