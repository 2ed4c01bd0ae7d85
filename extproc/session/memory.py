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

    def fields(self) -> tuple[str, ...]:
        """As the store keeps it: name, value, name, value ... `held` is left out where it is empty, so that it never shrinks."""
        named = ("t", self.tier, "b", self.backend, "n", str(self.prompt_tokens), "a", f"{self.at:.3f}")
        return ("h", " ".join(self.held), *named) if self.held else named


FIELDS = ("h", "t", "b", "n", "a")


def memory_of(values: Sequence[bytes | None]) -> Memory | None:
    """The memory of these values of `FIELDS`; None where nothing is remembered, or what is there was not written here."""
    if not any(values):
        return None
    held, tier, backend, tokens, at = ((value or b"").decode("utf-8", "replace") for value in values)
    try:
        return Memory(tuple(held.split()), tier, backend, min(int(tokens or 0), _MAX_TOKENS), float(at or 0))
    except ValueError:
        return Memory(tuple(held.split()))
