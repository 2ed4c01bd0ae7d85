"""What the choice knows besides what a request needs: its circumstances, put together from what the other rooms found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from extproc import dialects
from extproc.config import Api, Policy
from extproc.config.compiled_routing import Rule
from extproc.config.routing import RoutingMode
from extproc.dialects import Request
from extproc.routing import Circumstance, Loop, Outline, Past, View, fitting_rules, is_housekeeping, read_loop, script_of
from extproc.routing.housekeeping import ASK_CHARS, SYSTEM_CHARS
from extproc.routing.share import Held
from extproc.scope import Scope, matches
from extproc.shaping import Asked

_READ_TURNS = 200


class Health(Protocol):
    """What the choice needs of the watch over backends."""

    def away(self, now_s: float) -> Mapping[str, str]:
        """The backends to pass over as long as others can answer, each with the word why."""

    def first_byte_ms(self, now_s: float) -> Mapping[str, float]:
        """How quick those of which that is known have been of late."""

    def sent(self, backend: str, now_s: float) -> None:
        """A request leaves for `backend` first."""


class Shares(Protocol):
    """What the choice needs of the shares that are held."""

    def held(self, scope: Scope) -> Held | None:
        """The thresholds that hold the shares of `scope`; None: those configured."""


def needs_score(policy: Policy) -> bool:
    """Whether anybody asks how hard requests are."""
    routing = policy.routing
    return routing.mode is not RoutingMode.OFF or any(rule.mode not in (None, RoutingMode.OFF) for rule in routing.rules)


def view_of(policy: Policy, asked: Asked, wall_s: float) -> View:
    """What can be told from the request itself."""
    request, head, found = asked.request, asked.head, asked.found
    if request.api is Api.EMBEDDINGS:
        return replace(asked.view, now_s=wall_s)
    routing, is_tool_turn = policy.routing, dialects.is_tool_turn(request)
    rules: tuple[Rule, ...] = ()
    if routing.rules:
        task = found.verdict.task if found.verdict else ""
        path, script = head.path.partition("?")[0], script_of(request.ask)
        rules = fitting_rules(routing, Circumstance(head.who.scope, request.model, path, task, script, head.headers))
    return View(
        pins=dialects.bindings(request),
        is_tool_turn=is_tool_turn,
        turns_ahead=_turns_ahead(request),
        loop=read_loop(dialects.steps(request)) if is_tool_turn and routing.reads_loops else Loop.NONE,
        is_housekeeping=routing.reads_housekeeping and is_housekeeping(outline_of(request)),
        rules=rules,
        asked_rank=_asked_rank(policy, asked) if routing.ask_header else -1,
        session=asked.session.digest if asked.session else "",
        now_s=wall_s,
    )


def outline_of(request: Request) -> Outline:
    """The shape of a request, as calls that applications make for themselves are known by."""
    ask, half = request.ask, ASK_CHARS // 2
    return Outline(
        system=request.system[:SYSTEM_CHARS],
        ask=ask if len(ask) <= ASK_CHARS else f"{ask[:half]}\n{ask[-half:]}",
        chars=len(request.system) + len(ask),
        tool_count=request.tool_count,
        turn_count=len(request.turns),
        is_after_tools=any(turn.role == "tool" for turn in request.turns[-_READ_TURNS:]),
        max_output_tokens=request.max_output_tokens,
    )


def _turns_ahead(request: Request) -> int:
    """How many requests a turn of this user's has taken so far on average: so many are expected of the one that begins."""
    turns = request.turns[-_READ_TURNS:]
    asked = sum(turn.role == "user" for turn in turns)
    return max(1, round(sum(turn.role == "assistant" for turn in turns) / max(asked, 1)))


def with_memory(asked: Asked) -> Asked:
    """The same, once it is known what its conversation has been through."""
    memory = asked.memory
    if memory is None or not memory.backend:
        return asked
    past = Past(memory.tier, memory.backend, memory.prompt_tokens, memory.at)
    return replace(asked, view=replace(asked.view, past=past))


def with_health(asked: Asked, health: Health | None) -> Asked:
    """The same, with how the backends fare now."""
    if health is None:
        return asked
    now_s = asked.view.now_s
    away, first_byte_ms = health.away(now_s), health.first_byte_ms(now_s)
    return replace(asked, view=replace(asked.view, away=away, first_byte_ms=first_byte_ms)) if away or first_byte_ms else asked


def with_shares(asked: Asked, shares: Shares | None) -> Asked:
    """The same, with the thresholds that hold what is configured of its scope."""
    held = shares.held(asked.who.scope) if shares else None
    return asked if held is None else replace(asked, view=replace(asked.view, thresholds=held.up_to, shares=held.names))


def _asked_rank(policy: Policy, asked: Asked) -> int:
    """The rank of the tier that its caller names and may name; -1 for none."""
    named = asked.head.headers.get(policy.routing.ask_header, "")
    if not named or not any(matches(pattern, asked.who.scope) for pattern in policy.routing.ask_scopes):
        return -1
    return next((rank for rank, tier in enumerate(policy.tiers) if tier.name == named), -1)
