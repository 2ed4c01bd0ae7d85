"""What a running Envoy was started with, and how much of a newer configuration it can bear.

Envoy's listeners, clusters and routes are rendered once. A decision may change at any time, but it may only name a chain
that Envoy has, and must mean by a backend's name the address that Envoy has for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from extproc.config import types
from extproc.config.check_identity import sources_of
from extproc.config.compiled import Policy, chain_name, chains_of
from extproc.config.limits import Mode
from extproc.config.place import dotted
from extproc.config.section import Location
from extproc.config.types import Config

# What the workers read from a policy, request by request; the rest of these sections is Envoy's, or is read once at the start.
_LIVE = {
    "listener": frozenset[str](),
    "processor": frozenset({"decision_timeout_s"}),
    "classifier": frozenset({"default_score"}),
    "telemetry": frozenset[str](),
    "store": frozenset[str](),
    "notices": frozenset[str](),
    "audit": frozenset({"on_failure", "timeout_s"}),
    "identity": frozenset({"keys", "fill", "organisation", "unknown"}),
}
# Sections inside others that Envoy's filters and routes are rendered from.
_RENDERED = frozenset({"Mesh", "Jwt", "TrustedHeaders", "Tls"})
_CONNECTION = ("url", "credential", "ca_file", "connect_timeout_s")
# Decisions follow these at once, but Envoy's default route and its own limits on silence were rendered from them too.
_RENDERED_TOO = ("location", "first_byte_timeout_s", "answer_timeout_s")


def is_live(section: str, field: str) -> bool:
    """Whether a changed `field` is wholly in force with the next request; `section` is the name of its type."""
    if section in ("Backend", "Credential"):
        return section == "Backend" and field not in (*_CONNECTION, *_RENDERED_TOO)
    if section in _RENDERED:
        return False
    return section.lower() not in _LIVE or field in _LIVE[section.lower()]


def restart_needed(old: Config, new: Config) -> tuple[str, ...]:
    """Dotted paths of what `new` changes that Envoy or the workers only take up when they start again."""
    return (*_sections(old, new), *_backends(old, new), *_first_rule(old, new))


def _sections(old: Config, new: Config) -> Iterator[str]:
    for section, live in _LIVE.items():
        before, after = getattr(old, section), getattr(new, section)
        for field in type(before).model_fields:
            if field not in live and getattr(before, field) != getattr(after, field):
                yield dotted((section, field))


def _backends(old: Config, new: Config) -> Iterator[str]:
    for name, after in new.backends.items():
        before = old.backends.get(name)
        if before is None:
            yield dotted(("backends", name))
            continue
        for field in (*_CONNECTION, *_RENDERED_TOO):
            if getattr(before, field) != getattr(after, field):
                yield dotted(("backends", name, field))
    for name in old.backends:
        if name not in new.backends:
            yield dotted(("backends", name))


def _first_rule(old: Config, new: Config) -> Iterator[str]:
    # Keys and rules are followed at once, but Envoy does not yet ask about other paths.
    if not guards_other_paths(old) and guards_other_paths(bearable(old, new)):
        yield "access" if new.access else dotted(("identity", "keys")) if sources_of(new.identity) else "residency"


def guards_other_paths(config: Config) -> bool:
    """Whether requests on paths that are no LLM API are shown to a worker: only where it may matter who sends them."""
    return bool(sources_of(config.identity) or config.access) or _may_leave_unread(config)


def _may_leave_unread(config: Config) -> bool:
    named = config.listener.other_paths
    behind = [config.backends[named]] if named in config.backends else list(config.backends.values())
    is_ours = any(backend.location is Location.ON_PREM for backend in behind)
    return config.residency.mode is not Mode.OFF and not is_ours


def bearable(started: Config, new: Config) -> Config:
    """`new` as far as what runs can follow: sections read at the start stay, and so does a backend whose connection changed.

    Such a backend stays whole, because its new model name or price belongs to the new address. The result has not been
    checked: what stayed may contradict what changed.
    """
    sections = {section: _bearable_section(getattr(started, section), getattr(new, section), live) for section, live in _LIVE.items()}
    backends = {name: _bearable_backend(started, new, name) for name in new.backends}
    return new.model_copy(update={**sections, "backends": backends})


def _bearable_section(started: BaseModel, new: BaseModel, live: frozenset[str]) -> BaseModel:
    return started.model_copy(update={field: getattr(new, field) for field in live})


def _bearable_backend(started: Config, new: Config, name: str) -> types.Backend:
    before, after = started.backends.get(name), new.backends[name]
    if before is None or all(getattr(before, field) == getattr(after, field) for field in _CONNECTION):
        return after
    return before


def clusters_needed(policy: Policy) -> frozenset[str]:
    """The chain names a decision under `policy` may give. The composite cluster of each is `chain.` and the name."""
    return frozenset(chain_name(chain) for chain in chains_of(policy))
