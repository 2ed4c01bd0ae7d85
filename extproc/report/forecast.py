"""What a month will come to: the cost so far, and what its own past says of the days that are left.

Each day's cost is taken as a level times what its weekday is worth. Level and trend are smoothed with Holt's method, the trend
damped (Gardner and McKenzie 1985), once for every pair of smoothing constants in a small grid; each pair has weight by how
well it would have foretold the past, quick constants and trends less than slow ones to begin with. The days to come are then
drawn many times over, with what the past has left unexplained, and the interval is read off the sums. It is wide where the
past is short or restless. No chance is involved: the draws are the same for the same past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from extproc.report.weekday import DAYS_A_WEEK, weekday_worth

MIN_DAYS: Final = 14  # two of each weekday
MAX_DAYS: Final = 56  # older days say little about the next

_ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6)  # of the level
_BETAS = (0.0, 0.1, 0.3)  # of the trend, as a part of the level's
_TREND_ODDS = (1.0, 0.3, 0.15)  # before the past is looked at
_DAMPING = 0.95
_FREEDOMS = 4  # what smoothing and weekdays have taken from the past's own spread
_DRAWS = 1000
_LEAST_WORTH = 0.1  # a day worth less tells nothing of the level, and still holds surprises
_RECENT_DAYS = 14

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Past:
    """The cost (micro-USD) of each complete day, oldest first; `next_weekday` is that of the day after, 0 for Monday."""

    costs: tuple[int, ...]
    next_weekday: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Money is micro-USD. Expected cost and interval are those of the whole month, None where `days` are too few."""

    spent_micro_usd: int
    days: int  # complete days of history
    expected_micro_usd: int | None = None
    low_micro_usd: int | None = None
    high_micro_usd: int | None = None


def forecast_of(past: Past, spent_micro_usd: int, shares: Sequence[float], *, interval: float = 0.8) -> Forecast:
    """The forecast for the end of the month.

    `shares` says for each day that is left how much of it is: 1 but for the first, which has begun. `interval` is the chance
    that the month ends within it, as far as the past is any guide.
    """
    costs = past.costs[-MAX_DAYS:]
    if len(costs) < MIN_DAYS:
        return Forecast(spent_micro_usd, len(past.costs))
    weekdays = (past.next_weekday + np.arange(-len(costs), len(shares))) % DAYS_A_WEEK
    values = np.maximum(np.array(costs, np.float64), 0.0)
    worth = weekday_worth(values, weekdays[: len(costs)])[weekdays]
    fit = _fit(values, worth[: len(costs)])
    ahead = worth[len(costs) :], np.array(shares, np.float64)
    rest = _expected(fit, *ahead)
    low, high = np.quantile(_drawn(fit, *ahead), [(1 - interval) / 2, (1 + interval) / 2])
    return Forecast(
        spent_micro_usd,
        len(past.costs),
        spent_micro_usd + round(rest),
        spent_micro_usd + round(min(low, rest)),
        spent_micro_usd + round(max(high, rest)),
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Where each pair of constants stands after the last day. Arrays run over the pairs; `errors` has a row a day."""

    alpha: Floats
    beta: Floats
    level: Floats
    trend: Floats
    weight: Floats
    errors: Floats  # for a day of average worth, around their mean
    bias: Floats  # their mean of late


def _fit(values: Floats, worth: Floats) -> _Fit:
    alpha, beta = np.repeat(_ALPHAS, len(_BETAS)), np.tile(_BETAS, len(_ALPHAS))
    level, trend = np.full(alpha.shape, values[:DAYS_A_WEEK].mean()), np.zeros(alpha.shape)
    rows = []
    for day, (value, part) in enumerate(zip(values, worth, strict=True)):
        level = level + _DAMPING * trend
        error = value - part * level
        # At first every day counts the same, as in a mean.
        gain = np.maximum(alpha, 1 / (DAYS_A_WEEK + day + 1)) * min(1.0, part / _LEAST_WORTH) / max(1.0, part)
        level, trend = level + gain * error, _DAMPING * trend + beta * gain * error
        rows.append(error / max(part, _LEAST_WORTH))
    errors = np.array(rows)
    weight = _weights(errors)
    spread = np.sqrt(len(errors) / (len(errors) - _FREEDOMS))
    return _Fit(alpha, beta, level, trend, weight, (errors - errors.mean(axis=0)) * spread, errors[-_RECENT_DAYS:].mean(axis=0))


def _weights(errors: Floats) -> Floats:
    """How likely each pair of constants is after these errors, taken as normal."""
    squares = (errors**2).mean(axis=0)
    least = squares.min()
    # The least may be 0: foretold without any error.
    likely = (squares / least) ** (-len(errors) / 2) if least > 0 else (squares <= 0).astype(np.float64)
    odds = likely * np.tile(_TREND_ODDS, len(_ALPHAS))
    weight: Floats = odds / odds.sum()
    return weight


def _expected(fit: _Fit, worth: Floats, shares: Floats) -> float:
    level, trend = float(fit.level @ fit.weight), float(fit.trend @ fit.weight)
    rest = 0.0
    for part in worth * shares:
        trend *= _DAMPING
        level += trend
        rest += max(0.0, part * level)
    return rest


def _drawn(fit: _Fit, worth: Floats, shares: Floats) -> Floats:
    """What is left of the month, drawn many times over."""
    chance = np.random.default_rng(0)
    days = len(fit.errors)
    pair = chance.choice(len(fit.weight), size=_DRAWS, p=fit.weight)
    # The spread itself is only known as well as so many days can tell: Student's t rather than a normal law.
    doubt = np.sqrt(days / chance.chisquare(days, _DRAWS))
    errors = fit.errors[chance.integers(0, days, (len(shares), _DRAWS)), pair] * doubt
    unsure = np.sqrt((fit.errors.std(axis=0)[pair] * doubt) ** 2 / days + fit.bias[pair] ** 2)
    level, trend = fit.level[pair] + unsure * chance.standard_normal(_DRAWS), fit.trend[pair]
    rest = np.zeros(_DRAWS)
    for part, share, error in zip(worth, shares, errors, strict=True):
        level = level + _DAMPING * trend
        rest += share * np.maximum(0.0, part * level + max(part, _LEAST_WORTH) * error)
        gain = fit.alpha[pair]
        level, trend = level + gain * error, _DAMPING * trend + fit.beta[pair] * gain * error
    return rest
