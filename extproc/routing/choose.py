"""The choice, in order: what the name asks for, what binds it, the tier that is wanted, the backends of its chain that fit.

Every step leaves a word in `reasons`; together they say why this backend and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from extproc.config import Api, Backend, Policy, Tier
from extproc.config.routing import RoutingMode
from extproc.dialects import Refusal
from extproc.routing.equals import preferred
from extproc.routing.fit import ACCESS, STAYS, Demand, fitting, here
from extproc.routing.mode import mode_of
from extproc.routing.stay import pinned
from extproc.routing.view import PLAIN, View
from extproc.routing.want import Want, forbidden, in_front, wanted

MUST_STAY = "must_stay"


class Kind(StrEnum):
    """What happened to a request: decided here, sent where its model's name says, or refused."""

    ROUTED = "routed"
    PASSED = "passed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """Which backends are tried, in order, and why. `chain` is never empty.

    `mode` is the routing mode where it is not the usual one, and `would` the tier and the backend of a choice not followed.
    """

    kind: Kind
    tier: str
    chain: tuple[Backend, ...]
    reasons: tuple[str, ...]
    mode: str = ""
    would: tuple[str, str] = ("", "")


def choose(policy: Policy, model: str, demand: Demand, score: float, view: View = PLAIN) -> Decision | Refusal:
    """The decision for a request that names `model` and scores `score` (0 trivial .. 1 hardest)."""
    if demand.api is Api.EMBEDDINGS:
        # Vectors of different models cannot be compared, so an embedding is never moved to another model.
        return _by_name(policy, model, demand, "embeddings")
    if _matches(model, policy.pass_through):
        named = _by_name(policy, model, demand, "pass_through")
        if not (isinstance(named, Refusal) and named.code == MUST_STAY):
            return named
        # The name leads out of the house and this request may not: it is answered by whoever may have it.
        return _routed(policy, demand, score, view, ("pass_through!stays",))
    if not _matches(model, policy.routed):
        return _unknown(model)
    mode, is_followed = mode_of(policy, view)
    routed = _routed(policy, demand, score, view, ())
    if mode is RoutingMode.ENFORCE or (is_followed and isinstance(routed, Refusal)):
        return routed
    if is_followed and isinstance(routed, Decision):
        return replace(routed, mode=mode.value)
    return _unrouted(policy, model, demand, view, (mode, routed))


def spill(policy: Policy, model: str, demand: Demand, score: float, view: View) -> Decision | None:
    """The decision for a request that should stay and may leave instead, while all that are ours are away; None: nobody has room."""
    decision = choose(policy, model, replace(demand, stays=""), score, view)
    if isinstance(decision, Refusal) or decision.chain[0].is_on_prem:
        return None
    return replace(decision, reasons=(*decision.reasons, "spilled"))


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


def _routed(policy: Policy, demand: Demand, score: float, view: View, why: tuple[str, ...]) -> Decision | Refusal:
    """Where what a provider keeps of it is, else by its score and all that is said of that."""
    backend, words = pinned(policy, demand, view)
    if backend is not None:
        return Decision(Kind.ROUTED, backend.tier, (backend,), (*why, *words))
    want = wanted(policy, demand, score, view)
    ruled_out = forbidden(view)
    if ruled_out:
        demand = replace(demand, ruled_out=ruled_out)
    return _by_rank(policy, demand, view, replace(want, reasons=(*why, *words, *want.reasons)))


def _by_rank(policy: Policy, demand: Demand, view: View, want: Want) -> Decision | Refusal:
    reasons, unfit = list(want.reasons), list[str]()
    spare: tuple[Backend, ...] = ()  # they fit, and all of them are away
    for tier in _from(policy, policy.tiers[want.rank]):
        fit, dropped = fitting(tier.chain, demand)
        kept, passed_over = here(fit, view.away)
        unfit.extend(word for word in dropped if word not in unfit)
        reasons.extend(word for word in (*dropped, *passed_over) if word not in reasons)
        spare = spare or fit
        if kept:
            kept, word = (in_front(kept, want.first, tier.name), "") if want.first else preferred(tier, kept, demand, view)
            # The tier on the record is the one that answers: a chain may have lost all of its own tier's backends.
            return Decision(Kind.ROUTED, kept[0].tier, kept, (*reasons, word) if word else tuple(reasons))
    if spare:
        return Decision(Kind.ROUTED, spare[0].tier, spare, (*reasons, "all_away"))
    return _unfit(tuple(unfit))


def _unrouted(policy: Policy, model: str, demand: Demand, view: View, routed: tuple[RoutingMode, Decision | Refusal]) -> Decision | Refusal:
    """Where it would go without a router: to the backend that has the name, else to the baseline; what binds it, holds."""
    mode, would = routed
    kept, words = pinned(policy, demand, view)
    if kept is not None:
        return Decision(Kind.ROUTED, kept.tier, (kept,), (f"mode:{mode.value}", *words), mode.value)
    named = next((backend for backend in policy.backends.values() if model in backend.names), policy.baseline)
    rank = next((rank for rank, tier in enumerate(policy.tiers) if tier.name == named.tier), len(policy.tiers) - 1)
    decision = _by_rank(policy, demand, view, Want(rank, named.name, (f"mode:{mode.value}",)))
    if isinstance(decision, Refusal):
        return decision
    if isinstance(would, Refusal) or mode is RoutingMode.OFF:
        return replace(decision, mode=mode.value)
    return replace(decision, mode=mode.value, would=(would.tier, would.chain[0].name))


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
    words = [word.partition("!")[2] for word in dropped]
    if any(word.startswith(STAYS) for word in words):
        return Refusal(403, "must_stay", "The request must stay on-premises, and no on-premises backend can answer it.")
    rules = [word.removeprefix(ACCESS) for word in words if word.startswith(ACCESS)]
    if rules:
        return denied(rules)
    if dropped and all(word.endswith("!context") for word in dropped):
        return Refusal(400, "context_length_exceeded", "The request is longer than the context of every model that could answer it.")
    asked = sorted({word.partition("!")[2] for word in dropped})
    return Refusal(400, "unsupported_request", "No configured model can answer this request (" + "; ".join(asked) + ").")
