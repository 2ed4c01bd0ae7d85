"""What no single field of routing can tell."""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.place import Finding, Place, alternatives, did_you_mean
from extproc.config.routing import RoutingMode, RoutingRule
from extproc.config.types import Config


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with the routing of `config`."""
    for name, rule in config.routing.rules.items():
        place = ("routing", "rules", name)
        yield from _names(place, rule, config)
        yield from _sense(place, rule, config)
    yield from _shares(config)
    if config.routing.ask_header and not config.routing.ask_scopes:
        asked: Place = ("routing", "ask_scopes")
        yield Finding(asked, "nobody may ask for a tier: name whose header counts", (asked, ("routing", "ask_header")))


def _names(place: Place, rule: RoutingRule, config: Config) -> Iterator[Finding]:
    tiers, backends = list(config.tiers), list(config.backends)
    for field in ("tier", "min_tier", "max_tier"):
        tier: str | None = getattr(rule, field)
        if tier is not None and tier not in config.tiers:
            yield Finding((*place, field), f"no tier is called `{tier}`" + _which(tier, tiers))
    if rule.backend is not None and rule.backend not in config.backends:
        yield Finding((*place, "backend"), f"no backend is called `{rule.backend}`" + _which(rule.backend, backends))
    for index, name in enumerate(rule.never):
        if name not in config.backends:
            yield Finding((*place, "never", index), f"no backend is called `{name}`" + _which(name, backends))


def _shares(config: Config) -> Iterator[Finding]:
    tiers = list(config.tiers)
    for name, share in config.routing.shares.items():
        place = ("routing", "shares", name, "tier")
        if share.tier not in config.tiers:
            yield Finding(place, f"no tier is called `{share.tier}`" + _which(share.tier, tiers))
        elif share.tier == tiers[0]:
            yield Finding(place, f"all requests score for `{share.tier}`, the first tier, or a better one", (place, ("tiers",)))
    if config.routing.shares and config.store.url == "none":
        shares: Place = ("routing", "shares")
        yield Finding(shares, "shares are counted in the store, and `store.url` is `none`", (shares, ("store", "url")))


def _which(name: str, known: list[str]) -> str:
    return did_you_mean(name, known) or f"; there is {alternatives(known)}"


def _sense(place: Place, rule: RoutingRule, config: Config) -> Iterator[Finding]:
    ranks = {tier: rank for rank, tier in enumerate(config.tiers)}
    if ranks.get(rule.min_tier or "", -1) > ranks.get(rule.max_tier or "", len(ranks)):
        yield Finding((*place, "min_tier"), f"is above `max_tier`, {rule.max_tier}", ((*place, "min_tier"), (*place, "max_tier")))
    if rule.backend is not None and rule.backend in rule.never:
        yield Finding((*place, "never"), f"`{rule.backend}` is tried first and never", ((*place, "never"), (*place, "backend")))
    if rule.canary_percent is not None and RoutingMode.CANARY not in (rule.mode, config.routing.mode):
        yield Finding((*place, "canary_percent"), "is for mode `canary`", ((*place, "canary_percent"), (*place, "mode")))
    if set(config.backends) <= set(rule.never):
        yield Finding((*place, "never"), "leaves no backend")
