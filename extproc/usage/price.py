"""Tokens times prices, in whole micro-USD.

Prices are integers per million tokens, so the sum is exact before it is rounded, and it is rounded once, half up: a bill of
a million requests adds up to what its lines say.
"""

from __future__ import annotations

from extproc.config import Policy, Price
from extproc.pricebook import tariff_of
from extproc.usage.token import Tokens

_MILLION = 1_000_000


def cost_micro_usd(price: Price, tokens: Tokens) -> int:
    """What `tokens` cost at `price`, the fee per request included. Never negative."""
    if price.long is not None and tokens.prompt > price.long_above:
        price = price.long
    fresh = tokens.prompt - tokens.cached - tokens.cache_write
    plain = tokens.completion - tokens.reasoning
    millionths = (
        fresh * price.input
        + tokens.cached * price.cached_input
        + tokens.cache_write * price.cache_write
        + plain * price.output
        + tokens.reasoning * price.reasoning
    )
    return (millionths + _MILLION // 2) // _MILLION + price.request


def asked_price(policy: Policy, model: str, answered: str, at: float) -> Price:
    """The price, `at` seconds since the epoch, of the model a caller asked for.

    A backend's that has the name (`answered` first), else the one configured or in the price book, else the baseline's.
    """
    chosen = policy.backends.get(answered)
    if chosen is not None and model in chosen.names:
        return chosen.tariff.at(at)
    for backend in policy.backends.values():
        if model in backend.names:
            return backend.tariff.at(at)
    return (tariff_of(policy.prices, model) or policy.baseline.tariff).at(at)
