"""What one HTML page is about, added up in one reading of the store."""

from __future__ import annotations

from extproc.report.dimension import Key
from extproc.report.page import Contents
from extproc.report.period import Period, labels_of
from extproc.report.statement import Statement, statement_of
from extproc.report.tally import Ids, Lines, Numbers, Tally
from extproc.usage.rollup import Sums

_HOURLY_DAYS, _DAILY_DAYS = 2, 100  # the longest periods shown by the hour and by the day


class Gathering:
    """Everything but the table of the page's own dimensions, for one period."""

    def __init__(self, lines: Lines, period: Period) -> None:
        days = len(period.days)
        self.per = "hour" if days <= _HOURLY_DAYS else "day" if days <= _DAILY_DAYS else "month"
        self._period = period
        self._tallies = {by: Tally(lines, by, period.zone) for by in (("backend",), ("team",), (self.per,), (self.per, "tier"))}

    def add(self, hour: int, ids: Ids, numbers: Numbers) -> None:
        """Count these lines of an hour in."""
        for tally in self._tallies.values():
            tally.add(hour, ids, numbers)

    def contents(self, statement: Statement, tiers: Key, *, title: str, about: str, footer: str) -> Contents:
        """The page. `tiers` are the configured ones, cheapest first; others that were met come after them."""
        costs = {key: sums.cost_micro_usd for key, sums in self._tallies[self.per, "tier"].rows()}
        sums = dict(self._tallies[(self.per,)].rows())
        met = {tier for (_, tier), cost in costs.items() if cost}
        shown = (*(tier for tier in tiers if tier in met), *sorted(met - set(tiers)))
        times = self._times()
        return Contents(
            title=title,
            about=about,
            footer=footer,
            statement=statement,
            backends=self._statement("backend"),
            teams=self._statement("team"),
            labels=tuple(map(self._label, times)),
            per=self.per,
            over_time=tuple(sums.get((time,), Sums()) for time in times),
            tiers=shown,
            by_tier=tuple({tier: costs.get((time, tier), 0) for tier in shown} for time in times),
        )

    def _statement(self, dimension: str) -> Statement:
        return statement_of((dimension,), self._tallies[(dimension,)].rows())

    def _times(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(labels_of(hour, self._period.zone)[self.per] for hour in self._period.hours))

    def _label(self, time: str) -> str:
        if self.per == "hour":
            return time[11:16] if len(self._period.days) == 1 else f"{time[8:10]}. {time[11:16]}"
        return time[5:] if self.per == "day" and self._period.first.year == self._period.last.year else time
