"""Whether probabilities are what they say, and whether scores rise with difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from extproc.bench.quality.resample import Floats, Ints

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose probability is alike: the mean of it, and how often it came true."""

    stated: float
    found: float
    count: int

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        return {"stated": round(self.stated, 4), "found": round(self.found, 4), "count": self.count}


def reliability(stated: Floats, is_true: Floats) -> tuple[Bin, ...]:
    """Ten bins of equal width, without the empty ones."""
    places = np.minimum((stated * BINS).astype(int), BINS - 1)
    members = [places == place for place in range(BINS)]
    return tuple(Bin(float(stated[one].mean()), float(is_true[one].mean()), int(one.sum())) for one in members if one.any())


def calibration_error(stated: Floats, is_true: Floats) -> float:
    """The expected calibration error: the mean distance of stated and found over the bins, by their size.

    M. P. Naeini, G. Cooper, M. Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    """
    bins = reliability(stated, is_true)
    return sum(abs(one.stated - one.found) * one.count for one in bins) / max(len(stated), 1)


def spearman(scores: Floats, ranks: Ints) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN where either is constant."""
    one, other = ranked(scores), ranked(ranks.astype(float))
    if not one.std() or not other.std():
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def ranked(values: Floats) -> Floats:
    """The place of each value in their order, from 1, ties at their mean place."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(float)
    return (last - (counts - 1) / 2)[places]
