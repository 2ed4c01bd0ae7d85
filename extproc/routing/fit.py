"""May this backend answer this request at all? Each filter is one question and has one word, which the record shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from extproc.config import Api, Backend, Capability

ACCESS = "access:"
RULE = "rule:"
STAYS = "stays:"


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks of whoever answers it. Token counts are estimates made before the answer.

    `forbidden` are the backends that its caller may not reach, each with the access rule that says so. `stays` says why it must not
    leave the premises, in a word for the record; empty where it may.
    """

    api: Api
    needs: frozenset[Capability]
    prompt_tokens: int
    max_output_tokens: int | None
    forbidden: Mapping[str, str] = field(default_factory=dict)
    stays: str = ""
    ruled_out: Mapping[str, str] = field(default_factory=dict)  # backends it never goes to, each with the routing rule that says so


def misfit(backend: Backend, demand: Demand) -> str:
    """The first reason why `backend` cannot take this request, or "" when it can."""
    if demand.api not in backend.apis:
        return f"api:{demand.api.value}"
    missing = demand.needs - backend.capabilities
    if missing:
        return "needs:" + ",".join(sorted(capability.value for capability in missing))
    # A caller who names no limit leaves the answer whatever room is left, so only the prompt has to fit then.
    if demand.prompt_tokens + (demand.max_output_tokens or 0) > backend.context_tokens:
        return "context"
    # Last, so that what somebody decided is the reason only where there is no other.
    rule = demand.forbidden.get(backend.name)
    if rule:
        return f"{ACCESS}{rule}"
    if demand.stays and not backend.is_on_prem:
        return f"{STAYS}{demand.stays}"
    return f"{RULE}{demand.ruled_out[backend.name]}" if backend.name in demand.ruled_out else ""


def fitting(backends: Iterable[Backend], demand: Demand) -> tuple[tuple[Backend, ...], tuple[str, ...]]:
    """The backends that can take the request, order kept, and why the others cannot (`name!reason`)."""
    kept: list[Backend] = []
    dropped: list[str] = []
    for backend in backends:
        reason = misfit(backend, demand)
        if reason:
            dropped.append(f"{backend.name}!{reason}")
        else:
            kept.append(backend)
    return tuple(kept), tuple(dropped)


def here(backends: tuple[Backend, ...], away: Mapping[str, str]) -> tuple[tuple[Backend, ...], tuple[str, ...]]:
    """Those that are not `away`, order kept, and why the others are passed over (`name!saturated`)."""
    if not away:
        return backends, ()
    kept = tuple(backend for backend in backends if backend.name not in away)
    return kept, tuple(f"{backend.name}!{away[backend.name]}" for backend in backends if backend.name in away)
