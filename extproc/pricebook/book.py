"""The price book: what is in `book.yaml`, and how a model's name finds its place in it.

A name is looked up as it stands, then without the day of its snapshot, then without the vendor in front. Nothing is guessed:
a model that merely sounds like another has no price here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from extproc.pricebook.day import day_s, is_day
from extproc.pricebook.price import Price, Tariff

FILE = Path(__file__).parent / "book.yaml"

_MICRO = 1_000_000
_NAME_CHARS = 256  # no model has a longer name; those that callers invent must not fill the cache
_SNAPSHOT = re.compile(r"(.+)[-@](\d{4})(-?)(\d{2})\3(\d{2})")
_PROVIDER = frozenset({"name", "prefixes", "source", "checked", "via", "models"})
_LISTING = frozenset({"aliases", "note", "prices"})
_AMOUNTS = ("input", "output", "cached_input", "cache_write", "reasoning", "request")
_QUOTE = frozenset({*_AMOUNTS, "since", "source", "checked", "via", "long_prompt"})
_LONG = frozenset({*_AMOUNTS, "above"})


@dataclass(frozen=True, slots=True)
class Quote:
    """A price with the day it holds from, the page that names it, the day somebody looked, and who (empty: ourselves)."""

    since: str
    price: Price
    source: str
    checked: str
    via: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A model and what it costs, oldest quote first. `tariff` is the same for billing."""

    model: str
    provider: str
    aliases: tuple[str, ...]
    note: str
    quotes: tuple[Quote, ...]
    tariff: Tariff

    def quote_at(self, wall_s: float) -> Quote:
        """The quote whose price `tariff.at` gives."""
        return next((quote for quote in reversed(self.quotes) if wall_s >= day_s(quote.since)), self.quotes[0])


@dataclass(frozen=True, slots=True)
class Book:
    """The whole book. `edition` is the day of its last change; `names` has aliases too; `prefixes` lead to providers."""

    edition: str
    listings: tuple[Listing, ...]
    names: Mapping[str, Listing]
    prefixes: Mapping[str, str]


@lru_cache(maxsize=1)
def book() -> Book:
    """The book that is shipped."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> Book:
    """The book that YAML `text` says. Raises ValueError or KeyError when it is not one."""
    # Every scalar stays text: days are no dates of Python's, and amounts never pass through a float.
    data = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - this loader makes nothing but text, lists and mappings
    providers: Mapping[str, Any] = data["providers"]
    listings = tuple(listing for key, provider in providers.items() for listing in _listings(key, provider))
    named = [(name, listing) for listing in listings for name in (listing.model, *listing.aliases)]
    prefixed = [(prefix, key) for key, provider in providers.items() for prefix in provider["prefixes"]]
    for pairs in (named, prefixed):
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise ValueError(f"twice in the book: {sorted({name for name in names if names.count(name) > 1})}")
    day_s(data["edition"])
    return Book(data["edition"], listings, dict(named), dict(prefixed))


def find(name: str) -> Listing | None:
    """The listing of a model by any name that certainly means it."""
    return _find(name) if len(name) <= _NAME_CHARS else None


def canonical(name: str) -> str:
    """The name under which the book lists a model, or `name` itself where it does not."""
    listing = find(name)
    return listing.model if listing else name


def tariff_of(prices: Mapping[str, Tariff], name: str) -> Tariff | None:
    """What `prices`, by the book's names or any other, says of a model; None when it does not know it."""
    return prices.get(name) or prices.get(canonical(name))


@lru_cache(maxsize=4096)
def _find(name: str) -> Listing | None:
    names = book().names
    listing = names.get(name) or names.get(_without_snapshot(name))
    if listing is not None:
        return listing
    prefix, _, rest = name.partition("/")
    listing = names.get(rest) or names.get(_without_snapshot(rest))
    return listing if listing is not None and listing.provider == book().prefixes.get(prefix) else None


def _without_snapshot(name: str) -> str:
    """`gpt-4o` for `gpt-4o-2024-08-06`, and so for `-20250514` and `@20250514`, where these are days."""
    found = _SNAPSHOT.fullmatch(name)
    return found[1] if found and is_day(int(found[2]), int(found[4]), int(found[5])) else name


def _listings(key: str, provider: Mapping[str, Any]) -> Iterator[Listing]:
    _known(provider, _PROVIDER, key)
    for model, entry in provider["models"].items():
        _known(entry, _LISTING, model)
        quotes = tuple(_quote(model, {**_origin(provider), **quoted}) for quoted in entry["prices"])
        tariff = Tariff(tuple((day_s(quote.since), quote.price) for quote in quotes))
        yield Listing(model, key, tuple(entry.get("aliases", ())), entry.get("note", ""), quotes, tariff)


def _origin(provider: Mapping[str, str]) -> dict[str, str]:
    return {name: provider[name] for name in ("source", "checked", "via") if name in provider}


def _quote(model: str, quoted: Mapping[str, Any]) -> Quote:
    _known(quoted, _QUOTE, model)
    day_s(quoted["checked"])
    long = quoted.get("long_prompt")
    if long is None:
        return Quote(quoted["since"], _price(quoted), quoted["source"], quoted["checked"], quoted.get("via", ""))
    _known(long, _LONG, model)
    price = _price(quoted, long_above=int(long["above"]), long=_price(long))
    return Quote(quoted["since"], price, quoted["source"], quoted["checked"], quoted.get("via", ""))


def _price(amounts: Mapping[str, Any], *, long_above: int = 0, long: Price | None = None) -> Price:
    fresh, output = amounts["input"], amounts.get("output", "0")
    return Price(
        input=_micro(fresh),
        output=_micro(output),
        cached_input=_micro(amounts.get("cached_input", fresh)),
        cache_write=_micro(amounts.get("cache_write", fresh)),
        reasoning=_micro(amounts.get("reasoning", output)),
        request=_micro(amounts.get("request", "0")),
        long_above=long_above,
        long=long,
    )


def _micro(usd: str) -> int:
    micro = Decimal(usd) * _MICRO
    if micro != int(micro) or micro < 0:
        raise ValueError(f"{usd} is no amount of whole micro-USD")
    return int(micro)


def _known(entry: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
    if not keys.issuperset(entry):
        raise ValueError(f"{where}: {sorted(set(entry) - keys)} is not known")
