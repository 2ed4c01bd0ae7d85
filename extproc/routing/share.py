"""Which score lets the wanted share of requests through, as traffic is now.

A threshold that is written down gives the share it was chosen for only as long as requests stay what they were. Where a share
is to be held, scores are counted in a histogram whose counts fade, and the threshold is read off it as a quantile.

Counts fade by forward decay (G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu: Forward decay, a practical time decay model for
streaming systems, ICDE 2009): a request that comes t seconds after a landmark counts 2^(t / half-life), and all counts are
divided by what one that comes now counts. So a count is written once and never again as time passes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from extproc.config.compiled_routing import Share
from extproc.scope import Scope, matches, text_of

BINS = 128


@dataclass(frozen=True, slots=True)
class Held:
    """The score up to which each tier is wanted, the last of them 1, and the names of the shares that are held so."""

    up_to: tuple[float, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many scores fell into each of `BINS` equal parts of 0 to 1, faded to the moment `at_s`."""

    counts: tuple[float, ...] = (0.0,) * BINS
    at_s: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.counts)

    def with_scores(self, scores: Sequence[float], at_s: float, half_life: float) -> Histogram:
        """The same at `at_s`, not earlier, with `scores` that came then."""
        faded = fade(at_s - self.at_s, half_life)
        counts = [count * faded for count in self.counts]
        for score in scores:
            counts[bin_of(score)] += 1
        return Histogram(tuple(counts), at_s)


def bin_of(score: float) -> int:
    """The part of 0 to 1 that `score` is in; the last has its upper end too."""
    return min(max(int(score * BINS), 0), BINS - 1)


def half_life_s(window_s: float) -> float:
    """Seconds in which a count halves, so that what is counted is on average as old as in a sliding window of `window_s`."""
    return window_s * log(2) / 2


def fade(age_s: float, half_life: float) -> float:
    """What is left of a count after `age_s`."""
    return float(2.0 ** (-max(age_s, 0.0) / half_life))


def threshold(counts: Sequence[float], percent: float) -> float:
    """The score above which `percent` of `counts` lie, evenly spread within a bin; 1 where nothing is counted."""
    wanted = sum(counts) * percent / 100
    above = 0.0
    for place in range(len(counts) - 1, -1, -1):
        if counts[place] > 0 and above + counts[place] >= wanted:
            return (place + 1 - (wanted - above) / counts[place]) / len(counts)
        above += counts[place]
    return 1.0 if wanted <= 0 else 0.0


def thresholds(configured: Sequence[float], found: Mapping[int, float]) -> tuple[float, ...]:
    """`configured` with the ends of some tiers, by their rank, put where they were found.

    What lies between two of these is moved in proportion, so that the order of tiers is kept. Found ones that contradict each other are
    raised until they ascend.
    """
    before, after = [0.0], [0.0]
    for rank in sorted(found):
        if before[-1] < configured[rank] < 1:
            before.append(configured[rank])
            after.append(min(max(found[rank], after[-1]), 1.0))
    before.append(1.0)
    after.append(1.0)
    return (*(_moved(end, before, after) for end in configured[:-1]), 1.0)


def _moved(end: float, before: Sequence[float], after: Sequence[float]) -> float:
    at = min(max(bisect_right(before, end), 1), len(before) - 1)
    part = (end - before[at - 1]) / (before[at] - before[at - 1])
    return after[at - 1] + part * (after[at] - after[at - 1])


def counted_in(shares: Sequence[Share], scope: Scope) -> tuple[tuple[Share, str], ...]:
    """The shares that a request of `scope` counts for, each with the part of the scope that it is held in, at its pattern's depth."""
    return tuple((share, text_of(scope[: len(share.pattern)])) for share in shares if matches(share.pattern, scope))


def held(configured: Sequence[float], counted: Sequence[tuple[Share, Sequence[float]]]) -> Held | None:
    """The thresholds that hold these shares, given what was counted for each; None where too little is for any of them.

    Of two shares of the same tier the first counts.
    """
    found: dict[int, float] = {}
    names: list[str] = []
    for share, counts in counted:
        if share.rank - 1 not in found and sum(counts) >= share.min_requests:
            found[share.rank - 1] = threshold(counts, share.percent)
            names.append(share.name)
    return Held(thresholds(configured, found), tuple(names)) if found else None
