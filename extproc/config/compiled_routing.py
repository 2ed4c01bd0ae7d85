"""What the choice reads besides backends and tiers. Ranks are places on the ladder, 0 the cheapest; -1: not said."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.config.routing import RoutingMode


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: whom it fits (None: all), and what it says."""

    name: str
    pattern: tuple[str, ...]
    models: tuple[str, ...] | None
    paths: tuple[str, ...] | None
    tasks: frozenset[str] | None
    scripts: frozenset[str] | None
    headers: tuple[tuple[str, tuple[str, ...]], ...]
    rank: int
    min_rank: int
    max_rank: int
    backend: str
    never: frozenset[str]
    mode: RoutingMode | None
    canary_percent: float


@dataclass(frozen=True, slots=True)
class Share:
    """A share that is held in each scope that the pattern fits, at its depth. `rank` is the tier's, 1 or more."""

    name: str
    pattern: tuple[str, ...]
    rank: int
    percent: float
    window_s: int
    min_requests: int


@dataclass(frozen=True, slots=True)
class Routing:
    """All of it."""

    mode: RoutingMode = RoutingMode.ENFORCE
    canary_percent: float = 10.0
    rules: tuple[Rule, ...] = ()
    is_sticky: bool = True
    warm_s: int = 300
    reads_loops: bool = True
    reads_housekeeping: bool = True
    ask_header: str = ""
    ask_scopes: tuple[tuple[str, ...], ...] = ()
    shares: tuple[Share, ...] = ()
