"""What the request path reads to tell what may leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.config.residency import Action


@dataclass(frozen=True, slots=True)
class Ruled:
    """One rule. `kinds` and `tasks` are None for all; `force` holds parameters as JSON text."""

    name: str
    pattern: tuple[str, ...]
    kinds: frozenset[str] | None
    tasks: frozenset[str] | None
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    action: Action
    force: tuple[tuple[str, str], ...]
    may_spill: bool


@dataclass(frozen=True, slots=True)
class Labelled:
    """What beside the body says that a request is sensitive. A header or claim of "" is not asked for."""

    name: str
    pattern: tuple[str, ...]
    header: str
    claim: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """Findings that are none. `texts` are regular expressions of what was found, whatever its case."""

    texts: tuple[str, ...]
    kinds: frozenset[str] | None
    pattern: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a scanner looks for besides what it knows: names of your own, patterns, words, hosts, networks."""

    patterns: tuple[tuple[str, str, bool], ...] = ()  # name, pattern, whether case does not matter
    dictionaries: tuple[tuple[str, tuple[str, ...]], ...] = ()  # name, words
    hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    timeout_s: float = 0.25


@dataclass(frozen=True, slots=True)
class Residency:
    """All of it. `is_enforced` is False in shadow mode."""

    digest: str = ""
    reads: bool = True
    is_enforced: bool = True
    default: Action = Action.ON_PREM
    rules: tuple[Ruled, ...] = ()
    labels: tuple[Labelled, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    looked: Looked = field(default_factory=Looked)
    refuses_when_saturated: bool = False
    retry_after_s: int = 5

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class Sessions:
    """How conversations are told apart and remembered."""

    headers: tuple[str, ...] = ("x-session-id",)
    kept_s: int = 86_400
    timeout_s: float = 0.1
    stays_when_unknown: bool = True


@dataclass(frozen=True, slots=True)
class Audited:
    """Whether what leaves is recorded, and what follows where it cannot be."""

    is_on: bool = True
    refuses: bool = False
    timeout_s: float = 1.0


NOTHING_FORCED: Mapping[str, str] = {}
