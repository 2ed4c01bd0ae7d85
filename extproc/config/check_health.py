"""What no single field about the health of backends can tell."""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.place import Finding
from extproc.config.section import Location
from extproc.config.types import Config


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with how backends are watched."""
    for name, backend in config.backends.items():
        place = ("backends", name, "saturation")
        if backend.saturation is None:
            continue
        if backend.location is not Location.ON_PREM:
            yield Finding(place, "is for on-premises backends: a provider shows no metrics", (place, ("backends", name, "location")))
        if not backend.saturation.every_s < backend.saturation.stale_s:
            yield Finding((*place, "stale_s"), f"expected more than every_s ({backend.saturation.every_s:g})", (place,))
    health = config.health
    if health.rest_s > health.longest_rest_s:
        longest = ("health", "longest_rest_s")
        yield Finding(longest, f"expected at least rest_s ({health.rest_s:g})", (longest, ("health", "rest_s")))
