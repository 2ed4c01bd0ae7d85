"""What is kept of a conversation: kinds of what it carried, and who answered last. Never a word of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MAX_TOKENS = 2**40


@dataclass(frozen=True, slots=True)
class Memory:
    """`held` are the sensitive kinds that have kept it on-premises; `prompt_tokens` is how much `backend` has read of it."""

    held: tuple[str, ...] = ()
    tier: str = ""
    backend: str = ""
    prompt_tokens: int = 0
    at: float = 0.0  # seconds since the epoch, of its last turn

    def fields(self, opening: str) -> tuple[str, ...]:
        """As the store keeps it: name, value, name, value ... `held` is left out where it is empty, so that it never shrinks."""
        values = (self.tier, self.backend, str(self.prompt_tokens), f"{self.at:.3f}")
        named = tuple(part for pair in zip(names(opening)[1:], values, strict=True) for part in pair)
        return (HELD, " ".join(self.held), *named) if self.held else named


HELD = "h"


def names(opening: str) -> tuple[str, ...]:
    """The fields of a thread: what its conversation is held for, then its own tier, backend, tokens and time."""
    return (HELD, *(f"{field}{opening}" for field in "tbna"))


def memory_of(values: Sequence[bytes | None]) -> Memory | None:
    """The memory of these values of `names`; None where nothing is remembered, or what is there was not written here."""
    if not any(values):
        return None
    held, tier, backend, tokens, at = ((value or b"").decode("utf-8", "replace") for value in values)
    try:
        return Memory(tuple(held.split()), tier, backend, min(int(tokens or 0), _MAX_TOKENS), float(at or 0))
    except ValueError:
        return Memory(tuple(held.split()))
