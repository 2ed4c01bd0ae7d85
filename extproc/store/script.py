"""A script the server runs in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from extproc.store.resp import pack

Argument = str | bytes | int


@dataclass(frozen=True, slots=True)
class Script:
    """Lua text and the SHA-1 digest that servers know it by once they have seen it (Redis: EVALSHA)."""

    text: str
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha1", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def by_digest(self, keys: Sequence[str], arguments: Sequence[Argument]) -> bytes:
        """The call for a server that knows it."""
        return pack(("EVALSHA", self.sha1, len(keys), *keys, *arguments))

    def by_text(self, keys: Sequence[str], arguments: Sequence[Argument]) -> bytes:
        """The call for one that does not; afterwards it does."""
        return pack(("EVAL", self.text, len(keys), *keys, *arguments))
