"""`x-forwarded-client-cert`: what proxies on the way saw of each other's certificates.

Elements have commas between them, one for each proxy, the nearest last; an element is `Key=Value` pairs with semicolons. A
value that holds one of `,;=` is in double quotes, in which a backslash escapes a quote (Envoy's HTTP header manipulation).
"""

from __future__ import annotations

import re
from functools import lru_cache

# No two parts of it match the same character, so it never reads a stretch twice.
_PAIR = re.compile(r'[ \t]*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"[ \t]*|([^",;]*))([;,]|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MAX_KEPT = 2048


def uris(header: str, hops: int) -> tuple[str, ...]:
    """The URIs of the element that is `hops` from the end (1: the last). Nothing when a part of the header cannot be read."""
    return (_kept if len(header) <= _MAX_KEPT else _read)(header, hops)


def _read(header: str, hops: int) -> tuple[str, ...]:
    elements: list[list[str]] = [[]]
    position, separator = 0, ","
    while separator:
        pair = _PAIR.match(header, position)
        if pair is None:
            return ()
        key, quoted, plain, separator = pair.groups()
        if key.lower() == "uri":
            elements[-1].append(_ESCAPED.sub(r"\1", quoted) if quoted is not None else plain.rstrip(" \t"))
        if separator == ",":
            elements.append([])
        position = pair.end()
    return tuple(elements[-hops]) if hops <= len(elements) else ()


_kept = lru_cache(maxsize=1024)(_read)
