"""How a request ended, read from what Envoy saw of it: status, response flags, attempts."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.protocol import envoy_pb2 as pb
from extproc.usage.ticket import Ticket
from extproc.usage.token import Usage

# Envoy's names for its response flags, in their long form as in the API and in the short form of its text logs.
_SHORT = {
    "failed_local_healthcheck": "LH",
    "no_healthy_upstream": "UH",
    "upstream_request_timeout": "UT",
    "local_reset": "LR",
    "upstream_remote_reset": "UR",
    "upstream_connection_failure": "UF",
    "upstream_connection_termination": "UC",
    "upstream_overflow": "UO",
    "no_route_found": "NR",
    "downstream_connection_termination": "DC",
    "upstream_retry_limit_exceeded": "URX",
    "stream_idle_timeout": "SI",
    "downstream_protocol_error": "DPE",
    "upstream_max_stream_duration_reached": "UMSDR",
    "duration_timeout": "DT",
    "upstream_protocol_error": "UPE",
    "no_cluster_found": "NC",
    "overload_manager": "OM",
    "dns_resolution_failure": "DF",
    "downstream_remote_reset": "DR",
}
_CALLER_LEFT = frozenset(("DC", "DR"))
_ENDED_EARLY = frozenset(("UT", "LR", "UR", "UC", "SI", "DPE", "UMSDR", "DT", "UPE", "OM")) | _CALLER_LEFT
# With one of these an error status is Envoy's own, not a backend's. Retries used up (URX) is not among them: it comes with
# a last backend's own 503 as well.
_NO_ANSWER = frozenset(("UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "UMSDR", "DT", "UPE", "NC", "OM", "DF"))
_NO_STATUS = (0, 499)  # nothing was sent; 499 is what some call a caller who left
_CLUSTER_PREFIX = "backend."


@dataclass(frozen=True, slots=True)
class Ending:
    """What Envoy saw. `backend` answered (None: nobody did); `attempts` were tried, in order."""

    status: int
    flags: tuple[str, ...]
    attempts: tuple[str, ...]
    backend: str | None
    is_caller_gone: bool
    is_early: bool


def ending_of(entry: pb.HTTPAccessLogEntry, ticket: Ticket) -> Ending:
    """How the request of `entry` ended."""
    common = entry.common_properties
    status = entry.response.response_code.value
    flags = tuple(_SHORT[field.name] for field, _ in common.response_flags.ListFields()) if common.HasField("response_flags") else ()
    cluster = common.upstream_cluster
    named = cluster[len(_CLUSTER_PREFIX) :] if cluster.startswith(_CLUSTER_PREFIX) else None
    if ticket.kind == "refused":  # the cluster is that of the route it would have taken
        return Ending(status, flags, (), None, False, False)
    tries = common.upstream_request_attempt_count
    attempts = _attempts(ticket.chain, tries, named)
    seen = frozenset(flags)
    has_answer = 0 < status < 400 or (status >= 400 and status not in _NO_STATUS and seen.isdisjoint(_NO_ANSWER))
    backend = (named or attempts[-1]) if attempts and has_answer else None
    return Ending(status, flags, attempts, backend, not seen.isdisjoint(_CALLER_LEFT), not seen.isdisjoint(_ENDED_EARLY))


def _attempts(chain: tuple[str, ...], tries: int, named: str | None) -> tuple[str, ...]:
    """The cluster names who was tried last; the chain and the number of attempts name those before."""
    if not tries:
        return ()
    if not chain:
        return (named,) if named else ()
    tried = chain[:tries]
    return tried if named is None or tried[-1] == named else (*tried[:-1], named)


def outcome_of(ending: Ending, ticket: Ticket, usage: Usage) -> str:
    """The one word for it; `Record` says what each means."""
    if ticket.kind == "refused":
        return "refused"
    if ending.status in _NO_STATUS:
        return "aborted" if ending.is_caller_gone else "failed"
    is_unmanaged = ticket.kind == "unmanaged"
    if ending.status >= 400:
        return "refused" if is_unmanaged and not ending.attempts and ending.status < 500 else "failed"
    if is_unmanaged and ticket.api:
        return "unmanaged"
    if ending.is_early and ending.is_caller_gone and ticket.is_stream and usage.completion is not None:
        # A stream says its counts when it has said all else. Clients hang up on `[DONE]`, often before Envoy has seen the end.
        return "ok"
    return "cut_off" if ending.is_early else "ok"
