"""One request's decision with all that led to it, as plain data: for `tiermesh explain` and whoever reads its JSON.

It runs the same functions as the request path and asks them about every backend, not only the chosen one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from extproc import custody, dialects, viewing
from extproc.config import Api, Backend, Policy
from extproc.dialects import Refusal, Request
from extproc.identity import ANYBODY, denied_model, rights_of
from extproc.pipeline import Head, Pipeline, Release
from extproc.residency import Ruling
from extproc.routing import Decision, View, choose, chore_of, denied, loop_of, signs_of
from extproc.routing.fit import Demand, misfit
from extproc.routing.mode import mode_of
from extproc.routing.want import forbidden, wanted
from extproc.scope import Scope
from extproc.shaping import Asked, Findings
from extproc.usage import Tokens, asked_price, cost_micro_usd

_PATHS = {
    Api.CHAT: "/v1/chat/completions",
    Api.COMPLETIONS: "/v1/completions",
    Api.RESPONSES: "/v1/responses",
    Api.EMBEDDINGS: "/v1/embeddings",
    Api.MESSAGES: "/v1/messages",
}
_ASSUMED_ANSWER_TOKENS = 300


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was read, what was thought of it, what came of it. Money in micro-USD, tokens estimated."""

    request: dict[str, Any]
    verdict: dict[str, Any] | None
    residency: dict[str, Any]
    routing: dict[str, Any]  # empty for embeddings
    tiers: list[dict[str, Any]]
    backends: list[dict[str, Any]]
    decision: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The same as nested dictionaries."""
        return asdict(self)


def explain(pipeline: Pipeline, api: Api, body: bytes, scope: Scope = ANYBODY.scope) -> Explanation | Refusal:
    """The explanation for a caller of this scope, or the refusal that they would get for a body that cannot be read."""
    policy = pipeline.policy
    request = dialects.parse(api, body, max_body_bytes=policy.max_body_bytes)
    if isinstance(request, Refusal):
        return request
    verdict = None if api is Api.EMBEDDINGS else pipeline.scorer.classify(request)
    rights = rights_of(policy.access, scope)
    head = Head("POST", _PATHS[api], {"content-length": str(len(body))}, has_body=True, who=replace(ANYBODY, scope=scope))
    ruling = custody.ruling_of(policy, pipeline.outside.inspector, request, custody.occasion_of(head, verdict.task if verdict else ""))
    stays = custody.stays(policy, ruling)
    demand = Demand(api, request.needs, dialects.estimate_tokens(request), request.max_output_tokens, rights.forbidden, stays)
    rule = denied_model(rights, request.model)
    refusal = denied([rule]) if rule else custody.blocked(policy, ruling)
    score, at = verdict.score if verdict else policy.default_score, pipeline.clock.wall()
    asked = Asked(head, head.who, request, Findings(verdict, demand, ruling), len(body), 0.0, custody.session(policy, request, head))
    asked = viewing.with_shares(replace(asked, view=viewing.view_of(policy, asked, at)), pipeline.shares)
    chosen = refusal or choose(policy, request.model, demand, score, asked.view)
    answer = pipeline.decide(head, body)
    return Explanation(
        request=_facts(request, demand, len(body)),
        verdict=asdict(verdict) if verdict else None,
        residency=_residency(policy, ruling, stays),
        routing={} if api is Api.EMBEDDINGS else _routing(policy, asked, score) | _otherwise(policy, request, demand, at),
        tiers=[{"tier": tier.name, "up_to": tier.up_to, "chain": [b.name for b in tier.chain]} for tier in policy.tiers],
        backends=[_backend(policy, backend, demand, chosen, at=at) for backend in policy.backends.values()],
        decision=_decision(policy, request, demand, chosen, at=at) | _edits(answer),
    )


def api_from(body: dict[str, Any]) -> Api:
    """The API a body was most likely meant for, told from its members."""
    if "messages" in body:
        is_anthropic = "system" in body or "anthropic_version" in body or str(body.get("model", "")).startswith("claude")
        return Api.MESSAGES if is_anthropic and "max_tokens" in body else Api.CHAT
    if "prompt" in body:
        return Api.COMPLETIONS
    is_embedding = "input" in body and ("encoding_format" in body or "dimensions" in body or "embed" in str(body.get("model", "")))
    return Api.EMBEDDINGS if is_embedding else Api.RESPONSES


def _facts(request: Request, demand: Demand, body_bytes: int) -> dict[str, Any]:
    return {
        "api": request.api.value,
        "asked_model": request.model,
        "is_stream": request.is_stream,
        "turns": len(request.turns),
        "ask_chars": len(request.ask),
        "system_chars": len(request.system),
        "tools": request.tool_count,
        "needs": sorted(capability.value for capability in request.needs),
        "body_bytes": body_bytes,
        "prompt_tokens_estimate": demand.prompt_tokens,
        "max_output_tokens": demand.max_output_tokens,
    }


def _residency(policy: Policy, ruling: Ruling, stays: str) -> dict[str, Any]:
    return {
        "is_read": policy.residency.reads,
        "is_enforced": policy.residency.is_enforced,
        "action": ruling.action.value,
        "kinds": dict(ruling.found),
        "held": list(ruling.held),
        "rules": list(ruling.rules),
        "force": dict(ruling.force),
        "may_spill": ruling.may_spill,
        "stays": bool(stays),
    }


def _routing(policy: Policy, asked: Asked, score: float) -> dict[str, Any]:
    """Each step to the tier that is wanted, in the order in which they are taken. A conversation has no past here."""
    view, request, demand = asked.view, asked.request, asked.found.demand
    mode, is_followed = mode_of(policy, view)
    want = wanted(policy, demand, score, view)
    return {
        "mode": mode.value,
        "is_followed": is_followed,
        "pins": list(view.pins),
        "is_tool_turn": view.is_tool_turn,
        "turns_ahead": view.turns_ahead,
        "loop": _loop(request) if policy.routing.reads_loops and view.is_tool_turn else None,
        "housekeeping": chore_of(viewing.outline_of(request)).value if policy.routing.reads_housekeeping else "",
        "asked_tier": policy.tiers[view.asked_rank].name if view.asked_rank >= 0 else "",
        "rules": [_rule(policy, view, number) for number in range(len(view.rules))],
        "ruled_out": forbidden(view),
        "thresholds": list(view.thresholds or [tier.up_to for tier in policy.tiers[:-1]]),
        "wanted": {"tier": policy.tiers[want.rank].name, "first": want.first, "reasons": list(want.reasons)},
    }


def _loop(request: Request) -> dict[str, Any]:
    signs = signs_of(dialects.steps(request))
    return {"word": loop_of(signs).value} | asdict(signs)


def _rule(policy: Policy, view: View, number: int) -> dict[str, Any]:
    """A rule that fits, and what it says."""
    rule = view.rules[number]
    ranks = {"tier": rule.rank, "min_tier": rule.min_rank, "max_tier": rule.max_rank}
    said = {name: policy.tiers[rank].name for name, rank in ranks.items() if rank >= 0}
    more = {"backend": rule.backend, "never": sorted(rule.never), "mode": rule.mode.value if rule.mode else ""}
    return {"rule": rule.name} | said | {name: value for name, value in more.items() if value}


def _otherwise(policy: Policy, request: Request, demand: Demand, at: float) -> dict[str, Any]:
    """What a million tokens cost at each backend, and this request at the model asked for, the baseline and the most capable tier."""
    tokens, top = _tokens(demand), policy.tiers[-1].chain[0]
    tariffs = {name: backend.tariff.at(at) for name, backend in policy.backends.items()}
    return {
        "prices_micro_usd_per_million": {
            name: {"input": price.input, "cached_input": price.cached_input, "output": price.output} for name, price in tariffs.items()
        },
        "otherwise_micro_usd": {
            "asked": cost_micro_usd(asked_price(policy, request.model, "", at), tokens),
            "baseline": cost_micro_usd(tariffs[policy.baseline.name], tokens),
            "most_capable": cost_micro_usd(tariffs[top.name], tokens),
        },
    }


def _backend(policy: Policy, backend: Backend, demand: Demand, chosen: Decision | Refusal, *, at: float) -> dict[str, Any]:
    place = chosen.chain.index(backend) + 1 if isinstance(chosen, Decision) and backend in chosen.chain else None
    tokens = _tokens(demand)
    return {
        "backend": backend.name,
        "tier": backend.tier,
        "location": "on_prem" if backend.is_on_prem else "cloud",
        "misfit": misfit(backend, demand),
        "attempt": place,
        "cost_micro_usd": cost_micro_usd(backend.tariff.at(at), tokens),
        "is_safe": backend in policy.safe,
    }


def _decision(policy: Policy, request: Request, demand: Demand, chosen: Decision | Refusal, *, at: float) -> dict[str, Any]:
    if isinstance(chosen, Refusal):
        return {"kind": "refused", "status": chosen.status, "code": chosen.code, "message": chosen.message}
    tokens = _tokens(demand)
    return {
        "kind": chosen.kind.value,
        "tier": chosen.tier,
        "chain": [backend.name for backend in chosen.chain],
        "reasons": list(chosen.reasons),
        "cost_micro_usd": cost_micro_usd(chosen.chain[0].tariff.at(at), tokens),
        "asked_cost_micro_usd": cost_micro_usd(asked_price(policy, request.model, "", at), tokens),
        "assumed_answer_tokens": tokens.completion,
    }


def _edits(answer: object) -> dict[str, Any]:
    if not isinstance(answer, Release):
        return {}
    headers = {name: value for name, value in answer.set_headers if name != "content-length"}
    return {"headers": headers, "body_bytes_sent": len(answer.body) if answer.body is not None else None}


def _tokens(demand: Demand) -> Tokens:
    answer = min(demand.max_output_tokens or _ASSUMED_ANSWER_TOKENS, _ASSUMED_ANSWER_TOKENS)
    return Tokens(demand.prompt_tokens, 0, 0, 0 if demand.api is Api.EMBEDDINGS else answer, 0)
