"""A price, and prices that follow one another in time. Money is whole micro-USD."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Integer micro-USD per million tokens (`request`: micro-USD per request).

    A prompt of more than `long_above` tokens is charged, answer and all, at the price `long`; where that is None, never.
    """

    input: int
    output: int
    cached_input: int
    cache_write: int
    reasoning: int
    request: int
    long_above: int = 0
    long: Price | None = None


NOTHING = Price(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices with the second, since the epoch, from which each holds. Rising, never empty."""

    steps: tuple[tuple[int, Price], ...]

    @staticmethod
    def flat(price: Price) -> Tariff:
        """One price, always."""
        return Tariff(((0, price),))

    def at(self, wall_s: float) -> Price:
        """The price that holds at `wall_s`, seconds since the epoch; before the first one is known to, the first one."""
        steps = self.steps
        for since_s, price in reversed(steps):
            if wall_s >= since_s:
                return price
        return steps[0][1]

    @property
    def is_free(self) -> bool:
        """True when nothing costs anything, ever."""
        return all(price == NOTHING for _, price in self.steps)


FREE = Tariff.flat(NOTHING)
