"""Which tier is wanted: the score's, then what the loop, the past and the rules say of it. Each step leaves a word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from extproc.config import Backend, Policy
from extproc.config.compiled_routing import Rule
from extproc.routing.fit import Demand, fitting
from extproc.routing.loop import Loop
from extproc.routing.stay import moving_micro_usd, staying_micro_usd
from extproc.routing.view import View


@dataclass(frozen=True, slots=True)
class Want:
    """A tier by its rank, the backend to be tried first where one is ("" for none), and the words that led there."""

    rank: int
    first: str = ""
    reasons: tuple[str, ...] = ()


def wanted(policy: Policy, demand: Demand, score: float, view: View) -> Want:
    """What is wanted before anybody asks who is there."""
    rank, word = by_score(policy, score, view)
    reasons = [word]
    past = _rank_of(policy, view.past.tier)
    if view.is_housekeeping and policy.routing.reads_housekeeping:
        rank = 0
        reasons.append("housekeeping")
    elif view.asked_rank >= 0:
        rank = view.asked_rank
        reasons.append(f"asked:{policy.tiers[rank].name}")
    elif policy.routing.reads_loops:
        rank = _by_loop(policy, rank, past, view, reasons)
    first = ""
    if policy.routing.is_sticky and past >= 0 and "housekeeping" not in reasons:
        rank, first = _by_past(policy, demand, view, (rank, past), reasons)
    ruled = _by_rules(rank, view, reasons)
    if 0 <= view.max_rank < ruled:
        ruled = view.max_rank
    if ruled != rank:
        first = ""
    named = _said(view.rules, lambda rule: rule.backend)
    if named is not None:
        first = named.backend
        ruled = _rank_of(policy, policy.backends[first].tier)
        reasons.append(f"rule:{named.name}")
    return Want(ruled, first, tuple(dict.fromkeys(reasons)))


def forbidden(view: View) -> dict[str, str]:
    """Backends that rules say never to, with the rule."""
    return {backend: rule.name for rule in reversed(view.rules) for backend in rule.never}


def by_score(policy: Policy, score: float, view: View) -> tuple[int, str]:
    """The rank of the tier that the score alone asks for, and the word for it."""
    top = len(policy.tiers) - 1
    ends = view.thresholds or [tier.up_to for tier in policy.tiers]
    rank = next((rank for rank in range(top) if score <= ends[rank]), top)
    if not view.shares:
        return rank, "score:top" if rank == top else f"score<={ends[rank]:g}"
    word = "score:top" if rank == top else f"score<={ends[rank]:.2f}"
    return rank, f"{word}(share:{'+'.join(view.shares)})"


def _rank_of(policy: Policy, name: str) -> int:
    return next((rank for rank, tier in enumerate(policy.tiers) if tier.name == name), -1)


def _by_loop(policy: Policy, rank: int, past: int, view: View, reasons: list[str]) -> int:
    if view.loop is Loop.TROUBLE:
        reasons.append("loop:trouble")
        return min(max(rank, past + 1), len(policy.tiers) - 1)
    if view.loop is Loop.SETTLED and past > 0:
        reasons.append("loop:settled")
        # One tier down, and never two below what the task asks for: settled work of a hard task is still a hard task's.
        return min(past, max(rank, past) - 1)
    return rank


def _by_past(policy: Policy, demand: Demand, view: View, ranks: tuple[int, int], reasons: list[str]) -> tuple[int, str]:
    """The rank that holds, and the backend that has the conversation where it stays."""
    rank, past = ranks
    if view.is_tool_turn and not view.loop.moves and view.asked_rank < 0:
        reasons.append("sticky:tools")
        return past, view.past.backend
    if rank > past:
        reasons.append("escalated")
        return rank, ""
    if rank == past:
        reasons.append("sticky")
        return past, view.past.backend
    if _pays(policy, demand, view, rank):
        reasons.append("deescalated")
        return rank, ""
    reasons.append("sticky:prefix")
    return past, view.past.backend


def _pays(policy: Policy, demand: Demand, view: View, rank: int) -> bool:
    """Whether the tier below is cheaper for what this turn is expected to take, although it has to read everything once."""
    here = policy.backends.get(view.past.backend)
    there, _ = fitting(policy.tiers[rank].chain, demand)
    if here is None or not there:
        return here is None
    return moving_micro_usd(demand, view, there[0]) < staying_micro_usd(policy, demand, view, here)


def _by_rules(rank: int, view: View, reasons: list[str]) -> int:
    fixed = _said(view.rules, lambda rule: rule.rank >= 0)
    if fixed is not None:
        reasons.append(f"rule:{fixed.name}")
        rank = fixed.rank
    lowest = _said(view.rules, lambda rule: rule.min_rank >= 0)
    if lowest is not None and lowest.min_rank > rank:
        reasons.append(f"rule:{lowest.name}")
        rank = lowest.min_rank
    highest = _said(view.rules, lambda rule: rule.max_rank >= 0)
    if highest is not None and highest.max_rank < rank:
        reasons.append(f"rule:{highest.name}")
        rank = highest.max_rank
    return rank


def _said(rules: tuple[Rule, ...], says: Callable[[Rule], object]) -> Rule | None:
    return next((rule for rule in rules if says(rule)), None)


def in_front(kept: tuple[Backend, ...], first: str, tier: str) -> tuple[Backend, ...]:
    """`kept` with the backend `first` before the others, where it is one of them and `tier`'s own: Envoy has no other such chains."""
    found = next((backend for backend in kept if backend.name == first and backend.tier == tier), None)
    return kept if found is None else (found, *(backend for backend in kept if backend is not found))
