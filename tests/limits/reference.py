"""The reference: what each request has come to, in one dictionary. Every count is a sum over it, worked out anew each time.

Only rates have a state of their own, because what has drained of one depends on when it came.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor

from extproc.config import Limit
from extproc.config.limits import Measure
from extproc.limits import Ask, Count
from extproc.limits.tab import MEASURES
from extproc.usage.rollup import SUMS

US = 1_000_000
RATES = {"second": US, "minute": 60 * US}
SLACK = Fraction(1, 1000)  # µs: what doubles may be off by

Sums = tuple[int, ...]  # by the rollups' order
Entry = tuple[int, str, Sums]  # hour, line, sums


@dataclass(frozen=True)
class Held:
    """One request in the store."""

    state: str  # open, unheard (charged at its estimate), settled, or closed: unheard for so long that it will stay so
    counts: tuple[Count, ...]
    estimate: tuple[int, ...]
    actual: tuple[int, ...] = (0,) * 6
    estimate_entry: Entry | None = None
    entry: Entry | None = None
    due_us: int = 0


@dataclass(frozen=True)
class Verdict:
    """What an ask must be answered."""

    is_admitted: bool
    alternative: int = 0
    refused_by: int | None = None
    wait_ms: int = 0
    shadow_refused: tuple[int, ...] = ()
    shadow_downgraded: tuple[int, ...] = ()
    standings: tuple[tuple[int, int, int], ...] = ()


def measure(limit: Limit) -> int:
    return MEASURES.index(limit.of)


@dataclass
class Books:
    """What the store knows. `requests` by lease; `drained` is when all that a rate let pass will have drained, in µs."""

    requests: dict[str, Held] = field(default_factory=dict)
    drained: dict[str, Fraction] = field(default_factory=dict)
    plain: tuple[Entry, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)  # of the last batch, by writer
    raises: dict[str, tuple[int, float]] = field(default_factory=dict)  # by how much and until when, epoch s

    def copy(self) -> Books:
        return Books(dict(self.requests), dict(self.drained), self.plain, dict(self.numbers), dict(self.raises))

    def is_settled(self, lease: str) -> bool:
        return lease in self.requests and self.requests[lease].state in ("settled", "closed")

    # ---- sums ----

    def spent(self) -> Counter[str]:
        sums: Counter[str] = Counter()
        for held in self.requests.values():
            used = held.actual if held.state == "settled" else held.estimate
            for count in held.counts:
                if count.end and held.state != "open":
                    sums[count.field] += used[measure(count.limit)]
        return sums

    def reserved(self) -> Counter[str]:
        """In windows, and in flight."""
        sums: Counter[str] = Counter()
        for held in self.requests.values():
            for count in held.counts:
                if held.state == "open" and (count.end or count.limit.per is None):
                    sums[count.field] += held.estimate[measure(count.limit)]
        return sums

    def rollups(self) -> dict[tuple[int, str], tuple[int, ...]]:
        """By hour and line; what has come to nothing is left out."""
        entries = [*self.plain]
        for held in self.requests.values():
            entry = held.entry if held.state == "settled" else held.estimate_entry
            if held.state != "open" and entry is not None:
                entries.append(entry)
        sums: dict[tuple[int, str], list[int]] = {}
        for hour, line, numbers in entries:
            total = sums.setdefault((hour, line), [0] * len(SUMS))
            total[:] = map(sum, zip(total, numbers, strict=True))
        return {key: tuple(total) for key, total in sums.items() if any(total)}

    def backlog(self, name: str, now_us: int) -> Fraction:
        return max(self.drained.get(name, Fraction(0)) - now_us, Fraction(0))

    def cap(self, count: Count, now_us: int) -> int:
        by, until = self.raises.get(count.name, (0, 0.0))
        return count.limit.amount + (by if until * US > now_us else 0)

    def unit(self, count: Count, now_us: int) -> Fraction:
        """Microseconds that one of a rate takes to drain; 1 for what does not drain."""
        return Fraction(RATES[count.limit.per], self.cap(count, now_us)) if count.limit.per in RATES else Fraction(1)

    # ---- the three steps ----

    def reserve(self, ask: Ask, now_us: int, lease_us: int, entries: tuple[Entry, ...]) -> Verdict | None:
        """None where the request is known already."""
        if ask.lease in self.requests:
            return None
        counts = ask.tab.counts
        used, room = self._used(counts, now_us), [self._room(count, now_us) for count in counts]
        rank, watched = self._downgrade(ask, used, room)
        amounts = ask.amounts[rank]
        shadow, refusing = [], []
        for place, count in enumerate(counts):
            over = used[place] + amounts[measure(count.limit)] * self.unit(count, now_us) - room[place]
            if over > SLACK and amounts[measure(count.limit)]:
                (refusing if count.limit.is_enforced else shadow).append((self._wait(count, over, now_us), place))
        if refusing:
            wait, place = max(refusing, key=lambda one: (one[0], -one[1]))
            standings = self._standings(counts, used, room, now_us)
            return Verdict(False, refused_by=place, wait_ms=ceil((wait - SLACK) / 1000), standings=standings)
        for place, count in enumerate(counts):
            used[place] += amounts[measure(count.limit)] * self.unit(count, now_us)
            if count.limit.per in RATES:
                self.drained[count.field] = now_us + used[place]
        self.requests[ask.lease] = Held("open", counts, amounts, estimate_entry=entries[rank], due_us=now_us + lease_us)
        standings = self._standings(counts, used, room, now_us)
        return Verdict(True, rank, None, 0, tuple(place for _, place in shadow), watched, standings)

    def settle(self, lease: str, actual: tuple[int, ...], entry: Entry, lost: tuple[Count, ...] | None, now_us: int) -> None:
        """`lost` says what the request is counted in where the store does not know its lease; None: that is not known yet."""
        held = self.requests.get(lease)
        if held is None and lost is None:
            return
        if held is None:
            held = Held("lost", lost or (), (0,) * 6)
        if held.state in ("settled", "closed"):
            return
        for count in held.counts if held.state in ("open", "lost") else ():
            used, reserved = actual[measure(count.limit)], held.estimate[measure(count.limit)]
            if count.limit.per in RATES:
                before = self.drained.get(count.field, Fraction(0))
                start = max(before, Fraction(now_us)) if used > reserved else before
                self.drained[count.field] = start + (used - reserved) * self.unit(count, now_us)
        self.requests[lease] = replace(held, state="settled", actual=actual, entry=entry)

    def sweep(self, now_us: int, at_most: int) -> set[str]:
        """Charges what is due, the longest first; the leases charged now."""
        waiting = [(held.due_us, lease) for lease, held in self.requests.items() if held.state in ("open", "unheard")]
        due = [lease for due_us, lease in sorted(waiting) if due_us <= now_us][:at_most]
        charged = {lease for lease in due if self.requests[lease].state == "open"}
        for lease in due:
            held = self.requests[lease]
            later = now_us + 86_400 * US
            self.requests[lease] = replace(held, state="unheard", due_us=later) if lease in charged else replace(held, state="closed")
        return charged

    def waive(self, lease: str, now_us: int) -> None:
        """Its request has been charged in another way, or has never been released."""
        held = self.requests.get(lease, Held("lost", (), (0,) * 6))
        if held.state in ("settled", "closed"):
            return
        for count in held.counts if held.state == "open" else ():
            if count.limit.per in RATES:
                before = self.drained.get(count.field, Fraction(0))
                self.drained[count.field] = before - held.estimate[measure(count.limit)] * self.unit(count, now_us)
        self.requests[lease] = replace(held, state="settled", actual=(0,) * 6, entry=None)

    # ---- what they ask themselves ----

    def _used(self, counts: tuple[Count, ...], now_us: int) -> list[Fraction]:
        spent, reserved = self.spent(), self.reserved()
        return [
            self.backlog(count.field, now_us) if count.limit.per in RATES else Fraction(spent[count.field] + reserved[count.field])
            for count in counts
        ]

    def _room(self, count: Count, now_us: int) -> Fraction:
        cap = self.cap(count, now_us)
        if count.limit.per not in RATES:
            return Fraction(cap)
        return (count.limit.burst + cap - count.limit.amount) * self.unit(count, now_us)

    def _downgrade(self, ask: Ask, used: list[Fraction], room: list[Fraction]) -> tuple[int, tuple[int, ...]]:
        rank, watched = 0, []
        for place, count in enumerate(ask.tab.counts):
            limit = count.limit
            if limit.downgrade_at and (used[place] + SLACK) * 100 >= limit.downgrade_at * room[place]:
                if limit.is_enforced:
                    rank = max(rank, ask.tab.ranks.index(limit.downgrade_rank) + 1)
                else:
                    watched.append(place)
        return rank, tuple(watched)

    def _wait(self, count: Count, over: Fraction, now_us: int) -> Fraction:
        """µs until there would be room."""
        if count.limit.per in RATES:
            return over
        return Fraction(max(count.end * US - now_us, 0)) if count.end else Fraction(0)

    def _standings(
        self, counts: tuple[Count, ...], used: list[Fraction], room: list[Fraction], now_us: int
    ) -> tuple[tuple[int, int, int], ...]:
        return tuple(
            (
                self.cap(count, now_us),
                max(0, floor((room[place] - used[place] + SLACK) / self.unit(count, now_us))),
                ceil(((used[place] if count.limit.per in RATES else self._wait(count, used[place], now_us)) - SLACK) / 1000),
            )
            for place, count in enumerate(counts)
        )


def in_flight(limit: Limit) -> bool:
    return limit.of is Measure.IN_FLIGHT
