"""The tab of a scope: which limits count its requests, under which names, from when to when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from extproc.config import Limit
from extproc.config.limits import Measure, Per
from extproc.limits.window import window_at
from extproc.scope import Scope, matches, text_of

# By their place in the amounts of a request, from 1, as the scripts count.
MEASURES = (Measure.USD, Measure.REQUESTS, Measure.INPUT_TOKENS, Measure.OUTPUT_TOKENS, Measure.TOKENS, Measure.IN_FLIGHT)

_US = 1_000_000
_RATE_S = {Per.SECOND: 1, Per.MINUTE: 60}
_FOREVER = 2.0**53
_TABS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Count:
    """One limit of one scope. `name` is `<limit>|<scope>`; a calendar window runs from `start` to `end`, epoch seconds."""

    limit: Limit
    name: str
    start: int = 0
    end: int = 0

    @property
    def field(self) -> str:
        """Under which name the store has it. Says what is counted, so that a limit which is changed to count something else begins anew."""
        window = f":{self.start}" if self.end else ""
        return f"{self.name}|{_kind(self)[0]}{MEASURES.index(self.limit.of) + 1}{window}"


@dataclass(frozen=True, slots=True)
class Tab:
    """What counts the requests of a scope, until the first of its windows ends. `text` is the same for the scripts, as JSON.

    `ranks` are the tiers that requests may be downgraded to, the most capable first.
    """

    counts: tuple[Count, ...]
    ranks: tuple[int, ...]
    until: float
    text: str


class Tabs:
    """The tabs of one configuration, each worked out once a window."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self._limits = limits
        self._tabs: dict[Scope, Tab | None] = {}

    def at(self, scope: Scope, wall_s: float) -> Tab | None:
        """The tab of `scope`, or None when no limit applies to it."""
        if not self._limits:
            return None
        tab = self._tabs.get(scope, _UNKNOWN)
        if tab is not None and tab.until <= wall_s:
            if len(self._tabs) >= _TABS_KEPT:
                self._tabs.clear()
            tab = self._tabs[scope] = tab_of(self._limits, scope, wall_s)
        return tab


_UNKNOWN = Tab((), (), 0.0, "")


def tab_of(limits: Sequence[Limit], scope: Scope, wall_s: float) -> Tab | None:
    """The tab of `scope` at `wall_s`, or None when no limit applies to it."""
    counts = tuple(count_of(limit, scope, wall_s) for limit in limits if matches(limit.pattern, scope))
    if not counts:
        return None
    ranks = tuple(sorted({count.limit.downgrade_rank for count in counts if count.limit.downgrade_at}, reverse=True))
    until = min((float(count.end) for count in counts if count.end), default=_FOREVER)
    text = json.dumps([_spec(count, ranks) for count in counts], separators=(",", ":"))
    return Tab(counts, ranks, until, text)


def count_of(limit: Limit, scope: Scope, wall_s: float) -> Count:
    """The count of `limit` that a request of `scope` at `wall_s` goes into."""
    name = f"{limit.name}|{text_of(scope[: len(limit.pattern)])}"
    if limit.per is None or limit.per in _RATE_S:
        return Count(limit, name)
    return Count(limit, name, *window_at(limit.per, limit.timezone, wall_s))


def _spec(count: Count, ranks: tuple[int, ...]) -> list[str | int | float]:
    """The count as `books.lua` describes it."""
    limit = count.limit
    kind, first, second = _kind(count)
    # Alternative 1 is the request as it was decided.
    alternative = ranks.index(limit.downgrade_rank) + 2 if limit.downgrade_at else 0
    head: list[str | int | float] = [count.name, kind, MEASURES.index(limit.of) + 1, limit.amount, first, second]
    return [*head, int(limit.is_enforced), limit.downgrade_at, alternative, *limit.thresholds]


def _kind(count: Count) -> tuple[str, float, float]:
    limit = count.limit
    if limit.per is None:
        return "f", 0, 0
    unit = unit_us(limit)
    if unit is not None:
        return "r", unit, limit.burst * unit
    return "w", count.end, count.start


def unit_us(limit: Limit) -> float | None:
    """Microseconds in which a rate drains by one; None when the limit is no rate."""
    seconds = _RATE_S.get(limit.per) if limit.per else None
    return None if seconds is None else seconds * _US / limit.amount
