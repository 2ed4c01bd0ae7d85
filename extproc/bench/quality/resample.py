"""How far a figure of a sample can be trusted, by drawing the sample again from itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DRAWS = 400
_SEED = 0  # the same set gives the same interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval of 95%."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """As JSON members, rounded to four places."""
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def estimate(statistic: Callable[[Ints], float], count: int, draws: int = _DRAWS) -> Estimate:
    """A statistic of row numbers with its percentile bootstrap interval (B. Efron, Bootstrap methods, Annals of Statistics 7, 1979).

    The interval is moved by the bias of the draws, which matters for what can only be too large, such as a calibration error. Of no
    rows: 0, and nothing known. Draws of which the statistic is not a number are left out.
    """
    if not count:
        return Estimate(0.0, 0.0, 0.0)
    chance = np.random.default_rng(_SEED)
    values = np.array([statistic(chance.integers(0, count, count)) for _ in range(draws)])
    values = values[~np.isnan(values)]
    value = float(statistic(np.arange(count)))
    if not len(values):
        return Estimate(value, value, value)
    low, high = np.clip(np.quantile(values, (0.025, 0.975)) + (value - values.mean()), values.min(), values.max())
    return Estimate(value, min(float(low), value), max(float(high), value))
