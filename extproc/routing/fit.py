"""May this backend answer this request at all? Each filter is one question and has one word, which the record shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from extproc.config import Api, Backend, Capability

ACCESS = "access:"


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks of whoever answers it. Token counts are estimates made before the answer.

    `forbidden` are the backends that its caller may not reach, each with the access rule that says so.
    """

    api: Api
    needs: frozenset[Capability]
    prompt_tokens: int
    max_output_tokens: int | None
    forbidden: Mapping[str, str] = field(default_factory=dict)


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
    # Last, so that access is the reason only where there is no other.
    rule = demand.forbidden.get(backend.name)
    return f"{ACCESS}{rule}" if rule else ""


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
