"""Where every count stands: read from the store for people, never on the way of a request."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.config import Limit
from extproc.limits.script import key_of
from extproc.limits.tab import Count, count_of, unit_us
from extproc.scope import matches, parse
from extproc.store import Store

_STATE = struct.Struct(">3d")
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Raise:
    """What a limit of one scope has on top, until when (epoch s) and why. In the limit's own unit."""

    by: int
    until: float
    reason: str
    at: float
    who: str


@dataclass(frozen=True, slots=True)
class Account:
    """One count now. Amounts are in the limit's unit: micro-USD, requests or tokens.

    `spent` has been used; `reserved` is held for requests that have not ended. A rate's `spent` is what has not drained yet.
    """

    limit: Limit
    scope: str
    spent: int
    reserved: int
    cap: int
    ends_at: int  # epoch s; 0: no window
    raised: Raise | None = None

    @property
    def used(self) -> int:
        """Spent and reserved."""
        return self.spent + self.reserved

    @property
    def share(self) -> float:
        """Of the cap: 0 nothing, 1 all of it."""
        return self.used / self.cap if self.cap else 1.0


async def read_accounts(store: Store, organisation: str, limits: Sequence[Limit], wall_s: float) -> list[Account]:
    """Every count of an organisation that has been used in its present window. Raises StoreError."""
    states = await store.command("HGETALL", key_of(organisation, "counts"))
    raises = await store.command("HGETALL", key_of(organisation, "raises"))
    return list(accounts(limits, states, raises_of(raises), wall_s))


def raises_of(fields: Mapping[bytes, bytes]) -> dict[str, Raise]:
    """The raises by name of their count, past ones included; what cannot be read is left out."""
    return {name.decode(): held for name, text in fields.items() if (held := _raise(text)) is not None}


def accounts(limits: Iterable[Limit], states: Mapping[bytes, bytes], raises: Mapping[str, Raise], wall_s: float) -> Iterator[Account]:
    """The counts in `states` that these limits have now, by limit and scope."""
    by_name = {limit.name: limit for limit in limits}
    for field in sorted(states):
        name, scope, _ = field.decode().split("|")
        limit = by_name.get(name)
        if limit is None or not matches(limit.pattern, parse(scope)):
            continue
        count = count_of(limit, parse(scope), wall_s)
        if count.field == field.decode():
            yield _account(count, scope, _STATE.unpack(states[field]), raises.get(f"{name}|{scope}"), wall_s)


def _account(count: Count, scope: str, state: tuple[float, float, float], raised: Raise | None, wall_s: float) -> Account:
    limit = count.limit
    held = raised if raised is not None and raised.until > wall_s else None
    cap = limit.amount + (held.by if held else 0)
    if limit.per is None:
        return Account(limit, scope, 0, int(state[0]), cap, 0, held)
    unit = unit_us(limit)
    if unit is not None:
        drained = max(state[0] - wall_s * _US, 0) / (unit * limit.amount / cap)
        return Account(limit, scope, round(drained), 0, cap + limit.burst - limit.amount, 0, held)
    return Account(limit, scope, int(state[0]), int(state[1]), cap, count.end, held)


def _raise(text: bytes) -> Raise | None:
    try:
        members: dict[str, Any] = json.loads(text)
        return Raise(int(members["by"]), float(members["until"]), str(members["reason"]), float(members["at"]), str(members["who"]))
    except (ValueError, KeyError, TypeError):
        return None
