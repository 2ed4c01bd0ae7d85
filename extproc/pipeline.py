"""The story of a request, top to bottom.

    headers arrive     greet      who is this, is it ours to decide about?
    the body arrives   decide     read ► score ► may it leave? ► choose ► admit ► record ► shape
    a backend failed   fall_back  the same request, shaped for the next backend of its chain

Each step takes plain values and returns an answer for Envoy as a plain value; nothing is remembered between steps but
what travels with the request in its ticket. This module knows no gRPC and no protobuf; `server` translates.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from extproc import admission, custody, dialects, limits, refusing, viewing
from extproc.admission import UNCOUNTED, Admitted, Door, Visit
from extproc.audit.entry import Entry
from extproc.classify import Classifier, Verdict
from extproc.clock import Clock
from extproc.config import Api, Backend, Config, Policy
from extproc.custody import Custody
from extproc.dialects import Refusal, Request
from extproc.errors import ProtocolError
from extproc.exchange import Head, Pass, Release, Reply
from extproc.identity import Rights, denied_model, rights_of, unbelieved
from extproc.mesh import names
from extproc.routing import choose, denied, spill
from extproc.routing.fit import Demand
from extproc.scope import text_of
from extproc.shaping import Asked, Draft, Findings, drafted, reshape, restored, shape, strips_usage
from extproc.usage import Ticket, attempt_key
from extproc.viewing import Health, Shares

__all__ = ["Findings", "Head", "Pass", "Pipeline", "Release", "Reply", "Scorer", "scorer_of"]

_SATURATED = "Every backend that may have this request is busy."
_UNRECORDED = Refusal(503, "audit_unavailable", "What leaves has to be recorded first, and the record cannot be written now.")


class Scorer(Protocol):
    """What the pipeline needs of a classifier."""

    def classify(self, request: Request) -> Verdict:
        """How hard the request is."""


def scorer_of(config: Config) -> Classifier:
    """The classifier that `config` asks for. Raises ModelError."""
    asked = config.classifier
    return Classifier.load(Path(asked.path) if asked.path else None, asked.sha256 or None)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps with what they read: one configuration, one model, one clock. Replaced whole on reload.

    Without a `door` nothing is counted and everything may pass; without `health` every backend is taken to fare well.
    """

    policy: Policy
    scorer: Scorer
    clock: Clock
    door: Door | None = None
    outside: Custody = field(default_factory=Custody)
    health: Health | None = None
    shares: Shares | None = None

    def greet(self, head: Head) -> Pass | Reply:
        """The answer to the headers: mostly `Pass`, since nothing can be decided before the body is here."""
        if head.who.refusal is not None:
            return self._refuse(head, dialects.api_of(head.method, head.path), head.who.refusal, 0)
        if (asked := dialects.model_asked(head.method, head.path)) is not None:
            return refusing.listing(self.policy, asked, head)
        api = dialects.api_of(head.method, head.path)
        if api is not None:
            if not head.has_body:
                return self._refuse(head, api, Refusal(400, "empty_body", "The request has no body."), 0)
            if _content_length(head) > self.policy.max_body_bytes:
                return self._refuse(head, api, refusing.too_large(self.policy), 0)
        elif refusal := self._closed(head):
            return self._refuse(head, None, refusal, 0)
        asking = self.policy.routing.ask_header
        ours = [header for header in head.headers if header.startswith(names.OUR_PREFIX) or header == asking]
        return Pass((*ours, *unbelieved(self.policy.identity, head.headers, head.peer)), is_last=api is None)

    def decide(self, head: Head, body: bytes) -> Pass | Release | Reply | Awaitable[Release | Reply]:
        """The answer to the whole request: where it goes and in what shape, or why it goes nowhere.

        It is there at once unless something has to be asked or written: the conversation's past, the limits, the audit log.
        """
        started = self.clock.monotonic()
        api = dialects.api_of(head.method, head.path)
        if api is None:
            return Pass()
        request = dialects.parse(
            api, body, content_encoding=head.headers.get("content-encoding", ""), max_body_bytes=self.policy.max_body_bytes
        )
        if isinstance(request, Refusal):
            return self._refuse(head, api, request, len(body))
        rights = rights_of(self.policy.access, head.who.scope)
        if rule := denied_model(rights, request.model):
            return self._refuse(head, api, denied([rule]), len(body), request.model)
        asked = self._read(head, request, rights, len(body), started)
        if refusal := custody.blocked(self.policy, asked.found.ruling):
            return self._block(asked, refusal)
        return self._recall(asked) if custody.needs_past(self.outside, asked) else self._go_on(asked)

    def fall_back(self, ticket: Ticket, attempt: int, backend: Backend, body: bytes) -> Release | Awaitable[Release | Reply]:
        """The request for the next backend of its chain, which is `attempt` 2 or later: the caller's own values back, then this backend's.

        Raises ProtocolError when the body is not the one that was released: what cannot be reshaped must not be sent; and when the
        request must stay and the backend has become the cloud's since. Where the backend is not ours that is recorded first;
        without a record the attempt ends here.
        """
        if not backend.is_on_prem and custody.stayed(self.policy, ticket):
            raise ProtocolError("the backend was on-premises when the request was released to it")
        request = dialects.parse(Api(ticket.api), body, max_body_bytes=2 * self.policy.max_body_bytes)
        if isinstance(request, Refusal):
            raise ProtocolError("a request that was released cannot be read again")
        began_ms = max(0.0, round((self.clock.wall() - ticket.decided_at) * 1000, 1))
        force = custody.forced_by(self.policy, ticket.residency_rules, ticket.residency)
        released = reshape(request, ticket, backend, force, {attempt_key(attempt): began_ms})
        if backend.is_on_prem or not self.policy.audited.is_on or self.outside.auditor is None:
            return released
        return self._fall_out(released, custody.falling_back(self.policy, self.outside, ticket, backend, body))

    def _read(self, head: Head, request: Request, rights: Rights, body_bytes: int, started: float) -> Asked:
        """The request with all that can be found out about it here."""
        verdict = self._score(request, started)
        occasion = custody.occasion_of(head, verdict.task if verdict else "")
        ruling = custody.ruling_of(self.policy, self.outside.inspector, request, occasion)
        tokens, stays = dialects.estimate_tokens(request), custody.stays(self.policy, ruling)
        demand = Demand(request.api, request.needs, tokens, request.max_output_tokens, rights.forbidden, stays)
        session = custody.session(self.policy, request, head)
        asked = Asked(head, head.who, request, Findings(verdict, demand, ruling), body_bytes, started, session)
        return replace(asked, view=viewing.view_of(self.policy, asked, self.clock.wall()))

    def _score(self, request: Request, started: float) -> Verdict | None:
        """The verdict, or None when the request is not for scoring or reading it has used up the time for deciding."""
        if (
            request.api is Api.EMBEDDINGS
            or not viewing.needs_score(self.policy)
            or self.clock.monotonic() - started > self.policy.decision_timeout_s
        ):
            return None
        return self.scorer.classify(request)

    async def _recall(self, asked: Asked) -> Release | Reply:
        asked = viewing.with_memory(await custody.with_past(self.policy, self.outside, asked))
        if refusal := custody.blocked(self.policy, asked.found.ruling):
            return await _soon(self._block(asked, refusal))
        return await _soon(self._go_on(asked))

    def _go_on(self, asked: Asked) -> Release | Reply | Awaitable[Release | Reply]:
        """From what was found to a way, and on that way as far as nothing has to be waited for."""
        draft = self._choose(asked)
        if isinstance(draft, Refusal):
            return self._turn_away(asked, draft)
        visit = self._visit(draft)
        if visit is None and not custody.is_recorded(self.policy, self.outside, draft) and not self._holds(draft):
            return self._release(draft, UNCOUNTED)
        return self._wait(draft, visit)

    def _choose(self, asked: Asked, *, may_spill: bool = True) -> Draft | Refusal:
        """Which backends, in which order: ours while they can, where it must stay."""
        policy, found = self.policy, asked.found
        asked = viewing.with_shares(viewing.with_health(asked, self.health), self.shares)
        model, score, view = asked.request.model, self._score_of(asked), asked.view
        decision = choose(policy, model, found.demand, score, view)
        if isinstance(decision, Refusal):
            return decision
        if not found.demand.stays or not all(backend.name in view.away for backend in decision.chain):
            return drafted(asked, decision)
        if may_spill and found.ruling.may_spill and policy.audited.is_on and self.outside.auditor is not None:
            spilled = spill(policy, model, found.demand, score, view)
            if spilled is not None:
                return drafted(asked, spilled, tuple(f"{backend.name}!{view.away[backend.name]}" for backend in decision.chain))
        if policy.residency.refuses_when_saturated:
            return Refusal(503, "saturated", _SATURATED, retry_after_s=policy.residency.retry_after_s)
        return drafted(asked, decision)

    def _score_of(self, asked: Asked) -> float:
        return asked.found.verdict.score if asked.found.verdict else self.policy.default_score

    def _visit(self, draft: Draft) -> Visit | None:
        """Its visit at the door; None where no limit applies."""
        wall_s = self.clock.wall()
        tab = self.door.tab(draft.who.scope, wall_s) if self.door else None
        if self.door is None or tab is None:
            return None
        expected = self.door.expected_output(limits.output_field(draft.who.scope, draft.request.api))
        return Visit(draft.who.scope, tab, self.door.lease(), expected, wall_s)

    async def _wait(self, draft: Draft, visit: Visit | None) -> Release | Reply:
        """Through the limits, and on record: released as decided or on another way, or refused."""
        admitted = UNCOUNTED
        if self.door is not None and visit is not None:
            passed = await admission.admit(self.policy, self.door, draft, self._score_of(draft), visit)
            if passed.refusal is not None:
                ticket = refusing.ticket_of_read(self.policy, draft, passed.refusal, self.clock.wall())
                return refusing.reply(draft.request.api, passed.refusal, replace(ticket, limit=passed.limit, lease=passed.admitted.lease))
            draft, admitted = replace(draft, decision=passed.decision), passed.admitted
        if self._holds(draft) and self.outside.memories is not None and draft.session is not None:
            await self.outside.memories.remember(draft.session, custody.memory_of(draft, self.clock.wall()), self.policy.sessions)
        if custody.is_recorded(self.policy, self.outside, draft):
            recorded = await self._recorded(draft)
            if isinstance(recorded, Refusal):
                return self._turn_away(draft, recorded, admitted)
            draft = recorded
        return self._release(draft, admitted)

    def _holds(self, draft: Draft) -> bool:
        """Whether the conversation has to be remembered before it goes on: it carries what it did not carry before."""
        held = custody.held_now(draft)
        return self.outside.memories is not None and held != (draft.memory.held if draft.memory else ())

    async def _recorded(self, draft: Draft) -> Draft | Refusal:
        """The draft once it is on record; otherwise its way on-premises, or its refusal."""
        if await custody.is_written(self.outside, custody.leaving(self.policy, self.outside, draft)):
            return draft
        demand = draft.found.demand
        if self.policy.audited.refuses and not demand.stays:
            return _UNRECORDED
        kept = replace(draft.found, demand=replace(demand, stays=demand.stays or "audit"))
        chosen = self._choose(replace(draft, found=kept), may_spill=False)
        return _UNRECORDED if isinstance(chosen, Refusal) else chosen

    async def _fall_out(self, released: Release, entry: Entry) -> Release | Reply:
        if await custody.is_written(self.outside, entry):
            return released
        api = Api(entry.api)
        headers = tuple(dialects.refusal_headers(api, _UNRECORDED, request_id=entry.request_id))
        return Reply(_UNRECORDED.status, headers, dialects.refusal_body(api, _UNRECORDED, request_id=entry.request_id), {})

    def _release(self, draft: Draft, admitted: Admitted) -> Release:
        """The request as the first backend of the chain wants it, with the ticket that settles it later."""
        head, request, found, decision = draft.head, draft.request, draft.found, draft.decision
        ticket = Ticket(
            request_id=head.headers.get("x-request-id", ""),
            decided_at=self.clock.wall(),
            kind=decision.kind.value,
            api=request.api.value,
            asked_model=request.model,
            tier=decision.tier,
            score=found.verdict.score if found.verdict else None,
            task=found.verdict.task if found.verdict else "",
            reasons=decision.reasons,
            chain=tuple([backend.name for backend in decision.chain]),
            scope=text_of(draft.who.scope),
            source=draft.who.source,
            caller=draft.who.credential,
            prompt_tokens_estimate=found.demand.prompt_tokens,
            max_output_tokens=request.max_output_tokens,
            is_stream=request.is_stream,
            strips_usage=strips_usage(request),
            policy_digest=self.policy.digest,
            body_bytes=draft.body_bytes,
            decision_us=int((self.clock.monotonic() - draft.started) * 1e6),
            traceparent=head.traceparent,
            path=head.path,
            restore=restored(request, decision.chain[0], found.ruling.force),
            lease=admitted.lease,
            lease_sequence=admitted.sequence,
            limit=admitted.limit,
            shadow_limits=admitted.shadow_limits,
            mode=decision.mode,
            would_tier=decision.would[0],
            would_backend=decision.would[1],
            session=draft.session.text if draft.session else "",
            **refusing.residency_members(found.ruling, spilled=bool(draft.spilled)),
        )
        if self.health is not None:
            self.health.sent(decision.chain[0].name, draft.view.now_s)
        self._remember(draft)
        return shape(draft, ticket, dict(admitted.headers))

    def _remember(self, draft: Draft) -> None:
        """Its conversation goes on where it is now, unless it is about no conversation."""
        memories, session = self.outside.memories, draft.session
        if memories is None or session is None or draft.request.api is Api.EMBEDDINGS:
            return
        memory = custody.memory_of(draft, draft.view.now_s)
        if memory.held or memory.backend:
            memories.remember_later(session, memory, self.policy.sessions)

    def _turn_away(self, asked: Asked, refusal: Refusal, admitted: Admitted = UNCOUNTED) -> Reply:
        """Refused after it was read. What it had reserved is returned when this is settled."""
        ticket = refusing.ticket_of_read(self.policy, asked, refusal, self.clock.wall())
        return refusing.reply(asked.request.api, refusal, replace(ticket, lease=admitted.lease, lease_sequence=admitted.sequence))

    def _block(self, asked: Asked, refusal: Refusal) -> Reply | Awaitable[Reply]:
        """Refused for what it carries; that is recorded, and remembered of its conversation."""
        reply = self._turn_away(asked, refusal)
        if self.outside.memories is not None and asked.session is not None:
            memory = custody.memory_of(asked, self.clock.wall())
            self.outside.memories.remember_later(asked.session, memory, self.policy.sessions)
        if self.outside.auditor is None or not self.policy.audited.is_on:
            return reply
        return self._tell(reply, custody.turned_away(self.policy, self.outside, asked, "blocked"))

    async def _tell(self, reply: Reply, entry: Entry) -> Reply:
        await custody.is_written(self.outside, entry)  # refused in any case
        return reply

    def _refuse(self, head: Head, api: Api | None, refusal: Refusal, body_bytes: int, model: str = "") -> Reply:
        ticket = refusing.ticket_of_refusal(self.policy, head, refusal, self.clock.wall())
        ticket = replace(ticket, api=api.value if api else "", asked_model=model, body_bytes=body_bytes)
        return refusing.reply(api or refusing.spoken_by(head), refusal, ticket)

    def _closed(self, head: Head) -> Refusal | None:
        """Why a path that is no LLM API is closed to this caller: access, or nobody can tell what leaves by it."""
        policy, backend = self.policy, self.policy.other_paths
        rights = rights_of(policy.access, head.who.scope)
        if rule := rights.other_paths or rights.forbidden.get(backend.name, ""):
            return denied([rule])
        carries = head.has_body or "?" in head.path
        return custody.other_path(policy, head) if carries and not backend.is_on_prem else None


async def _soon(answer: Release | Reply | Awaitable[Release | Reply]) -> Release | Reply:
    return answer if isinstance(answer, Release | Reply) else await answer


def _content_length(head: Head) -> int:
    length = head.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
