"""How well tiers are chosen: accuracy, confusion, what mistakes cost, and for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from extproc.bench.quality.calibration import Bin, calibration_error, reliability, spearman
from extproc.bench.quality.resample import Estimate, Floats, Ints, estimate
from extproc.bench.quality.router import Judged
from extproc.bench.quality.share import Share
from extproc.bench.quality.tiered import TIERS, Tiered

# COST[needed][chosen]: too weak an answer is worse than too dear a one.
COST = np.array([[0, 1, 2], [3, 0, 1], [8, 4, 0]])


@dataclass(frozen=True, slots=True)
class Group:
    """How well the tiers of some rows were chosen. `confusion[needed][chosen]` are counts, `cost` is the mean weight of a row."""

    accuracy: Share
    confusion: tuple[tuple[int, ...], ...]
    cost: Estimate
    complex_to_simple: Share
    simple_to_complex: Share

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        return {
            "accuracy": self.accuracy.to_json(),
            "confusion": [list(row) for row in self.confusion],
            "cost": self.cost.to_json(),
            "complex_to_simple": self.complex_to_simple.to_json(),
            "simple_to_complex": self.simple_to_complex.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of the probability that tiers up to one of them suffice."""

    error: Estimate
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        return {"ece": self.error.to_json(), "bins": [one.to_json() for one in self.bins]}


def group(needed: Ints, chosen: Ints) -> Group:
    """The figures of rows that need these ranks and were given those."""
    counts = np.zeros((len(TIERS), len(TIERS)), int)
    np.add.at(counts, (needed, chosen), 1)
    weights = COST[needed, chosen].astype(float)
    return Group(
        accuracy=Share(int(np.trace(counts)), len(needed)),
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
        cost=estimate(lambda at: float(weights[at].mean()), len(needed)),
        complex_to_simple=Share(int(counts[2, 0]), int(counts[2].sum())),
        simple_to_complex=Share(int(counts[0, 2]), int(counts[0].sum())),
    )


def needed(rows: Sequence[Judged]) -> Ints:
    """The ranks that rows need."""
    return np.array([one.row.rank for one in rows], int)


def splits(rows: Sequence[Judged], chosen: Ints) -> dict[str, dict[str, Group]]:
    """The same by language, style and task, names in order; rows that name none are in none."""
    keys: dict[str, Callable[[Tiered], str]] = {
        "language": lambda row: row.language,
        "style": lambda row: row.style,
        "task": lambda row: row.task,
    }
    return {title: _split([key(one.row) for one in rows], needed(rows), chosen) for title, key in keys.items()}


def _split(names: Sequence[str], ranks: Ints, chosen: Ints) -> dict[str, Group]:
    named = np.array(names, dtype=object)
    return {name: group(ranks[named == name], chosen[named == name]) for name in sorted(set(names) - {""})}


def calibrations(rows: Sequence[Judged]) -> dict[str, Calibration]:
    """Of P(small suffices) and of P(middle suffices), by these names."""
    ranks = needed(rows)
    stated = {
        "small": np.array([one.verdict.p_simple for one in rows]),
        "middle": np.array([min(one.verdict.p_simple + one.verdict.p_standard, 1.0) for one in rows]),
    }
    return {name: _calibration(stated[name], (ranks <= rank).astype(float)) for rank, name in enumerate(stated)}


def _calibration(stated: Floats, is_true: Floats) -> Calibration:
    error = estimate(lambda at: calibration_error(stated[at], is_true[at]), len(stated))
    return Calibration(error, reliability(stated, is_true))


def order(rows: Sequence[Judged]) -> Estimate:
    """Spearman's correlation of score and needed tier."""
    scores, ranks = np.array([one.verdict.score for one in rows]), needed(rows)
    return estimate(lambda at: spearman(scores[at], ranks[at]), len(rows))


def quantiles_us(rows: Sequence[Judged]) -> tuple[float, float]:
    """The median and the 99th percentile of microseconds from text to decision."""
    p50, p99 = np.quantile([one.us for one in rows], (0.5, 0.99))
    return float(p50), float(p99)
