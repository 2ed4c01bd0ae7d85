"""What an operator says about scanning, as plain values; made from the configuration elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.config.compiled_residency import Residency


@dataclass(frozen=True, slots=True)
class Allowed:
    """Findings that are not to be reported: those inside of text that a pattern matches. `kinds` empty means any kind."""

    pattern: str  # Hyperscan's syntax, any case
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


def scan_policy(residency: Residency) -> ScanPolicy:
    """What a scanner has to look for by this configuration."""
    looked = residency.looked
    return ScanPolicy(
        internal_hosts=looked.hosts,
        internal_networks=looked.networks,
        patterns=tuple((name, pattern if is_caseless else f"(?-i:{pattern})") for name, pattern, is_caseless in looked.patterns),
        dictionaries=looked.dictionaries,
        deadline_s=looked.timeout_s,
    )
