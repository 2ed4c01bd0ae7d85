"""The caller's API key, which is hashed at once and goes no further."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

ANONYMOUS = "anonymous"
_BEARER = "bearer "


def key_digest(headers: Mapping[str, str]) -> str:
    """sha256, in hex, of the key in `x-api-key`, else in `authorization` without its `Bearer`; empty without a key."""
    key = headers.get("x-api-key") or bare(headers.get("authorization", ""))
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


def bare(value: str) -> str:
    """What follows `Bearer` (RFC 6750, 2.1; the word in any case), else the whole value."""
    return value[7:].strip() if value[:7].lower() == _BEARER else value


def credential_name(digest: str) -> str:
    """The short name of a key in records, `key-` and 12 digits of its digest: enough to find it again, too little to use it."""
    return f"key-{digest[:12]}" if digest else ANONYMOUS
