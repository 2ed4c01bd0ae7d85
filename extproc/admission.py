"""May it pass? A decided request at the limits of its scope: what it will use, and what is cheaper."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Protocol

from extproc import limits
from extproc.config import Api, Policy
from extproc.dialects import Refusal
from extproc.limits import Ask, Expected, Grant, Occasion, Tab, ask_of
from extproc.routing import Decision, Kind, choose
from extproc.scope import Scope
from extproc.shaping import Draft
from extproc.usage import Tokens, asked_price, cost_micro_usd
from extproc.usage.rollup import Line


class Door(Protocol):
    """What the pipeline needs of the limits."""

    def tab(self, scope: Scope, wall_s: float) -> Tab | None:
        """The limits that count a scope's requests; None: none does."""

    def lease(self) -> str:
        """A new name for what is reserved."""

    def expected_output(self, field: str) -> int:
        """Tokens that answers of this kind will hardly exceed."""

    def admit(self, ask: Ask) -> Awaitable[Grant]:
        """The store's answer, or a verdict without it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the limits said of a request that may pass."""

    lease: str = ""
    sequence: int = 0
    limit: str = ""  # that sent it to a cheaper tier
    shadow_limits: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # for its answer


UNCOUNTED = Admitted()


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of a request at the door: the way it may go, or its refusal and the limit that refused it."""

    decision: Decision
    admitted: Admitted
    refusal: Refusal | None = None
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request at the door."""

    scope: Scope
    tab: Tab
    lease: str
    output_tokens: int  # that its answer will hardly exceed
    wall_s: float


async def admit(policy: Policy, door: Door, draft: Draft, score: float, visit: Visit) -> Passed:
    """As decided or on a cheaper way, or refused: whatever the limits of its scope leave room for."""
    ways = options(policy, draft, score, visit.tab)
    ask = ask_for(policy, draft, ways, visit)
    grant = await door.admit(ask)
    headers = limits.headers(draft.request.api, ask, grant, visit.wall_s)
    if not grant.is_admitted:
        refusal = limits.refusal(ask, grant)
        # Where the store was not heard the lease is named, so that what it may have reserved is returned.
        unheard = grant.refused_by is None
        limit = "" if grant.refused_by is None else visit.tab.counts[grant.refused_by].limit.name
        refusal = replace(refusal, headers=(*refusal.headers, *headers))
        return Passed(draft.decision, Admitted(visit.lease if unheard else ""), refusal, limit)
    decision, limit = marked(ways[grant.alternative], visit, grant)
    return Passed(decision, Admitted(visit.lease, grant.sequence, limit, shadows(visit, grant), headers))


def options(policy: Policy, draft: Draft, score: float, tab: Tab) -> tuple[Decision, ...]:
    """The decision, and for each tier that the tab downgrades to the decision with nothing above it.

    A request whose model goes by its name stays: its caller asked for that one.
    """
    decision = draft.decision
    if decision.kind is not Kind.ROUTED:
        return (decision,) * (1 + len(tab.ranks))
    return (decision, *(_lowered(policy, draft, score, rank) for rank in tab.ranks))


def _lowered(policy: Policy, draft: Draft, score: float, rank: int) -> Decision:
    decision = draft.decision
    lowered = choose(policy, draft.request.model, draft.found.demand, score, replace(draft.view, max_rank=rank))
    if isinstance(lowered, Refusal) or lowered.chain[0].tier_rank >= decision.chain[0].tier_rank:
        return decision
    return lowered


def ask_for(policy: Policy, draft: Draft, ways: tuple[Decision, ...], visit: Visit) -> Ask:
    """What the request asks of its limits, for each way it may go."""
    request, demand = draft.request, draft.found.demand
    output_tokens = 0 if request.api is Api.EMBEDDINGS else visit.output_tokens
    if request.max_output_tokens is not None:
        output_tokens = min(output_tokens, request.max_output_tokens)
    tokens = Tokens(prompt=demand.prompt_tokens, completion=output_tokens)
    known: dict[str, Expected] = {}  # ways mostly lead to the same backend
    for way in ways:
        if way.chain[0].name not in known:
            known[way.chain[0].name] = _expected(policy, draft, way, tokens, visit)
    occasion = Occasion(visit.lease, draft.head.headers.get("x-request-id", ""), visit.wall_s, policy.digest, draft.head.traceparent)
    return ask_of(visit.scope, visit.tab, [known[way.chain[0].name] for way in ways], occasion, policy.admission.lease_s)


def _expected(policy: Policy, draft: Draft, way: Decision, tokens: Tokens, visit: Visit) -> Expected:
    backend, asked, verdict = way.chain[0], draft.request.model, draft.found.verdict
    line = Line(
        *visit.scope[1:],
        asked_model=asked,
        model=backend.model,
        tier=way.tier,
        backend=backend.name,
        location="on_prem" if backend.is_on_prem else "cloud",
        task=verdict.task if verdict else "",
        api=draft.request.api.value,
    )
    cost = cost_micro_usd(backend.tariff.at(visit.wall_s), tokens)
    asked_cost = cost_micro_usd(asked_price(policy, asked, backend.name, visit.wall_s), tokens) if asked else cost
    return Expected(line, tokens, cost, asked_cost)


def marked(decision: Decision, visit: Visit, grant: Grant) -> tuple[Decision, str]:
    """The decision with the reason why it was lowered, and the limit that did it; as it was, and "", where none did."""
    if not grant.alternative:
        return decision, ""
    rank = visit.tab.ranks[grant.alternative - 1]
    limit = next(count.limit for count in visit.tab.counts if count.limit.downgrade_at and count.limit.downgrade_rank == rank)
    return replace(decision, reasons=(*decision.reasons, f"downgraded:{limit.name}")), limit.name


def shadows(visit: Visit, grant: Grant) -> tuple[str, ...]:
    """The limits that would have refused or downgraded the request, were they enforced."""
    counts = visit.tab.counts
    refused = (counts[place].limit.name for place in grant.shadow_refused)
    downgraded = (f"{counts[place].limit.name}:downgrade" for place in grant.shadow_downgraded)
    return (*refused, *downgraded)
