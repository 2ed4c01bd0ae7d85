"""An access-log entry and the ticket in it become the one record of a request. Pure: all it needs is in its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter

from google.protobuf.duration_pb2 import Duration

from extproc.config import Backend, Policy
from extproc.dialects import api_of
from extproc.protocol import envoy_pb2 as pb
from extproc.usage.attempts import TICKET_NAMESPACE
from extproc.usage.bill import Case, bill_of
from extproc.usage.outcome import ending_of, outcome_of
from extproc.usage.record import Record
from extproc.usage.ticket import Ticket
from extproc.usage.token import NO_USAGE, Usage, estimated_prompt, usage_of

USAGE_NAMESPACE = "tiermesh.usage"

_POST = 3  # envoy.config.core.v3.RequestMethod
_NAME_CHARS = 256  # of names that came from outside


def record_of(entry: pb.HTTPAccessLogEntry, policy_of: Callable[[str], Policy]) -> Record | None:
    """The record of a finished request, or None for an entry about one that still runs.

    `policy_of` returns the policy with a digest, and the present one for a digest it does not know, such as "".
    """
    common = entry.common_properties
    if common.intermediate_log_entry:
        return None
    ticket = _ticket_in(common.metadata) or _no_ticket(entry)
    policy = policy_of(ticket.policy_digest)
    usage, said = _usage_in(common.metadata, ticket.api)
    ending = ending_of(entry, ticket)
    case = Case(entry, ticket, ending, outcome_of(ending, ticket, usage), usage, policy)
    return _record(case, said, policy.backends.get(ending.backend or ""))


def _ticket_in(metadata: pb.Metadata) -> Ticket | None:
    spaces = metadata.filter_metadata
    if TICKET_NAMESPACE not in spaces:
        return None
    fields = spaces[TICKET_NAMESPACE].fields
    return Ticket.decode(fields["ticket"].string_value) if "ticket" in fields else None


def _no_ticket(entry: pb.HTTPAccessLogEntry) -> Ticket:
    """Stands for the ticket of a request that nothing was decided about."""
    request = entry.request
    path = request.original_path or request.path
    api = api_of("POST", path) if request.request_method == _POST else None
    return Ticket(
        request_id=request.request_id,
        decided_at=0.0,
        kind="unmanaged",
        api=api.value if api else "",
        prompt_tokens_estimate=estimated_prompt(request.request_body_bytes) if api else 0,
        is_stream=entry.response.response_headers.get("content-type", "").startswith("text/event-stream"),
        body_bytes=request.request_body_bytes,
    )


def _usage_in(metadata: pb.Metadata, api: str) -> tuple[Usage, Mapping[str, str]]:
    """The usage of an answer, and the names it says: its `model` and its `id`."""
    spaces = metadata.filter_metadata
    if USAGE_NAMESPACE not in spaces:
        return NO_USAGE, {}
    said = spaces[USAGE_NAMESPACE]
    return usage_of(said, api), {name: said.fields[name].string_value for name in ("model", "id") if name in said.fields}


# What a record says in the ticket's own words.
_AS_DECIDED = (
    "kind",
    "api",
    "scope",
    "source",
    "tier",
    "score",
    "task",
    "reasons",
    "chain",
    "decided_at",
    "decision_us",
    "refusal",
    "traceparent",
    "lease",
    "lease_sequence",
    "limit",
    "shadow_limits",
    "residency",
    "kinds",
    "residency_rules",
    "mode",
    "would_tier",
    "would_backend",
    "session",
)
_decided = attrgetter(*_AS_DECIDED)


def _record(case: Case, said: Mapping[str, str], backend: Backend | None) -> Record:
    entry, ticket, ending = case.entry, case.ticket, case.ending
    common = entry.common_properties
    bill = bill_of(case)
    return Record(
        request_id=_name(ticket.request_id or entry.request.request_id),
        stream_id=common.stream_id,
        started_at=common.start_time.seconds + common.start_time.nanos / 1e9,
        outcome=case.outcome,
        status=ending.status,
        asked_model=_name(ticket.asked_model),
        caller=_name(ticket.caller),
        attempts=ending.attempts,
        backend=ending.backend,
        model=backend.model if backend else "",
        reported_model=_name(said.get("model", "")),
        response_id=_name(said.get("id", "")),
        revision=backend.revision if backend else "",
        location=("on_prem" if backend.is_on_prem else "cloud") if backend else "",
        is_stream=ticket.is_stream,
        prompt_tokens=bill.tokens.prompt,
        cached_tokens=bill.tokens.cached,
        cache_write_tokens=bill.tokens.cache_write,
        completion_tokens=bill.tokens.completion,
        reasoning_tokens=bill.tokens.reasoning,
        is_estimated=bool(bill.estimate_reason),
        estimate_reason=bill.estimate_reason,
        request_bytes=entry.request.request_body_bytes or ticket.body_bytes,
        response_bytes=entry.response.response_body_bytes,
        time_to_first_byte_s=_first_byte(common),
        duration_s=_seconds(common.duration if common.HasField("duration") else common.time_to_last_downstream_tx_byte),
        flags=",".join(ending.flags),
        details=_name(entry.response.response_code_details),
        cost_micro_usd=bill.cost_micro_usd,
        asked_cost_micro_usd=bill.asked_cost_micro_usd,
        failed_cost_micro_usd=bill.failed_cost_micro_usd,
        failed_prompt_tokens=bill.failed_prompt_tokens,
        policy_digest=ticket.policy_digest or case.policy.digest,
        **dict(zip(_AS_DECIDED, _decided(ticket), strict=True)),
    )


def _seconds(span: Duration) -> float:
    return span.seconds + span.nanos / 1e9


def _first_byte(common: pb.AccessLogCommon) -> float | None:
    return _seconds(common.time_to_first_downstream_tx_byte) if common.HasField("time_to_first_downstream_tx_byte") else None


def _name(text: str) -> str:
    """A name from outside, short and encodable: JSON may smuggle half of a surrogate pair in."""
    short = text[:_NAME_CHARS]
    return short if short.isascii() else short.encode("utf-8", "replace").decode()
