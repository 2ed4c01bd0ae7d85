"""What happens to limits that people should hear of: a threshold reached, a limit raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from extproc.config.limits import Measure
from extproc.limits.tab import MEASURES
from extproc.limits.window import rfc3339

_FIELD = b"e"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Amounts are in the limit's own unit: micro-USD, requests or tokens; times are RFC 3339, or empty."""

    kind: str  # "threshold" or "raise"
    limit: str
    scope: str
    measure: str
    percent: int
    used: int
    cap: int
    at: str
    window_ends: str = ""
    is_enforced: bool = True
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Every field by its own name."""
        return asdict(self)


def members_of(event: Event, at_s: float = 0.0) -> dict[str, Any]:
    """The event as the scripts write it."""
    return {
        "kind": event.kind,
        "count": f"{event.limit}|{event.scope}",
        "measure": MEASURES.index(Measure(event.measure)) + 1,
        "percent": event.percent,
        "used": str(event.used),
        "cap": str(event.cap),
        "at_ms": str(int(at_s * 1000)),
        "enforced": event.is_enforced,
        "reason": event.reason,
    }


def read(fields: Mapping[bytes, bytes]) -> Event | None:
    """The event in a stream entry's fields, or None when there is none that can be read."""
    try:
        members = json.loads(fields[_FIELD])
        limit, _, scope = members["count"].partition("|")
        return Event(
            kind=str(members["kind"]),
            limit=limit,
            scope=scope,
            measure=MEASURES[members["measure"] - 1].value,
            percent=int(members["percent"]),
            used=int(members["used"]),
            cap=int(members["cap"]),
            at=rfc3339(int(members["at_ms"]) / 1000),
            window_ends=rfc3339(int(members["ends_at"])) if members.get("ends_at") else "",
            is_enforced=bool(members["enforced"]),
            reason=str(members.get("reason", "")),
        )
    except (ValueError, OverflowError, OSError, KeyError, TypeError, IndexError, AttributeError):
        return None
