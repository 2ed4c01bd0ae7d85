"""One session through a pipeline, with providers that keep the beginning of a prompt for five minutes after it was last sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from extproc import dialects
from extproc.bench.replay.plan import Binds, Story, UserTurn
from extproc.bench.replay.speech import MADE_BY, Speaker, chore
from extproc.classify import Verdict
from extproc.classify.window import Readable
from extproc.config import Api, Policy
from extproc.custody import Custody
from extproc.dialects import Request
from extproc.exchange import Head, Release
from extproc.identity import ANYBODY
from extproc.pipeline import Pipeline
from extproc.session import Memory, session_of_answer
from extproc.testing import ManualClock
from extproc.testing.custody import Memories
from extproc.usage import Ticket, Tokens, cost_micro_usd

KEPT_S = 300.0
_ANSWER_S = 6.0
_CHORE_TOKENS = 12
_PATHS = {Api.CHAT: "/v1/chat/completions", Api.MESSAGES: "/v1/messages", Api.RESPONSES: "/v1/responses"}
_MAKER = re.compile(rf"{MADE_BY}([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a session: where it went and why, and what that cost. `score` is how hard it was; chores have none."""

    backend: str
    tier: str
    reasons: tuple[str, ...]
    cost_micro_usd: int
    prompt_tokens: int
    cached_tokens: int
    score: float | None
    makers: frozenset[str] = frozenset()  # backends that made what it carries and only they can read
    is_tool_turn: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The scorer of a story: each ask is as hard as it was written to be."""

    scores: Mapping[str, float]
    otherwise: float = 0.5

    def classify(self, request: Readable) -> Verdict:
        """The verdict; for bodies without an ask, as for those that go on from an answer, the middle."""
        score = self.scores.get(request.ask, self.otherwise)
        return Verdict(score, "other", 1 - score, 0.0, score)


@dataclass(slots=True)
class _Stage:
    """What is there while a session is played."""

    story: Story
    policy: Policy
    pipeline: Pipeline
    clock: ManualClock
    memories: Memories
    speaker: Speaker
    kept: dict[str, tuple[int, float]] = field(default_factory=dict)  # backend: tokens it has read of it, and when


async def play(story: Story, policy: Policy) -> list[Sent]:
    """All its requests, in order."""
    clock, memories = ManualClock(), Memories()
    scorer = Told({turn.ask: turn.score for turn in story.turns})
    pipeline = Pipeline(policy, scorer, clock, outside=Custody(memories=memories))
    stage = _Stage(story, policy, pipeline, clock, memories, Speaker(story))
    sent: list[Sent] = []
    for number, turn in enumerate(story.turns):
        clock.advance(turn.pause_s)
        stage.speaker.ask(turn.ask)
        sent += [await _request(stage, turn, at) for at in _steps(stage, turn)]
        if not number:
            sent += [await _chore(stage) for _ in range(story.chores)]
    return sent


def _steps(stage: _Stage, turn: UserTurn) -> Iterator[int]:
    """The requests of a user's turn: the ask itself, then one after each call."""
    yield 0
    for number, call in enumerate(turn.calls, start=1):
        stage.clock.advance(call.seconds)
        stage.speaker.bring(call)
        yield number


async def _request(stage: _Stage, turn: UserTurn, at: int) -> Sent:
    """One request and its answer. `at`: how many calls of its turn are done."""
    body = stage.speaker.body()
    ticket = await _decided(stage, body)
    backend = stage.policy.backends[ticket.chain[0]]
    prompt = ticket.prompt_tokens_estimate
    if stage.speaker.answer_id:  # the provider reads what it has kept as well
        prompt = dialects.estimate_tokens(_read(stage.story.api, stage.speaker.body(is_whole=True)))
    cached = _cached(stage, backend.name, prompt)
    cost = cost_micro_usd(backend.tariff.at(stage.clock.wall()), Tokens(prompt, cached, 0, turn.answer_tokens, 0))
    stage.clock.advance(_ANSWER_S)
    call = turn.calls[at] if at < len(turn.calls) else None
    # What is ours signs nothing and keeps nothing: only a provider's own service does.
    stage.speaker.hear(backend.name, call, keeps=not backend.is_on_prem)
    if stage.story.binds is Binds.ANSWER and stage.speaker.answer_id:
        memory = Memory((), backend.tier, backend.name, prompt, stage.clock.wall())
        stage.memories.remember_later(session_of_answer(ANYBODY.scope, stage.speaker.answer_id), memory, stage.policy.sessions)
    makers = frozenset(_MAKER.findall(body.decode()))
    return Sent(backend.name, backend.tier, ticket.reasons, cost, prompt, cached, turn.score, makers, at > 0)


async def _chore(stage: _Stage) -> Sent:
    body = chore(stage.story)
    ticket = await _decided(stage, body)
    backend, prompt = stage.policy.backends[ticket.chain[0]], ticket.prompt_tokens_estimate
    cost = cost_micro_usd(backend.tariff.at(stage.clock.wall()), Tokens(prompt, 0, 0, _CHORE_TOKENS, 0))
    return Sent(backend.name, backend.tier, ticket.reasons, cost, prompt, 0, None)


async def _decided(stage: _Stage, body: bytes) -> Ticket:
    head = Head("POST", _PATHS[stage.story.api], {"content-length": str(len(body))}, has_body=True)
    answer = stage.pipeline.decide(head, body)
    if not isinstance(answer, Release):
        answer = await answer if hasattr(answer, "__await__") else answer
    if not isinstance(answer, Release):
        raise TypeError(f"the request of `{stage.story.name}` was not released")
    ticket = Ticket.decode(str(answer.metadata["ticket"]))
    if ticket is None:
        raise TypeError("a ticket of this version cannot be read")
    return ticket


def _cached(stage: _Stage, backend: str, prompt: int) -> int:
    """How much of the prompt the backend has from before; it keeps all of it from now on."""
    now = stage.clock.wall()
    tokens, at = stage.kept.get(backend, (0, 0.0))
    stage.kept[backend] = (prompt, now)
    return min(tokens, prompt) if now - at <= KEPT_S else 0


def _read(api: Api, body: bytes) -> Request:
    request = dialects.parse(api, body, max_body_bytes=len(body))
    if not isinstance(request, Request):
        raise TypeError("a body of ours cannot be read")
    return request
