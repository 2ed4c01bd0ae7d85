"""What an operator says about scanning, as plain values; made from the configuration elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from extproc.config.compiled_residency import Residency
from extproc.scope import Scope, matches


@dataclass(frozen=True, slots=True)
class Allowed:
    """Findings that are not to be reported: those in a text of their own that a pattern matches. `kinds` empty means any kind."""

    pattern: str  # Python's syntax, any case
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScanPolicy:
    """What is looked for besides the built-in detectors, what is let pass, and how long a scan may take."""

    internal_hosts: tuple[str, ...] = ()  # globs of host names: "*.corp.acme.com"
    internal_networks: tuple[str, ...] = ()  # "10.20.0.0/16"
    patterns: tuple[tuple[str, str], ...] = ()  # (name, pattern); found as kind `custom:<name>`
    dictionaries: tuple[tuple[str, tuple[str, ...]], ...] = ()  # (name, words); whole words, any case; `custom:<name>`
    allowed: tuple[Allowed, ...] = ()
    ignored_kinds: frozenset[str] = frozenset(("person_name",))
    deadline_s: float = 0.1


def waived(residency: Residency, scope: Scope, path: str) -> frozenset[int] | None:
    """The places of those of the configured allowed texts that hold for a scope's requests on a path; None where none is configured."""
    return _waived(residency, scope, path.partition("?")[0]) if residency.allowed else None


@lru_cache(maxsize=4096)
def _waived(residency: Residency, scope: Scope, path: str) -> frozenset[int]:
    allowed = enumerate(residency.allowed)
    return frozenset(at for at, one in allowed if matches(one.pattern, scope) and any(fnmatchcase(path, glob) for glob in one.paths))


def scan_policy(residency: Residency) -> ScanPolicy:
    """What a scanner has to look for by this configuration."""
    looked = residency.looked
    return ScanPolicy(
        internal_hosts=looked.hosts,
        internal_networks=looked.networks,
        patterns=tuple((name, pattern if is_caseless else f"(?-i:{pattern})") for name, pattern, is_caseless in looked.patterns),
        dictionaries=looked.dictionaries,
        allowed=tuple(Allowed("|".join(f"(?:{text})" for text in one.texts), one.kinds or frozenset()) for one in residency.allowed),
        deadline_s=looked.timeout_s,
    )
