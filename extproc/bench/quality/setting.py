"""What a set of thresholds would do to a sample of requests: who gets which tier, for how much, how well. And which set does best.

With thresholds t1 <= t2 <= ... a request of score s is given the first tier whose threshold it does not exceed. Sorted by score,
tiers are runs of requests, so that sums over them come from prefix sums and every set of thresholds costs a few subtractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from extproc.bench.quality.resample import Floats, Ints
from extproc.bench.quality.share import Share
from extproc.routing.share import thresholds

_CANDIDATES = {1: 400, 2: 100, 3: 30}  # by the number of thresholds, so that their combinations stay some ten thousand
_FEWEST = 12
_STEPS = 400
_DIGITS = 4
_APART = 0.0001


@dataclass(frozen=True, slots=True)
class Sample:
    """Scores of requests, what each costs at each tier (`costs[request, rank]`), and the ranks they need; None where nobody said."""

    scores: Floats
    costs: Floats
    needed: Ints | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """Thresholds of all tiers but the last, and what comes of them. `cost` is a request's on average; `quality` counts the requests
    that were given a tier at least as good as needed.
    """

    up_to: tuple[float, ...]
    shares: tuple[float, ...]
    cost: float
    quality: Share | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON members; the cost in micro-USD."""
        quality = self.quality.to_json() if self.quality else None
        shares = [round(share, 4) for share in self.shares]
        return {"up_to": list(self.up_to), "shares": shares, "cost_micro_usd": round(self.cost, 2), "quality": quality}


class Settings:
    """All that can be asked about one sample."""

    def __init__(self, sample: Sample) -> None:
        order = np.argsort(sample.scores, kind="stable")
        self._scores = sample.scores[order]
        self._count, self._tiers = sample.costs.shape
        self._costs = np.vstack([np.zeros(self._tiers), np.cumsum(sample.costs[order], axis=0)])
        self._good: Ints | None = None
        if sample.needed is not None:
            good = sample.needed[order][:, None] <= np.arange(self._tiers)
            self._good = np.vstack([np.zeros(self._tiers, int), np.cumsum(good, axis=0)])

    def of(self, up_to: Sequence[float]) -> Setting:
        """What these thresholds, one for each tier but the last, would do."""
        ends = [0, *(int(np.searchsorted(self._scores, end, "right")) for end in up_to), self._count]
        runs = [(rank, ends[rank], max(ends[rank], ends[rank + 1])) for rank in range(self._tiers)]
        cost = sum(float(self._costs[end, rank] - self._costs[start, rank]) for rank, start, end in runs)
        quality = None
        if self._good is not None:
            quality = Share(sum(int(self._good[end, rank] - self._good[start, rank]) for rank, start, end in runs), self._count)
        shares = tuple((end - start) / self._count for _, start, end in runs)
        return Setting(tuple(up_to), shares, cost / self._count, quality)

    def of_strong(self, configured: Sequence[float], percent: float) -> Setting:
        """That which gives `percent` of the requests the last tier, with the other thresholds in proportion to the `configured` ones."""
        at = round(float(np.quantile(self._scores, 1 - percent / 100, method="inverted_cdf")), _DIGITS) if percent < 100 else 0.0
        at = at if percent > 0 else 1.0
        moved = thresholds((*configured, 1.0), {len(configured) - 1: at})
        return self.of(ascending(moved[:-1]))

    def within_cost(self, configured: Sequence[float], cost: float) -> Setting | None:
        """The best that costs a request no more than `cost` on average; None where nothing does.

        By quality where it is known, otherwise by the share of the last tier.
        """
        steps = (self.of_strong(configured, 100 * step / _STEPS) for step in range(_STEPS + 1))
        found = [one for one in (self.all() if self._good is not None else steps) if one.cost <= cost]
        return max(found, key=lambda one: (one.quality.count if one.quality else one.shares[-1], -one.cost), default=None)

    def of_quality(self, quality: float) -> Setting | None:
        """The cheapest that gives at least this share of the requests a tier as good as needed; None without labels."""
        found = [one for one in self.all() if one.quality and one.quality.count >= quality * self._count]
        return min(found, key=lambda one: (one.cost, -(one.quality.count if one.quality else 0)), default=None)

    def frontier(self) -> tuple[Setting, ...]:
        """Those that no other beats in both cost and quality, by rising cost. Empty without labels."""
        best: list[Setting] = []
        for one in sorted(self.all(), key=lambda one: (one.cost, -(one.quality.count if one.quality else 0))):
            if one.quality and (not best or one.quality.count > (best[-1].quality or one.quality).count):
                best.append(one)
        return tuple(best)

    def all(self) -> Iterator[Setting]:
        """Every set of thresholds out of a grid of the scores that occur, everything and nothing included."""
        boundaries = self._tiers - 1
        size = _CANDIDATES.get(boundaries, _FEWEST)
        found = np.quantile(self._scores, np.linspace(0, 1, size), method="inverted_cdf")
        fewest, most = [place * _APART for place in range(boundaries)], [1 - (place + 1) * _APART for place in range(boundaries)]
        grid = np.unique(np.round(np.concatenate([fewest, np.clip(found, 0, 1 - _APART), most]), _DIGITS))
        return (self.of(tuple(map(float, ends))) for ends in combinations(grid, boundaries))


def ascending(ends: Sequence[float]) -> tuple[float, ...]:
    """`ends`, rounded and where needed moved apart, so that each is above the one before and below 1: a configuration wants that."""
    moved: list[float] = []
    for place, end in enumerate(ends):
        lowest = moved[-1] + _APART if moved else 0.0
        moved.append(round(min(max(end, lowest), 1 - (len(ends) - place) * _APART), _DIGITS))
    return tuple(moved)
