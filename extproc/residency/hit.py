"""A place in the scanned text that a detector's pattern has found."""

from __future__ import annotations

from typing import NamedTuple


class Hit(NamedTuple):
    """A candidate: `data[start:end]`, in the normal form of the text (`normalise`), as UTF-8."""

    data: bytes
    start: int
    end: int

    @property
    def text(self) -> str:
        """What was found; characters cut in two at an edge are dropped."""
        return self.data[self.start : self.end].decode(errors="ignore")

    def before(self, size_bytes: int) -> str:
        """At most `size_bytes` of the text before it."""
        return self.data[max(0, self.start - size_bytes) : self.start].decode(errors="ignore")

    def after(self, size_bytes: int) -> str:
        """At most `size_bytes` of the text behind it."""
        return self.data[self.end : self.end + size_bytes].decode(errors="ignore")

    def around(self, size_bytes: int) -> str:
        """What was found, with at most `size_bytes` of text on either side."""
        return self.data[max(0, self.start - size_bytes) : self.end + size_bytes].decode(errors="ignore")
