"""What may pass while the store is away: a share of each limit, counted here alone."""

from __future__ import annotations

from extproc.config.limits import Per
from extproc.limits.ask import Ask
from extproc.limits.tab import MEASURES, Count

_RATE_S = {Per.SECOND: 1, Per.MINUTE: 60}


class BlindCounts:
    """One worker's counts since the store was last heard; `clear` them when it is back and has been told."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[int, int]] = {}  # by count: its period, and what was used in it

    def take(self, ask: Ask, percent: int, wall_s: float) -> int | None:
        """Counts the request where all its limits have room in their `percent`, else says the place of one that has none.

        Requests in flight are not counted: whether those before have ended is only known to the store.
        """
        taken: dict[str, tuple[int, int]] = {}
        for index, count in enumerate(ask.tab.counts):
            amount = ask.amounts[0][MEASURES.index(count.limit.of)]
            if count.limit.per is None or not amount:
                continue
            period = _period(count, wall_s)
            before = self._used.get(count.name, (period, 0))
            used = amount + (before[1] if before[0] == period else 0)
            if count.limit.is_enforced and used > _room(count, percent):
                return index
            taken[count.name] = (period, used)
        self._used.update(taken)
        return None

    def clear(self) -> None:
        """The store has been heard again."""
        self._used.clear()


def _room(count: Count, percent: int) -> int:
    room = count.limit.amount * percent // 100
    # One request of a rate always fits, or small rates would be none at all.
    return max(room, 1) if count.limit.per in _RATE_S and percent else room


def _period(count: Count, wall_s: float) -> int:
    seconds = _RATE_S.get(count.limit.per) if count.limit.per else None
    return count.start if seconds is None else int(wall_s / seconds)
