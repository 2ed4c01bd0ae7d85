"""What a request is charged: the counts its answer gave, or an estimate in their place, times a price; and failed attempts."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.config import Policy
from extproc.protocol import envoy_pb2 as pb
from extproc.usage.attempts import timed_out
from extproc.usage.outcome import Ending
from extproc.usage.price import asked_price, cost_micro_usd
from extproc.usage.ticket import Ticket
from extproc.usage.token import NO_USAGE, Tokens, Usage, estimated_completion


@dataclass(frozen=True, slots=True)
class Bill:
    """Counts and what they cost. `estimate_reason` says why they are an estimate, or is empty.

    `failed_cost_micro_usd` is the part of `cost_micro_usd` for attempts that were given up, and always an estimate: nobody
    counted what these backends had read and written by then. `failed_prompt_tokens` are the prompts it is charged for.
    """

    tokens: Tokens
    estimate_reason: str
    cost_micro_usd: int
    asked_cost_micro_usd: int
    failed_cost_micro_usd: int
    failed_prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Case:
    """All there is to settle one request by."""

    entry: pb.HTTPAccessLogEntry
    ticket: Ticket
    ending: Ending
    outcome: str
    usage: Usage
    policy: Policy

    @property
    def at(self) -> float:
        """Seconds since the epoch at which its prices are looked up: its beginning."""
        start = self.entry.common_properties.start_time
        return start.seconds + start.nanos / 1e9 or self.ticket.decided_at


def bill_of(case: Case) -> Bill:
    """The bill. Refusals are free, and so are failures, unless a backend counted tokens or was given up all the same."""
    failed_cost, failed_tokens = _failed(case)
    tokens, reason = _tokens(case)
    if tokens is None:
        return Bill(Tokens(), "", failed_cost, 0, failed_cost, failed_tokens)
    policy, at, asked, ticket_digest = case.policy, case.at, case.ticket.asked_model, case.ticket.policy_digest
    payee = case.ending.backend or (case.ending.attempts[-1] if case.ending.attempts else "")
    backend = policy.backends.get(payee)
    if backend is None:
        reason = reason or "unknown_backend"
    elif ticket_digest and ticket_digest != policy.digest:  # decided under a configuration that is gone: its prices may differ
        reason = reason or "other_prices"
    cost = cost_micro_usd(backend.tariff.at(at) if backend else asked_price(policy, asked, "", at), tokens)
    asked_cost = cost_micro_usd(asked_price(policy, asked, payee, at), tokens) if asked else cost
    return Bill(tokens, reason, cost + failed_cost, asked_cost, failed_cost, failed_tokens)


def _failed(case: Case) -> tuple[int, int]:
    """What attempts cost that were given up, and the prompt tokens they are charged for: the answer's count, else the estimate."""
    given_up = timed_out(case.entry, case.ticket, case.ending, case.policy)
    if not given_up:
        return 0, 0
    counted = case.usage.prompt
    prompt = Tokens(case.ticket.prompt_tokens_estimate if counted is None else counted)
    backends = [case.policy.backends[name] for name in given_up if name in case.policy.backends]
    return sum(cost_micro_usd(backend.tariff.at(case.at), prompt) for backend in backends), prompt.prompt * len(backends)


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
