"""May this backend answer this request at all? Each filter is one question and has one word, which the record shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from extproc.config import Api, Backend, Capability


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks of whoever answers it. Token counts are estimates made before the answer."""

    api: Api
    needs: frozenset[Capability]
    prompt_tokens: int
    max_output_tokens: int | None


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
    return ""


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
