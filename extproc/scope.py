"""Who a request belongs to: a path of up to five names, from the organisation down to the user.

    acme / retail / search / indexer / alice
    organisation, department, team, app, user

Limits, access rules and reports all hang on it. A level nobody named is the empty name; as text it is `-`. Names are held
to characters that are safe in keys, labels and file names, the rest is percent-encoded (RFC 3986, 2.1), so no name can
reach into another's keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

LEVELS = ("organisation", "department", "team", "app", "user")
ANY = "*"

_LONGEST_NAME = 64
_NOBODY = "-"
_HALF_ESCAPE = re.compile(r"%[0-9A-F]?$")
_HELD = re.compile(r"(?:[A-Za-z0-9._~@+:-]|%[0-9A-F]{2}){1,64}")

Scope = tuple[str, str, str, str, str]


def scope_of(names: Iterable[str]) -> Scope:
    """The scope of these raw names, outermost first; missing ones are empty, names beyond the fifth are ignored."""
    held = [_held(name) for name in names][: len(LEVELS)]
    held += [""] * (len(LEVELS) - len(held))
    return (held[0], held[1], held[2], held[3], held[4])


def text_of(names: Iterable[str]) -> str:
    """`acme/retail/-/indexer`: a scope or a part of one as people and records write it; empty names at the end are left out."""
    written = [name or _NOBODY for name in names]
    while written and written[-1] == _NOBODY:
        written.pop()
    return "/".join(written)


@lru_cache(maxsize=4096)
def parse(text: str) -> Scope:
    """The scope that `text_of` wrote."""
    names = ["" if name == _NOBODY else name for name in text.split("/")][: len(LEVELS)]
    names += [""] * (len(LEVELS) - len(names))
    return (names[0], names[1], names[2], names[3], names[4])


def pattern_of(text: str) -> tuple[str, ...]:
    """`acme/*/search` as names, where `*` is any. Raises ValueError when it is no such path."""
    names = tuple(text.split("/"))
    if not 1 <= len(names) <= len(LEVELS):
        raise ValueError(f"must be 1 to {len(LEVELS)} names with slashes between them: {'/'.join(LEVELS)}")
    for name in names:
        if name not in (ANY, _NOBODY) and not _HELD.fullmatch(name):
            raise ValueError("must be made of letters, digits and . _ - ~ @ + : (anything else percent-encoded), or be `*` for any")
    return tuple("" if name == _NOBODY else name for name in names)


def matches(pattern: tuple[str, ...], scope: Scope) -> bool:
    """Whether `scope` lies at or below `pattern`."""
    return all(wanted in (ANY, name) for wanted, name in zip(pattern, scope, strict=False))


def _held(name: str) -> str:
    """The name as it is kept: percent-encoded, and where it is too long cut, with a digest that tells it from others.

    Only names that were cut have the full length, so none is another's.
    """
    safe = name if name.isalnum() and name.isascii() else quote(name, safe="@+:", errors="replace")
    if safe == _NOBODY:
        return "%2D"
    if len(safe) < _LONGEST_NAME:
        return safe
    # Half an escape at the cut would be no name that a pattern can have.
    cut = _HALF_ESCAPE.sub(lambda half: "~" * len(half[0]), safe[: _LONGEST_NAME - 17])
    return cut + "~" + hashlib.sha256(safe.encode()).hexdigest()[:16]
