"""What a scan says: kinds and counts, and what it could not read. Never any text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of one scan. Clean means: no kinds, nothing unread, no error."""

    kinds: tuple[tuple[str, int], ...] = ()  # (kind, how many different values of it, up to a bound), sorted by kind
    unread: tuple[str, ...] = ()  # words of `config.kinds.UNREAD`, sorted
    is_error: bool = False  # the scan failed, so nothing is known; the rest is empty

    @property
    def is_clean(self) -> bool:
        """Whether everything was read and nothing was found."""
        return not (self.kinds or self.unread or self.is_error)

    def has(self, kind: str) -> bool:
        """Whether something of this kind was found."""
        return any(found == kind for found, _ in self.kinds)
