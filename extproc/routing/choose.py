"""The choice, in order: what the name asks for, the tier of the score, and the backends of its chain that fit.

Every step leaves a word in `reasons`; together they say why this backend and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from extproc.config import Api, Backend, Policy, Tier
from extproc.dialects import Refusal
from extproc.routing.fit import ACCESS, Demand, fitting


class Kind(StrEnum):
    """What happened to a request: decided here, sent where its model's name says, or refused."""

    ROUTED = "routed"
    PASSED = "passed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """Which backends are tried, in order, and why. `chain` is never empty."""

    kind: Kind
    tier: str
    chain: tuple[Backend, ...]
    reasons: tuple[str, ...]


def choose(policy: Policy, model: str, demand: Demand, score: float) -> Decision | Refusal:
    """The decision for a request that names `model` and scores `score` (0 trivial .. 1 hardest)."""
    if demand.api is Api.EMBEDDINGS:
        # Vectors of different models cannot be compared, so an embedding is never moved to another model.
        return _by_name(policy, model, demand, "embeddings")
    if _matches(model, policy.pass_through):
        return _by_name(policy, model, demand, "pass_through")
    if not _matches(model, policy.routed):
        return _unknown(model)
    return _by_score(policy, demand, score)


def per_try_timeout_ms(chain: tuple[Backend, ...], *, is_stream: bool) -> int:
    """Milliseconds an attempt may take to its first byte: a stream starts early, a whole answer comes when it is done."""
    return int(1000 * max(backend.first_byte_timeout_s if is_stream else backend.answer_timeout_s for backend in chain))


def _matches(model: str, globs: tuple[str, ...]) -> bool:
    return any(glob == "*" or fnmatchcase(model, glob) for glob in globs)


def _by_name(policy: Policy, model: str, demand: Demand, why: str) -> Decision | Refusal:
    named = tuple(backend for backend in policy.backends.values() if model in backend.names)
    if not named:
        return _unknown(model)
    kept, dropped = fitting(named, demand)
    if not kept:
        return _unfit(dropped)
    return Decision(Kind.PASSED, kept[0].tier, kept[:1], (why, *dropped))


def _by_score(policy: Policy, demand: Demand, score: float) -> Decision | Refusal:
    wanted = _tier_of(policy, score)
    reasons: list[str] = [f"score<={wanted.up_to:g}" if wanted is not policy.tiers[-1] else "score:top"]
    for tier in _from(policy, wanted):
        kept, dropped = fitting(tier.chain, demand)
        reasons.extend(word for word in dropped if word not in reasons)
        if kept:
            # The tier on the record is the one that answers: a chain may have lost all of its own tier's backends.
            return Decision(Kind.ROUTED, kept[0].tier, kept, tuple(reasons))
    return _unfit(tuple(reasons[1:]))


def _tier_of(policy: Policy, score: float) -> Tier:
    return next((tier for tier in policy.tiers if score <= tier.up_to), policy.tiers[-1])


def _from(policy: Policy, wanted: Tier) -> Iterator[Tier]:
    """The wanted tier, then the more capable ones, then the others from the top down: better too good than too weak."""
    rank = policy.tiers.index(wanted)
    yield from policy.tiers[rank:]
    yield from reversed(policy.tiers[:rank])


def _unknown(model: str) -> Refusal:
    return Refusal(404, "model_not_found", f"The model '{model}' does not exist or may not be used here.")


def denied(rules: Iterable[str]) -> Refusal:
    """The refusal of what these access rules do not let a caller have."""
    named = " and ".join(f"`{rule}`" for rule in sorted(set(rules)))
    return Refusal(403, "access_denied", f"Access is denied by {named}.")


def _unfit(dropped: tuple[str, ...]) -> Refusal:
    rules = [reason.removeprefix(ACCESS) for reason in (word.partition("!")[2] for word in dropped) if reason.startswith(ACCESS)]
    if rules:
        return denied(rules)
    if dropped and all(word.endswith("!context") for word in dropped):
        return Refusal(400, "context_length_exceeded", "The request is longer than the context of every model that could answer it.")
    asked = sorted({word.partition("!")[2] for word in dropped})
    return Refusal(400, "unsupported_request", "No configured model can answer this request (" + "; ".join(asked) + ").")
