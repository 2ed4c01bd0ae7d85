"""Windows around the places the search has found, and the model's word on each.

Words that stand near each other share a window. A body has at most `MOST_WINDOWS` for its first 16,000 bytes and as many more
for every further 16,000, spread evenly over what was found, so that the cost is linear in the text and never more than that
of a few windows a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from extproc.residency.context import manifest, openings
from extproc.residency.context.network import Network
from extproc.residency.context.words import Words

BEFORE_BYTES, AFTER_BYTES = 130, 170  # around the end of the first word of a window
MOST_WINDOWS, WINDOW_EVERY_BYTES = 8, 16_000


def windows(data: bytes, ends: Sequence[int]) -> list[tuple[int, int]]:
    """Where to read: start and end of each window for words that end at `ends` (rising), cut where words end."""
    found: list[int] = []
    covered = -1
    for end in ends:
        if end > covered:
            found.append(end)
            covered = end + AFTER_BYTES - 40
    most = MOST_WINDOWS * (1 + len(data) // WINDOW_EVERY_BYTES)
    if len(found) > most:
        found = [found[place * len(found) // most] for place in range(most)]
    return [(_start(data, end - BEFORE_BYTES), min(len(data), end + AFTER_BYTES)) for end in found]


def _start(data: bytes, start: int) -> int:
    """The first beginning of a word from `start` on, within a few bytes."""
    if start <= 0:
        return 0
    space = data.find(b" ", start, start + 20)
    return space + 1 if space >= 0 else start


class ContextJudge:
    """A loaded model. Nothing of what it reads is kept but single words."""

    def __init__(self, model: manifest.Manifest) -> None:
        self.kinds = model.kinds
        self.patterns = tuple(map(openings.pattern_of, model.openings))
        self._borders = tuple(map(openings.borders_of, model.openings))
        self.revision = model.revision
        self._thresholds = model.thresholds
        self._words = Words(model.words)
        self._network = Network(model.weights, self._words.features, len(model.kinds))

    @classmethod
    def load(cls, directory: Path = manifest.DEFAULT_DIRECTORY, sha256: str | None = None) -> ContextJudge:
        """The model in `directory`, by default the one shipped. Raises ModelError where it is not whole or not the pinned one."""
        return cls(manifest.read(directory, sha256))

    def judge(self, data: bytes, found: Iterable[tuple[int, int, int]]) -> list[tuple[str, int, int]]:
        """What the windows of `data` hold: kind, start and end of the window. Linear, and bounded.

        `found` are matches of `patterns` as (place in it, start, end), in any order.
        """
        return [
            (kind, start, end)
            for start, end in windows(data, self.ends(data, found))
            for kind in self.kinds_of(data[start:end].decode(errors="ignore"))
        ]

    def ends(self, data: bytes, found: Iterable[tuple[int, int, int]]) -> list[int]:
        """The ends of those of the matches that are words, rising."""
        borders = self._borders
        return sorted({end for number, start, end in found if openings.is_word(data, start, end, borders[number])})

    def kinds_of(self, window: str) -> list[str]:
        """The kinds that one window holds."""
        chances = self.probabilities(window)
        return [kind for kind, chance, least in zip(self.kinds, chances, self._thresholds, strict=True) if chance >= least]

    def probabilities(self, window: str) -> list[float]:
        """The probability of each of `kinds` for one window."""
        return self._network.probabilities(*self._words.read(window))
