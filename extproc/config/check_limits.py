"""What no single field of a limit can tell."""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.limits import Limit, Measure, Per
from extproc.config.place import Finding, alternatives, did_you_mean
from extproc.config.types import Config

_RATES = (Per.SECOND, Per.MINUTE)


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with the limits of `config`."""
    for name, limit in config.limits.items():
        yield from _period(name, limit)
        yield from _amount(name, limit)
        if limit.downgrade and limit.downgrade.tier not in config.tiers:
            tiers = list(config.tiers)
            told = did_you_mean(limit.downgrade.tier, tiers) or f"; there is {alternatives(tiers)}"
            yield Finding(("limits", name, "downgrade", "tier"), f"no tier is called `{limit.downgrade.tier}`{told}")
    if config.limits and config.store.url == "none":
        yield Finding(("limits",), "limits are counted in the store, and `store.url` is `none`", (("limits",), ("store", "url")))


def _period(name: str, limit: Limit) -> Iterator[Finding]:
    place, reads = ("limits", name, "per"), (("limits", name, "per"), ("limits", name, "of"))
    if limit.of is Measure.IN_FLIGHT:
        if limit.per is not None:
            yield Finding(place, "requests in flight are counted now, not over a time; leave `per` out", reads)
    elif limit.per is None:
        yield Finding(place, f"is required for `of: {limit.of}`", reads)
    elif limit.of is Measure.USD and limit.per in _RATES:
        yield Finding(place, "money is counted by the `hour`, `day`, `week` or `month`", reads)
    if limit.burst is not None and limit.per not in _RATES:
        yield Finding(("limits", name, "burst"), "is for limits per `second` or `minute`", (("limits", name, "burst"), place))


def _amount(name: str, limit: Limit) -> Iterator[Finding]:
    if limit.of is not Measure.USD and limit.limit != limit.limit.to_integral_value():
        place = ("limits", name, "limit")
        yield Finding(place, f"expected a whole number for `of: {limit.of}`, found {limit.limit}", (place, ("limits", name, "of")))
    if limit.per in _RATES and limit.limit == 0:
        place = ("limits", name, "limit")
        yield Finding(place, "expected at least 1: a rate of 0 never refills; use `access` to deny", (place, ("limits", name, "per")))
