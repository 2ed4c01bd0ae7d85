"""The story of a request, top to bottom.

    headers arrive     greet      who is this, is it ours to decide about?
    the body arrives   decide     read ► score ► choose ► admit ► shape
    a backend failed   fall_back  the same request, shaped for the next backend of its chain

Each step takes plain values and returns an answer for Envoy as a plain value; nothing is remembered between steps but
what travels with the request in its ticket. This module knows no gRPC and no protobuf; `server` translates.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from extproc import admission, dialects, limits
from extproc.admission import Door, Visit
from extproc.classify import Classifier, Verdict
from extproc.clock import Clock
from extproc.config import Api, Backend, Config, Policy
from extproc.dialects import Refusal, Request
from extproc.errors import ProtocolError
from extproc.exchange import Head, Pass, Release, Reply
from extproc.identity import denied_model, rights_of, unbelieved
from extproc.limits import Grant
from extproc.mesh import names
from extproc.routing import Kind, choose, denied
from extproc.routing.fit import Demand
from extproc.scope import text_of
from extproc.shaping import Draft, Findings, reshape, restored, shape, strips_usage
from extproc.usage import Ticket, attempt_key

__all__ = ["Findings", "Head", "Pass", "Pipeline", "Release", "Reply", "Scorer", "scorer_of"]


class Scorer(Protocol):
    """What the pipeline needs of a classifier."""

    def classify(self, request: Request) -> Verdict:
        """How hard the request is."""


def scorer_of(config: Config) -> Classifier:
    """The classifier that `config` asks for. Raises ModelError."""
    asked = config.classifier
    return Classifier.load(Path(asked.path) if asked.path else None, asked.sha256 or None)


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the limits said of a request that may pass."""

    lease: str = ""
    sequence: int = 0
    limit: str = ""  # that sent it to a cheaper tier
    shadow_limits: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # for its answer


_UNCOUNTED = Admitted()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps with what they read: one configuration, one model, one clock. Replaced whole on reload.

    Without a `door` nothing is counted and everything may pass.
    """

    policy: Policy
    scorer: Scorer
    clock: Clock
    door: Door | None = None

    def greet(self, head: Head) -> Pass | Reply:
        """The answer to the headers: mostly `Pass`, since nothing can be decided before the body is here."""
        if head.who.refusal is not None:
            return self._refuse(head, dialects.api_of(head.method, head.path), head.who.refusal, 0)
        if (asked := dialects.model_asked(head.method, head.path)) is not None:
            return _listing(self.policy, asked, head)
        api = dialects.api_of(head.method, head.path)
        if api is not None:
            if not head.has_body:
                return self._refuse(head, api, Refusal(400, "empty_body", "The request has no body."), 0)
            if _content_length(head) > self.policy.max_body_bytes:
                return self._refuse(head, api, _too_large(self.policy), 0)
        elif rule := _closed_to(self.policy, head):
            return self._refuse(head, None, denied([rule]), 0)
        ours = [header for header in head.headers if header.startswith(names.OUR_PREFIX)]
        return Pass((*ours, *unbelieved(self.policy.identity, head.headers, head.peer)), is_last=api is None)

    def decide(self, head: Head, body: bytes) -> Pass | Release | Reply | Awaitable[Release | Reply]:
        """The answer to the whole request: where it goes and in what shape, or why it goes nowhere.

        It is there at once unless limits apply: they are counted in the store.
        """
        started = self.clock.monotonic()
        api = dialects.api_of(head.method, head.path)
        if api is None:
            return Pass()
        who, rights = head.who, rights_of(self.policy.access, head.who.scope)
        request = dialects.parse(
            api, body, content_encoding=head.headers.get("content-encoding", ""), max_body_bytes=self.policy.max_body_bytes
        )
        if isinstance(request, Refusal):
            return self._refuse(head, api, request, len(body))
        if rule := denied_model(rights, request.model):
            return self._refuse(head, api, denied([rule]), len(body), request.model)
        tokens = dialects.estimate_tokens(request)
        demand = Demand(api, request.needs, tokens, request.max_output_tokens, rights.forbidden)
        found = Findings(self._score(request, started), demand)
        score = found.verdict.score if found.verdict else self.policy.default_score
        decision = choose(self.policy, request.model, found.demand, score)
        if isinstance(decision, Refusal):
            return self._refuse(head, api, decision, len(body), request.model)
        draft = Draft(head, who, request, found, decision, len(body), started)
        wall_s = self.clock.wall()
        tab = self.door.tab(who.scope, wall_s) if self.door else None
        if self.door is None or tab is None:
            return self._release(draft, _UNCOUNTED)
        expected = self.door.expected_output(limits.output_field(who.scope, api))
        return self._admit(self.door, draft, score, Visit(who.scope, tab, self.door.lease(), expected, wall_s))

    def fall_back(self, ticket: Ticket, attempt: int, backend: Backend, body: bytes) -> Release:
        """The request for the next backend of its chain, which is `attempt` 2 or later: the caller's own values back, then this backend's.

        Raises ProtocolError when the body is not the one that was released: what cannot be reshaped must not be sent.
        """
        request = dialects.parse(Api(ticket.api), body, max_body_bytes=2 * self.policy.max_body_bytes)
        if isinstance(request, Refusal):
            raise ProtocolError("a request that was released cannot be read again")
        began_ms = max(0.0, round((self.clock.wall() - ticket.decided_at) * 1000, 1))
        return reshape(request, ticket, backend, {attempt_key(attempt): began_ms})

    async def _admit(self, door: Door, draft: Draft, score: float, visit: Visit) -> Release | Reply:
        """Released as decided or on a cheaper way, or refused: whatever the limits of its scope leave room for."""
        ways = admission.options(self.policy, draft, score, visit.tab)
        ask = admission.ask_for(self.policy, draft, ways, visit)
        grant = await door.admit(ask)
        headers = limits.headers(draft.request.api, ask, grant, visit.wall_s)
        if not grant.is_admitted:
            refusal = limits.refusal(ask, grant)
            return self._turn_away(draft, replace(refusal, headers=(*refusal.headers, *headers)), visit, grant)
        decision, limit = admission.marked(ways[grant.alternative], visit, grant)
        admitted = Admitted(visit.lease, grant.sequence, limit, admission.shadows(visit, grant), headers)
        return self._release(replace(draft, decision=decision), admitted)

    def _score(self, request: Request, started: float) -> Verdict | None:
        """The verdict, or None when the request is not for scoring or reading it has used up the time for deciding."""
        if request.api is Api.EMBEDDINGS or self.clock.monotonic() - started > self.policy.decision_timeout_s:
            return None
        return self.scorer.classify(request)

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
            restore=restored(request, decision.chain[0]),
            lease=admitted.lease,
            lease_sequence=admitted.sequence,
            limit=admitted.limit,
            shadow_limits=admitted.shadow_limits,
        )
        return shape(draft, ticket, dict(admitted.headers))

    def _turn_away(self, draft: Draft, refusal: Refusal, visit: Visit, grant: Grant) -> Reply:
        """Refused at the limits. Where the store was not heard the lease is named, so that what it may have reserved is returned."""
        limit = "" if grant.refused_by is None else visit.tab.counts[grant.refused_by].limit.name
        ticket = replace(
            self._refused(draft.head, draft.request.api, refusal, draft.body_bytes, draft.request.model),
            limit=limit,
            lease=visit.lease if grant.refused_by is None else "",
        )
        return _reply(draft.request.api, refusal, ticket)

    def _refuse(self, head: Head, api: Api | None, refusal: Refusal, body_bytes: int, model: str = "") -> Reply:
        return _reply(api or _spoken_by(head), refusal, self._refused(head, api, refusal, body_bytes, model))

    def _refused(self, head: Head, api: Api | None, refusal: Refusal, body_bytes: int, model: str) -> Ticket:
        who = head.who
        return Ticket(
            request_id=head.headers.get("x-request-id", ""),
            decided_at=self.clock.wall(),
            kind=Kind.REFUSED.value,
            api=api.value if api else "",
            asked_model=model,
            scope=text_of(who.scope),
            source=who.source,
            caller=who.credential,
            policy_digest=self.policy.digest,
            body_bytes=body_bytes,
            traceparent=head.traceparent,
            path=head.path,
            refusal=refusal.code,
        )


def _reply(api: Api | None, refusal: Refusal, ticket: Ticket) -> Reply:
    return Reply(
        refusal.status,
        tuple(dialects.refusal_headers(api, refusal, request_id=ticket.request_id)),
        dialects.refusal_body(api, refusal, request_id=ticket.request_id),
        {"ticket": ticket.encode(), "api": ticket.api, "reason": refusal.code},
    )


def _listing(policy: Policy, asked: str, head: Head) -> Reply:
    """`GET /v1/models` (`asked` is "") or one model of it, in the shape of the SDK that asks: what its caller may ask for."""
    spoken = _spoken_by(head)
    is_anthropic = spoken is Api.MESSAGES
    headers = (("content-type", "application/json"),)
    rights = rights_of(policy.access, head.who.scope)
    listed = tuple(name for name in policy.listed if not denied_model(rights, name)) if rights.rules else policy.listed
    if not asked:
        return Reply(200, headers, dialects.models_body(listed, is_anthropic=is_anthropic), {})
    if asked in listed:
        return Reply(200, headers, dialects.model_body(asked, is_anthropic=is_anthropic), {})
    return Reply(404, headers, dialects.refusal_body(spoken, Refusal(404, "model_not_found", "There is no such model here.")), {})


def _spoken_by(head: Head) -> Api | None:
    """Whose errors the caller understands, where the path does not tell: Anthropic's SDK says its version."""
    return Api.MESSAGES if "anthropic-version" in head.headers else None


def _closed_to(policy: Policy, head: Head) -> str:
    """The access rule that keeps this caller from paths that are no LLM API, or from the backend behind them; "" where none does."""
    rights = rights_of(policy.access, head.who.scope)
    return rights.other_paths or rights.forbidden.get(policy.other_paths.name, "")


def _content_length(head: Head) -> int:
    length = head.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _too_large(policy: Policy) -> Refusal:
    return Refusal(413, "request_too_large", f"The request body is larger than {policy.max_body_bytes} bytes.")
