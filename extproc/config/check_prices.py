"""What no single field of a price can tell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from extproc.config.place import Finding, Place
from extproc.config.prices import Price, Rates
from extproc.config.types import Config

_OF_TOKENS = ("input", "output", "cached_input", "cache_write", "reasoning", "request_usd", "long_prompt")


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with the prices of `config`."""
    for name, backend in config.backends.items():
        if backend.price is not None:
            yield from _price(("backends", name, "price"), backend.price)
    for model, price in config.prices.items():
        yield from _price(("prices", model), price)


def _price(place: Place, price: Price) -> Iterator[Finding]:
    steps: list[tuple[Place, Rates]] = [(place, price), *(((*place, "then", index), step) for index, step in enumerate(price.then))]
    for where, rates in steps:
        said = _of_tokens(rates)
        if rates.gpu is not None and said:
            yield Finding((*where, "gpu"), f"is instead of token prices; leave `{'`, `'.join(said)}` out, or `gpu`", (where,))
    for (_, before), (where, after) in pairwise(steps):
        missing = [key for key in _of_tokens(before) if key not in _of_tokens(after)]
        if missing and after.gpu is None:
            yield Finding(where, f"does not say `{'`, `'.join(missing)}`, as the price before it does; a change is a whole price", (place,))
    for index, (before, after) in enumerate(pairwise(price.then), start=1):
        if not before.since < after.since:
            yield Finding((*place, "then", index, "since"), f"expected a day after {before.since}, found {after.since}", (place,))


def _of_tokens(rates: Rates) -> list[str]:
    return [key for key in _OF_TOKENS if key in rates.model_fields_set]
