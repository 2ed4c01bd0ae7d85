"""What the choice knows besides what a request needs and scores: plain facts, found elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from extproc.config.compiled_routing import Rule
from extproc.routing.loop import Loop

NONE_AWAY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Past:
    """Who answered the conversation last, how much of it that backend has read, and when (seconds since the epoch)."""

    tier: str = ""
    backend: str = ""
    prompt_tokens: int = 0
    at_s: float = 0.0


NO_PAST = Past()


@dataclass(frozen=True, slots=True)
class View:
    """All there is to know about a request's circumstances. The default knows nothing, and binds nothing.

    `pins` are words for what a provider keeps of the conversation; `session` is its digest, which shares are drawn by; `max_rank`
    caps the tier, as a budget that runs low does.
    """

    away: Mapping[str, str] = field(default_factory=lambda: NONE_AWAY)  # backends that are passed over, and why
    first_byte_ms: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # of late, by backend
    past: Past = NO_PAST
    pins: tuple[str, ...] = ()
    is_tool_turn: bool = False  # the newest turn is a tool's result, not a user's
    turns_ahead: int = 1  # requests that this user's turn is expected to take, this one included
    loop: Loop = Loop.NONE
    is_housekeeping: bool = False
    rules: tuple[Rule, ...] = ()  # those that fit, in the configuration's order
    asked_rank: int = -1  # of the tier that a trusted caller names
    session: str = ""
    now_s: float = 0.0
    output_tokens: int = 300  # that the answer is expected to take
    max_rank: int = -1
    thresholds: tuple[float, ...] = ()  # the scores up to which tiers are wanted; empty: as configured
    shares: tuple[str, ...] = ()  # that are held by these thresholds


PLAIN = View()
