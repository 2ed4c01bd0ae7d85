"""What came of it: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from extproc.bench.replay.configuration import TIERS, UP_TO
from extproc.bench.replay.play import Sent

# Words that explain why a conversation is at another tier than before.
_WHYS = ("escalated", "deescalated", "loop:", "rule:", "pin:", "mode:", "asked:", "all_away")
MOST_OF_FRONTIER = 0.75


@dataclass(frozen=True, slots=True)
class Way:
    """One way of choosing: the requests of every session, by its name."""

    name: str
    sent: Mapping[str, Sequence[Sent]]

    @property
    def cost_micro_usd(self) -> int:
        """All of it."""
        return sum(request.cost_micro_usd for request in self._all())

    @property
    def broken_pins(self) -> int:
        """Requests that went to another backend than the one that made what they carry."""
        return sum(bool(request.makers - {request.backend}) for request in self._all())

    @property
    def tier_changes(self) -> int:
        """How often a session went on at another tier."""
        return sum(before.tier != after.tier for before, after in self._pairs())

    @property
    def unexplained(self) -> int:
        """Changes of the tier without a word why on the record."""
        return sum(before.tier != after.tier and not _is_explained(after) for before, after in self._pairs())

    @property
    def below(self) -> int:
        """Users' turns that went to a less capable tier than they needed though nothing bound them."""
        return sum(_is_below(request) and not request.makers for request in self._all() if not request.is_tool_turn)

    @property
    def bound_below(self) -> int:
        """The same where a provider's state bound them."""
        return sum(_is_below(request) and bool(request.makers) for request in self._all() if not request.is_tool_turn)

    def as_json(self) -> dict[str, Any]:
        """Its figures."""
        tiers = Counter(request.tier for request in self._all())
        reasons = Counter(word.partition(":")[0] for request in self._all() for word in request.reasons)
        cached, read = (sum(getattr(request, name) for request in self._all()) for name in ("cached_tokens", "prompt_tokens"))
        return {
            "cost_micro_usd": self.cost_micro_usd,
            "requests": sum(map(len, self.sent.values())),
            "tiers": {tier: tiers[tier] for tier in TIERS},
            "cached_share": round(cached / max(read, 1), 4),
            "tier_changes": self.tier_changes,
            "unexplained_changes": self.unexplained,
            "broken_pins": self.broken_pins,
            "turns_below_need": self.below,
            "turns_bound_below_need": self.bound_below,
            "reasons": dict(sorted(reasons.items())),
        }

    def _all(self) -> Iterator[Sent]:
        return (request for requests in self.sent.values() for request in requests)

    def _pairs(self) -> Iterator[tuple[Sent, Sent]]:
        """Requests of a session with those that follow them; chores are no part of it."""
        for requests in self.sent.values():
            talk = [request for request in requests if request.score is not None]
            yield from pairwise(talk)


def tier_for(score: float) -> str:
    """The tier that a score asks for."""
    return next((tier for tier, end in zip(TIERS, UP_TO, strict=False) if score <= end), TIERS[-1])


def _is_below(request: Sent) -> bool:
    return request.score is not None and TIERS.index(request.tier) < TIERS.index(tier_for(request.score))


def _is_explained(request: Sent) -> bool:
    return any(word.startswith(_WHYS) or "!" in word for word in request.reasons)


@dataclass(frozen=True, slots=True)
class Report:
    """Four ways beside each other."""

    sessions: int
    seed: int
    frontier: Way
    naive: Way
    sticky: Way  # each session at the cheapest tier that is enough for its hardest turn, as if that were known
    ours: Way

    @property
    def ways(self) -> tuple[Way, ...]:
        """In the order of the table."""
        return (self.frontier, self.naive, self.sticky, self.ours)

    @property
    def failures(self) -> tuple[str, ...]:
        """What is not as it has to be, in words; nothing, when all is."""
        ours = self.ours
        found = []
        if ours.broken_pins:
            found.append(f"{ours.broken_pins} requests left the backend that keeps what they carry")
        if ours.unexplained:
            found.append(f"{ours.unexplained} changes of the tier have no reason on the record")
        if ours.below:
            found.append(f"{ours.below} turns went below the tier they needed")
        if ours.cost_micro_usd > MOST_OF_FRONTIER * self.frontier.cost_micro_usd:
            found.append(f"it costs more than {MOST_OF_FRONTIER:.0%} of what the most capable tier costs alone")
        if ours.cost_micro_usd > self.sticky.cost_micro_usd:
            found.append("it costs more than each session at the one tier that is enough for it")
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """The object that `bench replay --json` prints."""
        per_session = {
            name: {way.name: sum(request.cost_micro_usd for request in way.sent[name]) for way in self.ways} for name in self.ours.sent
        }
        return {
            "sessions": self.sessions,
            "seed": self.seed,
            "ways": {way.name: way.as_json() for way in self.ways},
            "of_frontier": round(self.ours.cost_micro_usd / self.frontier.cost_micro_usd, 4),
            "of_sticky": round(self.ours.cost_micro_usd / self.sticky.cost_micro_usd, 4),
            "cost_micro_usd_by_session": per_session,
            "failures": list(self.failures),
        }
