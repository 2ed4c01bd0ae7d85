"""Routing as it is written, to the tables that the choice reads."""

from __future__ import annotations

from collections.abc import Sequence

from extproc.config import compiled_routing as compiled
from extproc.config import routing as written
from extproc.scope import ANY, pattern_of


def routing_of(settings: written.Routing, tiers: Sequence[str]) -> compiled.Routing:
    """The tables of `routing`, for tiers of these names from cheap to capable."""
    return compiled.Routing(
        mode=settings.mode,
        canary_percent=settings.canary_percent,
        rules=tuple(_rule(name, rule, tiers, settings.canary_percent) for name, rule in settings.rules.items()),
        is_sticky=settings.sticky,
        warm_s=settings.warm_s,
        reads_loops=settings.loops,
        reads_housekeeping=settings.housekeeping,
        ask_header=settings.ask_header,
        ask_scopes=tuple(map(pattern_of, settings.ask_scopes)),
        shares=tuple(_share(name, share, tiers) for name, share in settings.shares.items()),
    )


def _rule(name: str, rule: written.RoutingRule, tiers: Sequence[str], canary_percent: float) -> compiled.Rule:
    return compiled.Rule(
        name=name,
        pattern=pattern_of(rule.scope),
        models=_all_or(rule.models),
        paths=_all_or(rule.paths),
        tasks=frozenset(rule.tasks) or None,
        scripts=frozenset(rule.scripts) or None,
        headers=tuple(rule.headers.items()),
        rank=_rank(rule.tier, tiers),
        min_rank=_rank(rule.min_tier, tiers),
        max_rank=_rank(rule.max_tier, tiers),
        backend=rule.backend or "",
        never=frozenset(rule.never),
        mode=rule.mode,
        canary_percent=canary_percent if rule.canary_percent is None else rule.canary_percent,
    )


def _share(name: str, share: written.RoutingShare, tiers: Sequence[str]) -> compiled.Share:
    return compiled.Share(name, pattern_of(share.scope), tiers.index(share.tier), share.percent, share.window_s, share.min_requests)


def _rank(tier: str | None, tiers: Sequence[str]) -> int:
    return -1 if tier is None else tiers.index(tier)


def _all_or(globs: tuple[str, ...]) -> tuple[str, ...] | None:
    return None if ANY in globs else globs
