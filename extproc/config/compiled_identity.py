"""What the request path reads to tell who a caller is and what they may reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.scope import Scope

NOBODY: Scope = ("", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Mesh:
    """How a SPIFFE ID is read. A part of `pattern` is text that must be there, the index of a level, or None for any."""

    from_xfcc: bool
    hops: int
    pattern: tuple[str | int | None, ...]
    fixed: tuple[str, ...]  # a name for each level, as it is written


@dataclass(frozen=True, slots=True)
class Jwt:
    """How the claims of a verified token are read: the whole name of each level's claim, and its steps."""

    header: str
    metadata_key: str
    claims: tuple[tuple[int, str, tuple[str, ...]], ...]
    fixed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """Whose key it is, and when it ends (seconds since the epoch)."""

    scope: Scope
    expires_at: float
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """How callers are told. `unknown` is who they are otherwise; None: refused."""

    sources: tuple[str, ...] = ()
    mesh: Mesh | None = None
    jwt: Jwt | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)  # by the sha256 of the key, in hex
    headers: tuple[tuple[int, str], ...] = ()  # level, header
    trusted_peers: tuple[str, ...] | None = ()  # globs; None: everybody
    reads_peer: bool = False
    spoken: tuple[str, ...] = ()  # headers in which a proxy speaks for others: nobody else's are kept
    fills: bool = True
    organisation: str = ""
    unknown: Scope | None = ("default", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Rule:
    """One access rule, worked out: `forbidden` backends, names that may and may not be asked for (None: any)."""

    name: str
    pattern: tuple[str, ...]
    forbidden: frozenset[str]
    models: tuple[str, ...] | None
    deny_models: tuple[str, ...]
    other_paths: bool


@dataclass(frozen=True, slots=True)
class Access:
    """All rules, in the file's order. Hashed by the configuration's digest, so that what follows from it can be kept by scope."""

    digest: str
    rules: tuple[Rule, ...] = ()

    def __hash__(self) -> int:
        return hash(self.digest)
