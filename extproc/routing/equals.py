"""Which of a tier's own backends is tried first: by price, by speed of late, or by weight."""

from __future__ import annotations

from collections.abc import Sequence

from extproc.config import Backend, Tier
from extproc.routing.fit import Demand
from extproc.routing.stay import moving_micro_usd
from extproc.routing.view import View
from extproc.routing.want import in_front


def preferred(tier: Tier, kept: tuple[Backend, ...], demand: Demand, view: View) -> tuple[tuple[Backend, ...], str]:
    """`kept` with the one that `tier` prefers in front, and the word for why; those of other tiers are not moved."""
    own = [backend for backend in kept if backend.tier == tier.name]
    if tier.prefer == "order" or len(own) < 2:
        return kept, ""
    if tier.prefer == "price":
        first = min(own, key=lambda backend: moving_micro_usd(demand, view, backend))
    elif tier.prefer == "latency":
        # One that nobody has asked of late is tried: otherwise it would never be known.
        first = min(own, key=lambda backend: view.first_byte_ms.get(backend.name, 0.0))
    else:
        first = _drawn(own, share_of(view.session))
    return in_front(kept, first.name, tier.name), f"prefer:{tier.prefer}"


def share_of(session: str) -> float:
    """A number from 0 to 1, below 1, that is always the same for a session; 0 for none."""
    return int(session[:13], 16) / 16**13 if session else 0.0


def _drawn(own: Sequence[Backend], share: float) -> Backend:
    at = share * sum(backend.weight for backend in own)
    for backend in own:
        at -= backend.weight
        if at < 0:
            return backend
    return own[-1]
