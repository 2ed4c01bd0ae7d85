"""Prices as they are written to prices as they are charged: whole micro-USD, by date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from extproc.config.prices import Gpu, Long, Price, Rates
from extproc.config.section import Location
from extproc.config.types import Backend, Config
from extproc.pricebook import FREE, Tariff, book, day_s, tariff_of
from extproc.pricebook import Price as Charged

MICRO = 1_000_000
_SECONDS_AN_HOUR = 3600


def tariffs(config: Config) -> dict[str, Tariff]:
    """What every model costs whose price is known by its name: the book's, with the configured ones in their place."""
    shipped = {listing.model: listing.tariff for listing in book().listings}
    return shipped | {model: tariff(settings) for model, settings in config.prices.items()}


def backend_tariff(backend: Backend, config: Config, prices: Mapping[str, Tariff]) -> Tariff:
    """What a backend charges: its own price, else what `prices` says of its model. Our own machines are not in the book."""
    if backend.price is not None:
        return tariff(backend.price)
    if backend.location is Location.CLOUD or backend.model in config.prices:
        return tariff_of(prices, backend.model) or FREE
    return FREE


def tariff(settings: Price) -> Tariff:
    """The price and those that follow it."""
    return Tariff(((0, price(settings)), *((day_s(change.since), price(change)) for change in settings.then)))


def price(settings: Rates) -> Charged:
    """Whole micro-USD per million tokens; exact, because the configuration allows six digits after the point."""
    if settings.gpu is not None:
        return _of_hours(settings.gpu)
    fee, long = micro(settings.request_usd), settings.long_prompt
    short = _of_tokens(settings, fee)
    return short if long is None else replace(short, long_above=long.above, long=_of_tokens(long, fee))


def _of_tokens(settings: Rates | Long, request: int) -> Charged:
    return Charged(
        input=micro(settings.input),
        output=micro(settings.output),
        cached_input=micro(settings.input if settings.cached_input is None else settings.cached_input),
        cache_write=micro(settings.input if settings.cache_write is None else settings.cache_write),
        reasoning=micro(settings.output if settings.reasoning is None else settings.reasoning),
        request=request,
    )


def _of_hours(gpu: Gpu) -> Charged:
    """The price of a second on all the GPUs, shared out to what they do in one; half up to whole micro-USD per million."""
    second = Fraction(gpu.usd_per_hour) * gpu.count / _SECONDS_AN_HOUR
    read, written = (_half_up(second / Fraction(rate) * MICRO * MICRO) for rate in (gpu.input_tokens_per_s, gpu.output_tokens_per_s))
    return Charged(input=read, output=written, cached_input=read, cache_write=read, reasoning=written, request=0)


def _half_up(number: Fraction) -> int:
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def micro(usd: Decimal) -> int:
    """Whole micro-USD."""
    return int(usd * MICRO)
