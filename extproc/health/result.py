"""What one record says of the backends that were tried, an attempt at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from extproc.usage import Record

Kind = Literal["ok", "error", "cut_off"]

# Statuses of a backend's own that say that it, or the operator's account there, cannot serve anybody. Envoy tries the next
# backend after these, too. Any other of 4xx is about one request.
_OUT_OF_ORDER = frozenset((401, 402, 403, 408, 429))
_CALLER_LEFT = frozenset(("DC", "DR"))
_GATEWAYS_OWN = "ext_proc"  # how Envoy's details begin where a worker, not a backend, is at fault


@dataclass(frozen=True, slots=True)
class Result:
    """How one attempt at `backend` ended. `began_s` is when its request was decided, in seconds since the epoch.

    `cut_off`: an answer began and did not end. `first_byte_ms` is known for a streamed answer of the first backend tried; for
    others the record has no beginning.
    """

    backend: str
    kind: Kind
    began_s: float
    first_byte_ms: float | None = None


def results_of(record: Record) -> tuple[Result, ...]:
    """One for each attempt whose end says something: not where the caller left, and not where the request itself was at fault."""
    if not record.attempts:
        return ()
    began_s = record.decided_at or record.started_at
    # Envoy tries the next backend only after one has failed.
    failed = tuple(Result(backend, "error", began_s) for backend in record.attempts[:-1])
    kind = _last(record)
    if kind is None:
        return failed
    return (*failed, Result(record.last_backend, kind, began_s, _first_byte_ms(record) if kind == "ok" else None))


def _last(record: Record) -> Kind | None:
    has_caller_left = not _CALLER_LEFT.isdisjoint(record.flags.split(","))
    match record.outcome:
        case "ok" | "unmanaged":
            return "ok"
        case "cut_off":
            return None if has_caller_left else "cut_off"
        case "failed":
            return None if has_caller_left else _failed(record)
    return None


def _failed(record: Record) -> Kind | None:
    if record.backend is None:
        return None if record.details.startswith(_GATEWAYS_OWN) else "error"
    return "error" if record.status >= 500 or record.status in _OUT_OF_ORDER else "ok"


def _first_byte_ms(record: Record) -> float | None:
    if not record.is_stream or len(record.attempts) > 1 or record.time_to_first_byte_s is None:
        return None
    return record.time_to_first_byte_s * 1000
