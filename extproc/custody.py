"""May it leave, and who can prove it? Reading, ruling, the conversation's past, and the record before the release.

The steps of residency as the pipeline takes them. Whatever fails here makes things stricter: what could not be read is
sensitive, a past that is not known may have been, and without a record nothing goes to the cloud.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from extproc.audit.entry import Entry, Event
from extproc.audit.outcome import Outcome, Written
from extproc.config import Backend, Policy
from extproc.config.compiled_residency import Sessions as SessionSettings
from extproc.config.kinds import SESSION, UNREAD_PREFIX
from extproc.config.residency import Action
from extproc.dialects import Refusal, Request
from extproc.exchange import Head
from extproc.mesh import names
from extproc.residency import Inspection, Occasion, Ruling, found_in, rule, waived
from extproc.scope import text_of
from extproc.session import Memory, Session, Unknown, session_of
from extproc.shaping import Asked, Draft, Force
from extproc.usage import Ticket

STAYS = "residency"  # why a request must not leave, in a word for the record
_UNKNOWN_PAST = UNREAD_PREFIX + SESSION
_OTHER_PATH = UNREAD_PREFIX + "other_path"


# Headers that do not travel on, or that say nothing but how to read the message.
_UNREAD_HEADERS = frozenset(
    (*names.CALLERS_HEADERS, *names.PLACE_HEADERS, "host", "content-length", "accept-encoding", "x-request-id", "x-forwarded-proto")
)
_UNREAD_PREFIXES = (":", names.OUR_PREFIX, "x-envoy-")
# What every SDK and browser sends along. It is read as well where it has what no such header has.
_PROTOCOL_PREFIXES = ("accept", "anthropic-", "cache-control", "connection", "content-", "openai-", "sec-", "traceparent", "x-stainless-")
_TELLING = re.compile(r"[^ -~]|@|\b[A-Z]{2}\d|\d[\d -]{10}\b|.{200}")


class Inspector(Protocol):
    """What the pipeline needs of the scanner. It never raises."""

    def scan(self, request: Request, waived: frozenset[int] | None = None) -> Inspection:
        """What of it is sensitive, but for what these of the configured allowed texts let pass (None: all of them)."""


class Memories(Protocol):
    """What the pipeline needs of what is remembered."""

    def recall(self, session: Session, settings: SessionSettings) -> Awaitable[Memory | Unknown | None]:
        """What the conversation has been through."""

    def remember(self, session: Session, memory: Memory, settings: SessionSettings) -> Awaitable[bool]:
        """Keeps it."""

    def remember_later(self, session: Session, memory: Memory, settings: SessionSettings) -> None:
        """Keeps it, behind the request's back."""


class Auditor(Protocol):
    """What the pipeline needs of the audit log."""

    def digest(self, body: bytes) -> str:
        """The keyed digest of a body."""

    def append(self, entry: Entry) -> Awaitable[Outcome]:
        """Written when it is."""


@dataclass(frozen=True, slots=True)
class Custody:
    """The way to the outside. Without an inspector nothing is read, without memories no past is known, without an auditor none is told."""

    inspector: Inspector | None = None
    memories: Memories | None = None
    auditor: Auditor | None = None
    classifier: str = ""  # digest of the model that scores


def occasion_of(head: Head, task: str = "") -> Occasion:
    """Who sends it, and what for."""
    return Occasion(head.who.scope, task, head.headers, head.claims)


def ruling_of(policy: Policy, inspector: Inspector | None, request: Request, occasion: Occasion) -> Ruling:
    """What follows from what the request carries."""
    if inspector is None or not policy.residency.reads:
        return rule(policy.residency, (), occasion)
    allowed = waived(policy.residency, occasion.scope, occasion.headers.get(":path", ""))
    return rule(policy.residency, found_in(inspector.scan(_with_envelope(policy, request, occasion.headers), allowed)), occasion)


def _with_envelope(policy: Policy, request: Request, headers: Mapping[str, str]) -> Request:
    """The request with what travels on beside its body, the query and the headers, for reading alone."""
    jwt = policy.identity.jwt
    beside = {
        name: value
        for name, value in headers.items()
        if name not in _UNREAD_HEADERS
        and not name.startswith(_UNREAD_PREFIXES)
        and not (name.startswith(_PROTOCOL_PREFIXES) and not _TELLING.search(value))
        and name not in policy.identity.spoken
        and (jwt is None or name != jwt.header)
    }
    query = headers.get(":path", "").partition("?")[2]
    if query:
        beside["query"] = query
    if not beside:
        return request
    key = ""
    while key in request.members:
        key += " "
    return replace(request, members={**request.members, key: beside})


def stays(policy: Policy, ruling: Ruling) -> str:
    """The word that keeps it on-premises; "" where nothing does."""
    return STAYS if ruling.stays and policy.residency.is_enforced else ""


def stayed(policy: Policy, ticket: Ticket) -> bool:
    """Whether the request of this ticket has been decided to stay: no reload in the middle may change that."""
    return policy.residency.is_enforced and ticket.residency in (Action.ON_PREM.value, Action.BLOCK.value)


def blocked(policy: Policy, ruling: Ruling) -> Refusal | None:
    """The refusal of what may go nowhere."""
    if ruling.action is not Action.BLOCK or not policy.residency.is_enforced:
        return None
    named = ", ".join(ruling.held)
    by = f" by {' and '.join(f'`{name}`' for name in ruling.rules)}" if ruling.rules else ""
    return Refusal(403, "sensitive_content", f"The request is blocked{by}: it carries {named}.")


def session(policy: Policy, request: Request, head: Head) -> Session:
    """The conversation it belongs to."""
    return session_of(request, head.headers, policy.sessions.headers, head.who.scope)


def needs_past(custody: Custody, asked: Asked) -> bool:
    """Whether the conversation's past has to be asked for."""
    return custody.memories is not None and asked.session is not None and asked.session.may_have_past


async def with_past(policy: Policy, custody: Custody, asked: Asked) -> Asked:
    """What is asked, with what its conversation has been through: what it once carried counts as found."""
    if custody.memories is None or asked.session is None:
        return asked
    memory = await custody.memories.recall(asked.session, policy.sessions)
    if isinstance(memory, Unknown):
        return _carrying(policy, asked, _UNKNOWN_PAST, 1) if policy.sessions.stays_when_unknown else asked
    if memory is None:
        return asked
    asked = replace(asked, memory=memory)
    return _carrying(policy, asked, SESSION, len(memory.held)) if memory.held else asked


def _carrying(policy: Policy, asked: Asked, kind: str, count: int) -> Asked:
    if not policy.residency.reads:
        return asked
    found = asked.found
    task = found.verdict.task if found.verdict else ""
    ruling = rule(policy.residency, tuple(sorted((*found.ruling.unlabelled, (kind, count)))), occasion_of(asked.head, task))
    demand = replace(found.demand, stays=stays(policy, ruling))
    return replace(asked, found=replace(found, ruling=ruling, demand=demand))


def held_now(asked: Asked) -> tuple[str, ...]:
    """The kinds that keep the conversation on-premises from now on, those of its past included; empty where nothing does."""
    past = asked.memory.held if asked.memory else ()
    ruling = asked.found.ruling
    if ruling.action is Action.ALLOW:
        return past
    return tuple(sorted({*past, *(kind for kind in ruling.held if kind not in (SESSION, _UNKNOWN_PAST))}))


def memory_of(asked: Asked, wall_s: float) -> Memory:
    """What is to be remembered of its conversation: what keeps it here, and who answers it, where that is decided."""
    memory = replace(asked.memory or Memory(), held=held_now(asked), at=wall_s)
    if not isinstance(asked, Draft):
        return memory
    if asked.view.is_housekeeping:  # it may bear the conversation's name, but is answered beside it
        return replace(memory, at=asked.memory.at if asked.memory else 0.0)
    first, demand = asked.decision.chain[0], asked.found.demand
    return replace(memory, tier=asked.decision.tier, backend=first.name, prompt_tokens=demand.prompt_tokens)


def other_path(policy: Policy, head: Head) -> Refusal | None:
    """The refusal of a path that is no LLM API and leads to the cloud: nobody can tell what it carries."""
    residency = policy.residency
    if not residency.reads or not residency.is_enforced:
        return None
    ruling = rule(residency, ((_OTHER_PATH, 1),), occasion_of(head))
    if ruling.action is Action.ALLOW:
        return None
    return Refusal(403, "must_stay", "What this path carries cannot be read, so it must stay on-premises; no backend there has it.")


def is_recorded(policy: Policy, custody: Custody, draft: Draft) -> bool:
    """Whether a record has to be written before it is released: its first backend is not ours."""
    return policy.audited.is_on and custody.auditor is not None and not draft.decision.chain[0].is_on_prem


async def is_written(custody: Custody, entry: Entry) -> bool:
    """Whether what happened is on record now. Never raises."""
    return custody.auditor is not None and isinstance(await custody.auditor.append(entry), Written)


def leaving(policy: Policy, custody: Custody, draft: Draft) -> Entry:
    """The record of a request that goes to the cloud."""
    backend, found = draft.decision.chain[0], draft.found
    known, unread = _parts(found.ruling.words)
    return Entry(
        event="spilled" if draft.spilled else "released",
        request_id=draft.head.headers.get("x-request-id", ""),
        scope=text_of(draft.who.scope),
        trace_id=_trace_id(draft.head.traceparent),
        kinds=known,
        unread=unread,
        # A rule that would have kept it, in shadow mode, is none that it left by.
        rules=found.ruling.rules if draft.spilled or found.ruling.action is Action.ALLOW else (),
        traded=draft.spilled,
        policy=policy.digest,
        classifier=custody.classifier,
        revision=backend.revision,
        backend=backend.name,
        model=backend.model,
        location="cloud",
        api=draft.request.api.value,
        body=custody.auditor.digest(draft.request.body) if custody.auditor else "",
    )


def falling_back(policy: Policy, custody: Custody, ticket: Ticket, backend: Backend, body: bytes) -> Entry:
    """The record of a request that goes to the cloud after another backend has failed."""
    known, unread = _parts(ticket.kinds)
    return Entry(
        event="fell_back",
        request_id=ticket.request_id,
        scope=ticket.scope,
        trace_id=_trace_id(ticket.traceparent),
        kinds=known,
        unread=unread,
        rules=ticket.residency_rules if ticket.residency == Action.ALLOW else (),
        policy=policy.digest,
        classifier=custody.classifier,
        revision=backend.revision,
        backend=backend.name,
        model=backend.model,
        location="cloud",
        api=ticket.api,
        body=custody.auditor.digest(body) if custody.auditor else "",
    )


def turned_away(policy: Policy, custody: Custody, asked: Asked, event: Event) -> Entry:
    """The record of a request that goes nowhere."""
    known, unread = _parts(asked.found.ruling.words)
    return Entry(
        event=event,
        request_id=asked.head.headers.get("x-request-id", ""),
        scope=text_of(asked.who.scope),
        trace_id=_trace_id(asked.head.traceparent),
        kinds=known,
        unread=unread,
        rules=asked.found.ruling.rules,
        policy=policy.digest,
        classifier=custody.classifier,
        api=asked.request.api.value,
        body=custody.auditor.digest(asked.request.body) if custody.auditor else "",
    )


def _parts(words: tuple[str, ...]) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """`email:2` and `unread:image:1` as counts of kinds, and as the parts that could not be read."""
    counted = [(kind, int(count)) for kind, _, count in (word.rpartition(":") for word in words)]
    known = tuple((kind, count) for kind, count in counted if not kind.startswith(UNREAD_PREFIX))
    return known, tuple(kind.removeprefix(UNREAD_PREFIX) for kind, _ in counted if kind.startswith(UNREAD_PREFIX))


def _trace_id(traceparent: str) -> str:
    """The trace's id in a traceparent (W3C Trace Context, 3.2)."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 else ""


def forced_by(policy: Policy, rules: tuple[str, ...], action: str) -> Force:
    """What these rules write into the body of a request that they keep."""
    if action != Action.ON_PREM.value:
        return ()
    return next((ruled.force for ruled in policy.residency.rules if ruled.name in rules and ruled.force), ())
