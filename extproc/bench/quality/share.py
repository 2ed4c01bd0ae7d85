"""A share of a count, with how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

_Z95 = 1.959963984540054  # the 97.5th percentile of the normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    def interval(self) -> tuple[float, float]:
        """The Wilson score interval of 95%: of few rows, or near 0 and 1, it stays honest where the normal one does not.

        E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927). Of nothing: all of it.
        """
        if not self.of:
            return 0.0, 1.0
        p, n, z2 = self.count / self.of, self.of, _Z95 * _Z95
        centre = p + z2 / (2 * n)
        spread = _Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        scale = 1 + z2 / n
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

    def to_json(self) -> dict[str, Any]:
        """As JSON members, rounded to four places."""
        low, high = self.interval()
        share = None if self.share is None else round(self.share, 4)
        return {"count": self.count, "of": self.of, "share": share, "low": round(low, 4), "high": round(high, 4)}


def share_of(flags: list[bool]) -> Share:
    """How many of `flags` are true."""
    return Share(sum(flags), len(flags))
