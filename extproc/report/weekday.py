"""What each weekday is worth, against the mean of its week."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

DAYS_A_WEEK: Final = 7

_MAX_WEEKS = 8


def weekday_worth(values: npt.NDArray[np.float64], weekdays: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Seven factors, Monday first, with a mean of 1: what a weekday has of its week, by the latest whole weeks.

    They are drawn towards 1 as far as differences between weekdays may be chance: fully where weeks differ as much as days
    do, hardly where every week is the same (James and Stein 1961). `weekdays` are those of `values`, one after the other.
    """
    weeks = min(len(values) // DAYS_A_WEEK, _MAX_WEEKS)
    last = values[len(values) - weeks * DAYS_A_WEEK :].reshape(weeks, DAYS_A_WEEK)
    means = last.mean(axis=1)
    shares = last[means > 0] / means[means > 0, None]
    worth = np.ones(DAYS_A_WEEK)
    if len(shares) < 2:
        return worth
    mean = shares.mean(axis=0)
    freedoms = (DAYS_A_WEEK - 1) * (len(shares) - 1)  # each week's shares have a given sum
    by_chance = ((shares - mean) ** 2).sum() / freedoms / len(shares)
    seen = ((mean - 1) ** 2).sum() / (DAYS_A_WEEK - 1)
    kept = max(0.0, 1 - by_chance / seen) if seen > 0 else 0.0
    worth[weekdays[-DAYS_A_WEEK:]] = 1 + kept * (mean - 1)
    return worth
