"""The pasts that forecasts are made of, gathered from rollups: one for each group, and one of everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, tzinfo

from extproc.report.dimension import Key
from extproc.report.forecast import MAX_DAYS, Forecast, Past, forecast_of
from extproc.report.period import Period, before, day_of, hour_of_day, month_of, today
from extproc.report.tally import Ids, Lines, Numbers, Tally
from extproc.usage.rollup import SECONDS_AN_HOUR, Sums, hour_of


@dataclass(frozen=True, slots=True)
class Now:
    """The moment a forecast is made at, in seconds since the epoch, and the calendar it is made by."""

    wall_s: float
    zone: tzinfo

    @property
    def day(self) -> date:
        """The day it is, which has begun and not ended."""
        return today(self.wall_s, self.zone)

    @property
    def month(self) -> Period:
        """The whole month it is."""
        return month_of(self.day, self.zone)

    @property
    def window(self) -> Period:
        """The days to read: as many complete ones as a forecast looks at and the one before, and the month so far."""
        return Period(min(self.month.first, before(self.day, MAX_DAYS + 1)), self.day, self.zone)


class History:
    """What groups have cost, day by day. `by` is one dimension that is not of time, or none for one group of everything."""

    def __init__(self, lines: Lines, by: Key, now: Now) -> None:
        self._now = now
        self._days = Tally(lines, (*by, "day"), now.zone)
        self._later = Tally(lines, by, now.zone)  # what past days cost in the hours after this one
        self._meanwhile = Tally(lines, by, now.zone)  # and in this one
        self._hour_of_day = hour_of_day(hour_of(now.wall_s), now.zone)

    def add(self, hour: int, ids: Ids, numbers: Numbers) -> None:
        """Count these lines of an hour in."""
        self._days.add(hour, ids, numbers)
        if day_of(hour, self._now.zone) == self._now.day:
            return
        hour_there = hour_of_day(hour, self._now.zone)
        if hour_there > self._hour_of_day:
            self._later.add(hour, ids, numbers)
        elif hour_there == self._hour_of_day:
            self._meanwhile.add(hour, ids, numbers)

    def forecasts(self, *, interval: float) -> list[tuple[Key, Forecast]]:
        """Each group's forecast, those that have spent most first."""
        later, meanwhile = dict(self._later.rows()), dict(self._meanwhile.rows())
        left = 1 - self._now.wall_s % SECONDS_AN_HOUR / SECONDS_AN_HOUR  # of this hour
        found = []
        for group, costs in _by_group(self._days.rows()).items():
            rest = _cost(later, group) + left * _cost(meanwhile, group)
            found.append((group, self._forecast(costs, rest, interval)))
        return sorted(found, key=lambda row: (-row[1].spent_micro_usd, row[0]))

    def _forecast(self, costs: dict[str, int], rest: float, interval: float) -> Forecast:
        now, window = self._now, self._now.window
        past = [costs.get(str(day), 0) for day in window.days[:-1]]
        before_today = sum(past)
        shares = [min(1.0, rest / before_today) if before_today > 0 else 0.0]
        shares += [1.0] * (now.month.last - now.day).days
        spent = sum(costs.get(str(day), 0) for day in now.month.days if day <= now.day)
        return forecast_of(Past(_complete(past), now.day.weekday()), spent, shares, interval=interval)


def _by_group(rows: Iterable[tuple[Key, Sums]]) -> dict[Key, dict[str, int]]:
    groups: dict[Key, dict[str, int]] = {}
    for (*group, day), sums in rows:
        groups.setdefault(tuple(group), {})[day] = sums.cost_micro_usd
    return groups


def _cost(rows: dict[Key, Sums], group: Key) -> int:
    return rows[group].cost_micro_usd if group in rows else 0


def _complete(past: list[int]) -> tuple[int, ...]:
    """The days after a group's first, which itself may have begun late."""
    first = next((number for number, cost in enumerate(past) if cost), len(past))
    return tuple(past[first + 1 :])
