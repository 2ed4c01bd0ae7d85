"""Windows around the words the search finds, and the model's word on each.

Words that stand near each other share a window. The number of windows is bounded, and they are spread evenly over what was
found, so that the cost is linear in the text and never more than that of a few windows a page. Short bodies that are
not ASCII alone are read as a whole: fewer opening words of other languages are known.
"""

from __future__ import annotations

from pathlib import Path

from extproc.residency.context import manifest
from extproc.residency.context.network import Network
from extproc.residency.context.openings import Search
from extproc.residency.context.words import Words

BEFORE_BYTES, AFTER_BYTES = 130, 170  # around the end of the first word of a window
APART_BYTES = AFTER_BYTES - 40  # from the first word of one window to that of the next
MOST_WINDOWS = 6  # in a short body
# Where few words open windows, each is read a second time without most of what is around it: a fact in the midst of other matter.
NARROW_BEFORE_BYTES, NARROW_AFTER_BYTES, MOST_NARROW = 60, 70, 2
WHOLE_BYTES = 900  # bodies not in ASCII that are read as a whole, in four windows or fewer
LEAST_UNOPENED = 0.8  # the probability from which a window counts that no word has opened: what is so rare must be plain
LEAST_BYTES, OVERLAP_BYTES = 24, 40  # of text between two windows that is worth a window, and what it shares with the one before
EVERY_BYTES, MORE_WINDOWS = 12_000, 4  # and for so many bytes, so many more


def windows(data: bytes, ends: list[int]) -> list[tuple[int, int]]:
    """Where to read: start and end of a window for each of `ends`, cut where words begin; no more than the bound."""
    most = MOST_WINDOWS + MORE_WINDOWS * (len(data) // EVERY_BYTES)
    if len(ends) > most:
        ends = [ends[place * len(ends) // most] for place in range(most)]
    found = [(_start(data, end - BEFORE_BYTES), min(len(data), end + AFTER_BYTES)) for end in ends]
    if len(ends) <= MOST_NARROW:
        found += [(_start(data, end - NARROW_BEFORE_BYTES), min(len(data), end + NARROW_AFTER_BYTES)) for end in ends]
    return found + _between(data, found) if len(data) <= WHOLE_BYTES and not data.isascii() else found


def _between(data: bytes, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Windows of what no window in `found` has."""
    more: list[tuple[int, int]] = []
    at = 0
    for start, end in (*sorted(found), (len(data), len(data))):
        while start - at >= LEAST_BYTES:
            first = _start(data, max(0, at - OVERLAP_BYTES))
            at = min(start, first + BEFORE_BYTES + AFTER_BYTES)
            more.append((first, min(len(data), first + BEFORE_BYTES + AFTER_BYTES)))
        at = max(at, end)
    return more


def _start(data: bytes, start: int) -> int:
    """The first beginning of a word from `start` on, within a few bytes."""
    if start <= 0:
        return 0
    space = data.find(b" ", start, start + 20)
    return space + 1 if space >= 0 else start


class ContextJudge:
    """A loaded model. Nothing of what it reads is kept but single words. One for each thread."""

    def __init__(self, model: manifest.Manifest, cache: Path | None = None) -> None:
        self.kinds = model.kinds
        self.revision = model.revision
        self._thresholds = model.thresholds
        self._search = Search(model.openings, cache)
        self._words = Words(model.words, model.known)
        self._network = Network(model.weights, self._words.features, len(model.known), len(model.kinds))

    @classmethod
    def load(cls, directory: Path = manifest.DEFAULT_DIRECTORY, sha256: str | None = None, cache: Path | None = None) -> ContextJudge:
        """The model in `directory`, by default the one shipped. Raises ModelError where it is not whole or not the pinned one.

        `cache` is a directory for what was compiled (`databases`).
        """
        return cls(manifest.read(directory, sha256), cache)

    def judge(self, data: bytes) -> list[tuple[str, int, int]]:
        """What is in `data`, which is UTF-8: kind, start and end of the window that holds it. Linear, and bounded."""
        ends = self._search.ends(data, APART_BYTES)
        found = windows(data, ends)
        if not found:
            return []
        opened = 2 * len(ends) if len(ends) <= MOST_NARROW else min(len(ends), len(found))
        chances = self.probabilities([data[start:end].decode(errors="ignore") for start, end in found])
        return [
            (kind, start, end)
            for at, ((start, end), row) in enumerate(zip(found, chances, strict=True))
            for kind, chance, least in zip(self.kinds, row, self._thresholds, strict=True)
            if chance >= (least if at < opened else max(least, LEAST_UNOPENED))
        ]

    def windows(self, data: bytes) -> list[tuple[int, int]]:
        """The windows of `data` that the model reads."""
        return windows(data, self._search.ends(data, APART_BYTES))

    def probabilities(self, texts: list[str]) -> list[list[float]]:
        """The probability of each of `kinds`, for each of `texts`, as one window each; at least one text."""
        return self._network.probabilities(self._words.read(texts))
