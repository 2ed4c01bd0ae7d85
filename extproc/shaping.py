"""A decided request as its backend wants it, with the ticket that settles it later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

from extproc import dialects
from extproc.classify import Verdict
from extproc.config import Api, Backend, chain_name
from extproc.dialects import Request
from extproc.exchange import Head, Release
from extproc.identity import Caller
from extproc.mesh import names
from extproc.residency import CLEAN, Ruling
from extproc.routing import PLAIN, Decision, View, per_try_timeout_ms
from extproc.routing.fit import Demand
from extproc.session import Memory, Session
from extproc.usage import Ticket

Force = tuple[tuple[str, str], ...]  # parameters and their JSON text

_STRIP_USAGE = "strip-usage"  # the only thing an answer is edited for so far

# APIs whose streams count their tokens only when asked to; the others always do.
_COUNTS_ON_REQUEST = frozenset((Api.CHAT, Api.COMPLETIONS))


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about a request: how hard it is (None: not scored), what it needs, whether it may leave."""

    verdict: Verdict | None
    demand: Demand
    ruling: Ruling = CLEAN


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been read. `started` is the clock's, when its body arrived; `memory` is what its session has been through.

    `view` is what the choice knows besides.
    """

    head: Head
    who: Caller
    request: Request
    found: Findings
    body_bytes: int
    started: float
    session: Session | None = None
    memory: Memory | None = None
    view: View = PLAIN


@dataclass(frozen=True, slots=True)
class Draft(Asked):
    """A request that has been decided about. `spilled`: why it may leave although it should stay, one word a backend."""

    decision: Decision = field(kw_only=True)
    spilled: tuple[str, ...] = ()


def drafted(asked: Asked, decision: Decision, spilled: tuple[str, ...] = ()) -> Draft:
    """What is asked, with what was decided."""
    return Draft(**{member: getattr(asked, member) for member in _ASKED}, decision=decision, spilled=spilled)


_ASKED = tuple(member.name for member in fields(Asked))


def strips_usage(request: Request) -> bool:
    """Whether usage must be asked for on the caller's behalf, and taken out of the answer again."""
    return request.is_stream and not request.asks_usage and request.api in _COUNTS_ON_REQUEST


def restored(request: Request, backend: Backend, force: Force) -> dict[str, str | None]:
    """The caller's own values of what `backend`, or what is forced besides, wants otherwise."""
    return {name: _original(request, name) for name in _backend_members(request, backend, force)}


def shape(draft: Draft, ticket: Ticket, extra: Mapping[str, str]) -> Release:
    """The request for the first backend of its chain. `extra` is metadata besides the ticket's."""
    request, decision = draft.request, draft.decision
    members = _backend_members(request, decision.chain[0], draft.found.ruling.force)
    if ticket.strips_usage:
        members["stream_options"] = dialects.usage_asked(request)
    edited = dialects.edit(request, members) if members or request.was_encoded else None
    headers = _headers(decision, ticket, edited)
    return Release(headers, edited, {**_metadata(ticket, decision), **extra}, ("content-encoding",) if request.was_encoded else ())


def reshape(request: Request, ticket: Ticket, backend: Backend, force: Force, extra: Mapping[str, float]) -> Release:
    """A released request for a further backend: the caller's own values back, then this backend's. `extra` is metadata."""
    members: dict[str, str | None] = {**ticket.restore, **_backend_members(request, backend, force)}
    edited = dialects.edit(request, members)
    # The path is set even where it has no prefix: an earlier attempt may have left its own.
    headers = (("content-length", str(len(edited))), (":path", backend.base_path + ticket.path))
    return Release(headers, edited, {"model": backend.model, **extra})


def _headers(decision: Decision, ticket: Ticket, edited: bytes | None) -> tuple[tuple[str, str], ...]:
    """What Envoy needs to know: which chain, how long an attempt may take, whether the answer comes by here."""
    headers = [(names.CHAIN_HEADER, chain_name(decision.chain)), *_path_of(decision.chain[0], ticket.path)]
    headers.append((names.PER_TRY_TIMEOUT_HEADER, str(per_try_timeout_ms(decision.chain, is_stream=ticket.is_stream))))
    if ticket.is_stream:
        headers.append((names.STREAM_HEADER, "yes"))
    if ticket.strips_usage:
        headers.append((names.ANSWER_HEADER, _STRIP_USAGE))
    if edited is not None:
        headers.append(("content-length", str(len(edited))))
    return tuple(headers)


def _metadata(ticket: Ticket, decision: Decision) -> dict[str, str | float]:
    """The ticket, and beside it in plain fields what operators want in their own access logs."""
    first = decision.chain[0]
    metadata: dict[str, str | float] = {
        "ticket": ticket.encode(),
        "api": ticket.api,
        "tier": ticket.tier,
        "backend": first.name,
        "model": first.model,
        "reason": " ".join(ticket.reasons),
    }
    if ticket.score is not None:
        metadata["score"] = ticket.score
    return metadata


def _backend_members(request: Request, backend: Backend, force: Force) -> dict[str, str | None]:
    """The members of the body that this backend, or a rule, wants otherwise, as JSON text. What is forced is for generating APIs only."""
    members: dict[str, str | None] = {}
    if request.model != backend.model:
        members["model"] = _json_text(backend.model)
    if request.api is not Api.EMBEDDINGS:
        members.update(backend.force)
        members.update(force)
    return members


@lru_cache(maxsize=256)  # there are only so many backends
def _json_text(model: str) -> str:
    return json.dumps(model)


def _original(request: Request, name: str) -> str | None:
    span = request.spans.get(name)
    return request.source[span[0] : span[1]] if span else None


def _path_of(backend: Backend, path: str) -> tuple[tuple[str, str], ...]:
    return ((":path", backend.base_path + path),) if backend.base_path else ()
