"""What no single field can tell: names that must exist, an order, an address that must not carry a key.

Each rule takes a whole `Config` and yields findings; `findings` is all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_address
from itertools import combinations, pairwise
from urllib.parse import urlsplit

from extproc.config import check_health, check_identity, check_limits, check_prices, check_residency, check_routing, check_store
from extproc.config.place import Finding, Place, alternatives, did_you_mean, dotted
from extproc.config.section import Api, Location
from extproc.config.types import Backend, Config
from extproc.errors import Problem

UNFORCEABLE = frozenset({"model", "stream", "stream_options", "messages", "input", "prompt", "system", "instructions", "tools"})
_EVERY_LOCATION = ("backends", "*", "location")


def on_prem(config: Config) -> tuple[str, ...]:
    """Names of the on-premises backends, in the file's order."""
    return tuple(name for name, backend in config.backends.items() if backend.location is Location.ON_PREM)


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong between the fields of `config`."""
    for rule in _RULES:
        yield from rule(config)


def problems(config: Config) -> tuple[Problem, ...]:
    """The same, for people."""
    return tuple(Problem(dotted(finding.place), finding.message) for finding in findings(config))


def _tier_names(config: Config) -> Iterator[Finding]:
    for name, backend in config.backends.items():
        if backend.tier not in config.tiers:
            yield Finding(("backends", name, "tier"), _unknown("tier", backend.tier, list(config.tiers)))


def _backend_names(config: Config) -> Iterator[Finding]:
    named: list[tuple[Place, str | None]] = [(("listener", "other_paths"), config.listener.other_paths), (("baseline",), config.baseline)]
    for tier, settings in config.tiers.items():
        named += [(("tiers", tier, "chain", index), name) for index, name in enumerate(settings.chain)]
    for place, name in named:
        if name is not None and name not in config.backends:
            yield Finding(place, _unknown("backend", name, list(config.backends)), (place, ("backends", name)))


def _unknown(what: str, name: str, known: list[str]) -> str:
    return f"no {what} is called `{name}`" + (did_you_mean(name, known) or f"; there is {alternatives(known)}")


def _chains_without_repeats(config: Config) -> Iterator[Finding]:
    for tier, settings in config.tiers.items():
        for index, name in enumerate(settings.chain):
            if name in settings.chain[:index]:
                yield Finding(("tiers", tier, "chain", index), f"`{name}` is in this chain already; each backend is tried once")


def _tiers_ascend(config: Config) -> Iterator[Finding]:
    for (lower, low), (upper, up) in pairwise(config.tiers.items()):
        if not low.up_to < up.up_to:
            place = ("tiers", upper, "up_to")
            message = (
                f"expected more than the {low.up_to:g} of tier `{lower}` before it, found {up.up_to:g}; tiers go from cheap to capable"
            )
            yield Finding(place, message, (place, ("tiers", lower, "up_to")))


def _open_needs_on_prem(config: Config) -> Iterator[Finding]:
    said = "on_failure" in config.processor.model_fields_set
    if said and config.processor.on_failure == "open" and not on_prem(config):
        place = ("processor", "on_failure")
        message = (
            "`open` sends unread requests to the on-premises backends, and there are none; say `closed`, or `location: on_prem` at one"
        )
        yield Finding(place, message, (place, _EVERY_LOCATION))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_exposed(backend: Backend) -> bool:
    parts = urlsplit(backend.url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _nothing_in_the_clear(config: Config) -> Iterator[Finding]:
    for name, backend in config.backends.items():
        place = ("backends", name, "url")
        if not _is_exposed(backend):
            continue
        if backend.credential is not None:
            yield Finding(
                place, "expected https://, because a key would travel readable over http://", (place, ("backends", name, "credential"))
            )
        elif backend.location is Location.CLOUD:
            message = "expected https:// for a cloud backend; if it is yours, say `location: on_prem`"
            yield Finding(place, message, (place, ("backends", name, "location"), ("backends", name, "credential")))


def _names(backend: Backend) -> frozenset[str]:
    return frozenset((backend.model, *backend.aliases))


def _names_are_clear(config: Config) -> Iterator[Finding]:
    for (first, one), (second, other) in combinations(config.backends.items(), 2):
        apis = set(one.apis) & set(other.apis)
        for name in sorted(_names(one) & _names(other)):
            by_name = any(fnmatchcase(name, pattern) for pattern in config.models.pass_through)
            if not ((by_name and apis) or Api.EMBEDDINGS in apis):
                continue
            why = "is passed through" if by_name else "is asked for embeddings"
            message = f"`{name}` {why} by name, but backend `{first}` has that name too; give one of them another"
            place = ("backends", second, "aliases" if name in other.aliases else "model")
            reads = [("backends", key, field) for key in (first, second) for field in ("model", "aliases", "apis")]
            yield Finding(place, message, (*reads, ("models", "pass_through")))


def _decides_in_time(config: Config) -> Iterator[Finding]:
    processor = config.processor
    if not processor.decision_timeout_s < processor.message_timeout_s:
        place, other = ("processor", "decision_timeout_s"), ("processor", "message_timeout_s")
        message = f"expected less than message_timeout_s ({processor.message_timeout_s:g}), found {processor.decision_timeout_s:g}"
        yield Finding(place, message, (place, other))


def _forceable(config: Config) -> Iterator[Finding]:
    for name, backend in config.backends.items():
        for key in backend.force:
            if key in UNFORCEABLE:
                yield Finding(("backends", name, "force", key), "cannot be forced: it is what the caller asks, or TierMesh's own to set")


def metrics_port(config: Config) -> int | None:
    """The port of the Prometheus page, if it is served."""
    address = config.telemetry.metrics_address
    return urlsplit(f"//{address}").port if address else None


def _ports(config: Config) -> list[tuple[tuple[str, str], int]]:
    ports = [(("listener", "port"), config.listener.port), (("listener", "admin_port"), config.listener.admin_port)]
    metrics = metrics_port(config)
    return ports if metrics is None else [*ports, (("telemetry", "metrics_address"), metrics)]


def _ports_differ(config: Config) -> Iterator[Finding]:
    for (place, port), (other_place, other_port) in combinations(_ports(config), 2):
        if port == other_port:
            yield Finding(other_place, f"port {port} is {dotted(place)} already", (place, other_place))


def _no_loop(config: Config) -> Iterator[Finding]:
    ports = {port: place for place, port in reversed(_ports(config))}
    for name, backend in config.backends.items():
        parts = urlsplit(backend.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if is_loopback(parts.hostname or "") and port in ports:
            place = ("backends", name, "url")
            yield Finding(place, f"points at TierMesh itself: port {port} is {dotted(ports[port])}", (place, ports[port]))


_RULES: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _tier_names,
    _backend_names,
    _chains_without_repeats,
    _tiers_ascend,
    _open_needs_on_prem,
    _nothing_in_the_clear,
    _names_are_clear,
    _decides_in_time,
    _forceable,
    _ports_differ,
    _no_loop,
    check_limits.findings,
    check_prices.findings,
    check_identity.findings,
    check_health.findings,
    check_residency.findings,
    check_routing.findings,
    check_store.findings,
)
