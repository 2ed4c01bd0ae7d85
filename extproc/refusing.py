"""Answers of ours instead of a backend's: refusals, with the ticket that settles them, and the list of models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extproc import dialects
from extproc.config import Api, Policy
from extproc.dialects import Refusal
from extproc.exchange import Head, Reply
from extproc.identity import denied_model, rights_of
from extproc.residency import Ruling
from extproc.routing import Kind
from extproc.scope import text_of
from extproc.shaping import Asked
from extproc.usage import Ticket

SPILLED = "spill"  # what a ticket says instead of an action, where what should have stayed left on record


def ticket_of_refusal(policy: Policy, head: Head, refusal: Refusal, at: float) -> Ticket:
    """The ticket of a request that goes nowhere. `at` is seconds since the epoch."""
    who = head.who
    return Ticket(
        request_id=head.headers.get("x-request-id", ""),
        decided_at=at,
        kind=Kind.REFUSED.value,
        api="",
        scope=text_of(who.scope),
        source=who.source,
        caller=who.credential,
        policy_digest=policy.digest,
        traceparent=head.traceparent,
        path=head.path,
        refusal=refusal.code,
    )


def ticket_of_read(policy: Policy, asked: Asked, refusal: Refusal, at: float) -> Ticket:
    """The same for a request that was read."""
    return replace(
        ticket_of_refusal(policy, asked.head, refusal, at),
        api=asked.request.api.value,
        asked_model=asked.request.model,
        body_bytes=asked.body_bytes,
        **residency_members(asked.found.ruling),
    )


def residency_members(ruling: Ruling, *, spilled: bool = False) -> dict[str, Any]:
    """What tickets say of a ruling."""
    if not ruling.found:
        return {}
    return {"residency": SPILLED if spilled else ruling.action.value, "kinds": ruling.words, "residency_rules": ruling.rules}


def reply(api: Api | None, refusal: Refusal, ticket: Ticket) -> Reply:
    """The refusal in the shape that its caller understands."""
    return Reply(
        refusal.status,
        tuple(dialects.refusal_headers(api, refusal, request_id=ticket.request_id)),
        dialects.refusal_body(api, refusal, request_id=ticket.request_id),
        {"ticket": ticket.encode(), "api": ticket.api, "reason": refusal.code},
    )


def listing(policy: Policy, asked: str, head: Head) -> Reply:
    """`GET /v1/models` (`asked` is "") or one model of it, in the shape of the SDK that asks: what its caller may ask for."""
    spoken = spoken_by(head)
    is_anthropic = spoken is Api.MESSAGES
    headers = (("content-type", "application/json"),)
    rights = rights_of(policy.access, head.who.scope)
    listed = tuple(name for name in policy.listed if not denied_model(rights, name)) if rights.rules else policy.listed
    if not asked:
        return Reply(200, headers, dialects.models_body(listed, is_anthropic=is_anthropic), {})
    if asked in listed:
        return Reply(200, headers, dialects.model_body(asked, is_anthropic=is_anthropic), {})
    return Reply(404, headers, dialects.refusal_body(spoken, Refusal(404, "model_not_found", "There is no such model here.")), {})


def spoken_by(head: Head) -> Api | None:
    """Whose errors the caller understands, where the path does not tell: Anthropic's SDK says its version."""
    return Api.MESSAGES if "anthropic-version" in head.headers else None


def too_large(policy: Policy) -> Refusal:
    """The refusal of a body that is too large."""
    return Refusal(413, "request_too_large", f"The request body is larger than {policy.max_body_bytes} bytes.")
