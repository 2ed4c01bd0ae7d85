"""The story of a request, top to bottom.

    headers arrive     greet      who is this, is it ours to decide about?
    the body arrives   decide     read ► score ► choose ► shape
    a backend failed   fall_back  the same request, shaped for the next backend of its chain

Each step takes plain values and returns an answer for Envoy as a plain value; nothing is remembered between steps but
what travels with the request in its ticket. This module knows no gRPC and no protobuf; `server` translates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from extproc import dialects
from extproc.classify import Classifier, Verdict
from extproc.clock import Clock
from extproc.config import Api, Backend, Config, Policy, chain_name
from extproc.dialects import Refusal, Request
from extproc.errors import ProtocolError
from extproc.mesh import names
from extproc.routing import Decision, Kind, choose, per_try_timeout_ms
from extproc.routing.fit import Demand
from extproc.usage import Ticket

_STRIP_USAGE = "strip-usage"  # the only thing an answer is edited for so far

# APIs whose streams count their tokens only when asked to; the others always do.
_COUNTS_ON_REQUEST = frozenset((Api.CHAT, Api.COMPLETIONS))


class Scorer(Protocol):
    """What the pipeline needs of a classifier."""

    def classify(self, request: Request) -> Verdict:
        """How hard the request is."""


def scorer_of(config: Config) -> Classifier:
    """The classifier that `config` asks for. Raises ModelError."""
    asked = config.classifier
    return Classifier.load(Path(asked.path) if asked.path else None, asked.sha256 or None)


@dataclass(frozen=True, slots=True)
class Head:
    """A request's headers. `headers` holds lower-case names, pseudo-headers included; `traceparent` is the ext_proc call's own."""

    method: str
    path: str
    headers: Mapping[str, str]
    has_body: bool
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """Let it go on as it is, but for headers that only we may set."""

    remove_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """Let it go on, changed: to another chain, with other headers, with another body (None leaves the body alone)."""

    set_headers: tuple[tuple[str, str], ...]
    body: bytes | None
    metadata: Mapping[str, str | float]
    remove_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer it here; nothing is sent on."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    metadata: Mapping[str, str | float]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about a request: how hard it is (None: not scored) and what it needs."""

    verdict: Verdict | None
    demand: Demand


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps with what they read: one configuration, one model, one clock. Replaced whole on reload."""

    policy: Policy
    scorer: Scorer
    clock: Clock

    def greet(self, head: Head) -> Pass | Reply:
        """The answer to the headers: mostly `Pass`, since nothing can be decided before the body is here."""
        if (asked := dialects.model_asked(head.method, head.path)) is not None:
            return _listing(self.policy, asked, head)
        api = dialects.api_of(head.method, head.path)
        if api is not None:
            if not head.has_body:
                return self._refuse(head, api, Refusal(400, "empty_body", "The request has no body."), 0)
            if _content_length(head) > self.policy.max_body_bytes:
                return self._refuse(head, api, _too_large(self.policy), 0)
        return Pass(tuple(header for header in head.headers if header.startswith(names.OUR_PREFIX)))

    def decide(self, head: Head, body: bytes) -> Pass | Release | Reply:
        """The answer to the whole request: where it goes and in what shape, or why it goes nowhere."""
        started = self.clock.monotonic()
        api = dialects.api_of(head.method, head.path)
        if api is None:
            return Pass()
        request = dialects.parse(
            api, body, content_encoding=head.headers.get("content-encoding", ""), max_body_bytes=self.policy.max_body_bytes
        )
        if isinstance(request, Refusal):
            return self._refuse(head, api, request, len(body))
        found = Findings(
            self._score(request, started), Demand(api, request.needs, dialects.estimate_tokens(request), request.max_output_tokens)
        )
        decision = choose(self.policy, request.model, found.demand, found.verdict.score if found.verdict else self.policy.default_score)
        if isinstance(decision, Refusal):
            return self._refuse(head, api, decision, len(body), request.model)
        return self._release(head, request, found, decision, body_bytes=len(body), started=started)

    def fall_back(self, ticket: Ticket, backend: Backend, body: bytes) -> Release:
        """The request for the next backend of its chain: the caller's own values back, then this backend's.

        Raises ProtocolError when the body is not the one that was released: what cannot be reshaped must not be sent.
        """
        request = dialects.parse(Api(ticket.api), body, max_body_bytes=2 * self.policy.max_body_bytes)
        if isinstance(request, Refusal):
            raise ProtocolError("a request that was released cannot be read again")
        members: dict[str, str | None] = {**ticket.restore, **_backend_members(request, backend)}
        edited = dialects.edit(request, members)
        # The path is set even where it has no prefix: an earlier attempt may have left its own.
        headers = (("content-length", str(len(edited))), (":path", backend.base_path + ticket.path))
        return Release(headers, edited, {"model": backend.model})

    def _score(self, request: Request, started: float) -> Verdict | None:
        """The verdict, or None when the request is not for scoring or reading it has used up the time for deciding."""
        if request.api is Api.EMBEDDINGS or self.clock.monotonic() - started > self.policy.decision_timeout_s:
            return None
        return self.scorer.classify(request)

    def _release(self, head: Head, request: Request, found: Findings, decision: Decision, *, body_bytes: int, started: float) -> Release:
        """The request as the first backend of the chain wants it, with the ticket that settles it later."""
        members = _backend_members(request, decision.chain[0])
        restore = {name: _original(request, name) for name in members}
        strips_usage = request.is_stream and not request.asks_usage and request.api in _COUNTS_ON_REQUEST
        if strips_usage:
            members["stream_options"] = dialects.usage_asked(request)
        edited = dialects.edit(request, members) if members or request.was_encoded else None
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
            caller=_caller(self.policy, head),
            prompt_tokens_estimate=found.demand.prompt_tokens,
            max_output_tokens=request.max_output_tokens,
            is_stream=request.is_stream,
            strips_usage=strips_usage,
            policy_digest=self.policy.digest,
            body_bytes=body_bytes,
            decision_us=int((self.clock.monotonic() - started) * 1e6),
            traceparent=head.traceparent,
            path=head.path,
            restore=restore,
        )
        headers = _release_headers(decision, ticket, edited)
        return Release(headers, edited, _metadata(ticket, decision), ("content-encoding",) if request.was_encoded else ())

    def _refuse(self, head: Head, api: Api, refusal: Refusal, body_bytes: int, model: str = "") -> Reply:
        ticket = Ticket(
            request_id=head.headers.get("x-request-id", ""),
            decided_at=self.clock.wall(),
            kind=Kind.REFUSED.value,
            api=api.value,
            asked_model=model,
            caller=_caller(self.policy, head),
            policy_digest=self.policy.digest,
            body_bytes=body_bytes,
            traceparent=head.traceparent,
            path=head.path,
            refusal=refusal.code,
        )
        return Reply(
            refusal.status,
            tuple(dialects.refusal_headers(api, refusal, request_id=ticket.request_id)),
            dialects.refusal_body(api, refusal, request_id=ticket.request_id),
            {"ticket": ticket.encode(), "api": api.value, "reason": refusal.code},
        )


def _listing(policy: Policy, asked: str, head: Head) -> Reply:
    """`GET /v1/models` (`asked` is "") or one model of it, in the shape of the SDK that asks."""
    is_anthropic = "anthropic-version" in head.headers
    headers = (("content-type", "application/json"),)
    if not asked:
        return Reply(200, headers, dialects.models_body(policy.listed, is_anthropic=is_anthropic), {})
    if asked in policy.listed:
        return Reply(200, headers, dialects.model_body(asked, is_anthropic=is_anthropic), {})
    refusal = Refusal(404, "model_not_found", "There is no such model here.")
    return Reply(404, headers, dialects.refusal_body(Api.MESSAGES if is_anthropic else None, refusal), {})


def _release_headers(decision: Decision, ticket: Ticket, edited: bytes | None) -> tuple[tuple[str, str], ...]:
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


def _backend_members(request: Request, backend: Backend) -> dict[str, str | None]:
    """The members of the body that this backend wants otherwise, as JSON text. Forced parameters are for generating APIs only."""
    members: dict[str, str | None] = {}
    if request.model != backend.model:
        members["model"] = _json_text(backend.model)
    if request.api is not Api.EMBEDDINGS:
        members.update(backend.force)
    return members


@lru_cache(maxsize=256)  # there are only so many backends
def _json_text(model: str) -> str:
    return json.dumps(model)


def _original(request: Request, name: str) -> str | None:
    span = request.spans.get(name)
    return request.source[span[0] : span[1]] if span else None


def _path_of(backend: Backend, path: str) -> tuple[tuple[str, str], ...]:
    return ((":path", backend.base_path + path),) if backend.base_path else ()


def _caller(policy: Policy, head: Head) -> str:
    """Who asks: the header the mesh vouches for, else a digest of the API key, which is random enough not to be guessed back."""
    if policy.caller_header and (named := head.headers.get(policy.caller_header)):
        return named[:128]
    key = head.headers.get("x-api-key") or head.headers.get("authorization", "")
    return "key-" + hashlib.sha256(key.encode()).hexdigest()[:12] if key else "anonymous"


def _content_length(head: Head) -> int:
    length = head.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _too_large(policy: Policy) -> Refusal:
    return Refusal(413, "request_too_large", f"The request body is larger than {policy.max_body_bytes} bytes.")
