"""How long each attempt at a request lasted, and so which of them were given up while a backend was at work on the prompt.

The worker sees a request again before its second attempt and each later one, and leaves the moment in dynamic metadata:
`attempt_2` and so on, in milliseconds since the decision. An attempt ends where the next one begins, the last one with the
request. One that lasted as long as an attempt may had the prompt all that time, and providers charge for that; one that
ended earlier was refused, reset or answered with an error, which they do not.
"""

from __future__ import annotations

from extproc.config import Policy
from extproc.protocol import envoy_pb2 as pb
from extproc.usage.outcome import Ending
from extproc.usage.ticket import Ticket

TICKET_NAMESPACE = "tiermesh"

_SLACK_S = 0.05  # two processes look at the clock
_LONGEST_MS = 10_000_000_000


def attempt_key(number: int) -> str:
    """The key under which the beginning of an attempt is left."""
    return f"attempt_{number}"


def timed_out(entry: pb.HTTPAccessLogEntry, ticket: Ticket, ending: Ending, policy: Policy) -> tuple[str, ...]:
    """Backends that were given up after the time that an attempt may take, in order. One that the caller gave up is not here."""
    if not ticket.decided_at or not ending.attempts:
        return ()
    allowed_s = _allowed_s(ticket, policy)
    if allowed_s is None:
        return ()
    began = [0.0, *(_began_s(entry, number) for number in range(2, len(ending.attempts) + 1))]
    ended = [*began[1:], None if ending.backend is not None or ending.is_caller_gone else _ended_s(entry, ticket)]
    return tuple(
        backend
        for backend, start_s, end_s in zip(ending.attempts, began, ended, strict=True)
        if start_s is not None and end_s is not None and end_s - start_s >= allowed_s - _SLACK_S
    )


def _allowed_s(ticket: Ticket, policy: Policy) -> float | None:
    """How long an attempt may take to its first byte: the longest of the chain, as the router was told."""
    chain = [policy.backends[name] for name in ticket.chain if name in policy.backends]
    return max((backend.first_byte_timeout_s if ticket.is_stream else backend.answer_timeout_s for backend in chain), default=None)


def _began_s(entry: pb.HTTPAccessLogEntry, number: int) -> float | None:
    spaces = entry.common_properties.metadata.filter_metadata
    if TICKET_NAMESPACE not in spaces:
        return None
    fields = spaces[TICKET_NAMESPACE].fields
    key = attempt_key(number)
    milliseconds = fields[key].number_value if key in fields else 0.0
    return milliseconds / 1000 if 0 < milliseconds < _LONGEST_MS else None


def _ended_s(entry: pb.HTTPAccessLogEntry, ticket: Ticket) -> float | None:
    common = entry.common_properties
    if not common.HasField("duration"):
        return None
    started_at = common.start_time.seconds + common.start_time.nanos / 1e9
    return started_at + common.duration.seconds + common.duration.nanos / 1e9 - ticket.decided_at
