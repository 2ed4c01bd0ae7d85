"""What a request is charged: the counts its answer gave, or an estimate in their place, times a price."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.config import Policy
from extproc.protocol import envoy_pb2 as pb
from extproc.usage.outcome import Ending
from extproc.usage.price import asked_price, cost_micro_usd
from extproc.usage.ticket import Ticket
from extproc.usage.token import NO_USAGE, Tokens, Usage, estimated_completion


@dataclass(frozen=True, slots=True)
class Bill:
    """Counts and what they cost. `estimate_reason` says why they are an estimate, or is empty."""

    tokens: Tokens
    estimate_reason: str
    cost_micro_usd: int
    asked_cost_micro_usd: int


@dataclass(frozen=True, slots=True)
class Case:
    """All there is to settle one request by."""

    entry: pb.HTTPAccessLogEntry
    ticket: Ticket
    ending: Ending
    outcome: str
    usage: Usage
    policy: Policy


_FREE = Bill(Tokens(), "", 0, 0)


def bill_of(case: Case) -> Bill:
    """The bill. Refusals are free, and so are failures, unless a backend counted tokens all the same."""
    tokens, reason = _tokens(case)
    if tokens is None:
        return _FREE
    policy, asked, ticket_digest = case.policy, case.ticket.asked_model, case.ticket.policy_digest
    payee = case.ending.backend or (case.ending.attempts[-1] if case.ending.attempts else "")
    backend = policy.backends.get(payee)
    if backend is None:
        reason = reason or "unknown_backend"
    elif ticket_digest and ticket_digest != policy.digest:  # decided under a configuration that is gone: its prices may differ
        reason = reason or "other_prices"
    cost = cost_micro_usd(backend.price if backend else asked_price(policy, asked), tokens)
    return Bill(tokens, reason, cost, cost_micro_usd(asked_price(policy, asked, payee), tokens) if asked else cost)


def _tokens(case: Case) -> tuple[Tokens | None, str]:
    """The counts to charge and why they are an estimate; None when nothing is charged."""
    usage, ticket = case.usage, case.ticket
    if case.outcome == "refused":
        return None, ""
    if case.outcome == "aborted":
        # A backend that has the prompt has begun to work on it, and providers charge for that.
        was_sent = case.entry.common_properties.HasField("time_to_first_upstream_tx_byte")
        return (usage.tokens(ticket.prompt_tokens_estimate, 0), "aborted") if was_sent and ticket.api else (None, "")
    if case.outcome == "failed" or not _is_estimable(case):
        return (None, "") if usage is NO_USAGE else (usage.tokens(0, 0), "")
    if usage.prompt is not None and usage.completion is not None:
        return usage.tokens(0, 0), ""
    completion = max(usage.at_least, _completion(case))
    return usage.tokens(ticket.prompt_tokens_estimate, completion), _why(case)


def _is_estimable(case: Case) -> bool:
    """True for an answer that a model must have given, whether or not it counted."""
    return bool(case.ticket.api) and bool(case.ending.attempts) and 200 <= case.ending.status < 300


def _completion(case: Case) -> int:
    ticket = case.ticket
    size = case.entry.response.response_body_bytes
    return estimated_completion(ticket.api, size, is_stream=ticket.is_stream, limit=ticket.max_output_tokens)


def _why(case: Case) -> str:
    if case.ending.is_early:
        return "cut_off"
    return "no_usage" if case.usage is NO_USAGE else "partial_usage"
