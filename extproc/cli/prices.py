"""`tiermesh prices`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from extproc.cli.table import page
from extproc.clock import SystemClock
from extproc.config import Config, Location, Price, Tariff, compile_config, load
from extproc.config.place import did_you_mean
from extproc.config.types import Backend
from extproc.errors import StartError
from extproc.pricebook import Listing, book, canonical, day_s, find

_COLUMNS = ("input", "cached input", "cache write", "output")


@dataclass(frozen=True, slots=True)
class _Row:
    """What one name costs and who says so: the book (`listing`) or a place in the configuration (`place`)."""

    name: str
    tariff: Tariff
    listing: Listing | None = None
    place: str = ""


def run(args: argparse.Namespace) -> int:
    """0, or 1 when a model that was asked for has no known price."""
    at = _at(args.at)
    config = load(args.config) if args.config else None
    own = compile_config(config).prices if config else {}
    rows, unknown = _rows(args.model, config, own)
    backends = list(_backends(config)) if config and not args.model else []
    if args.json:
        print(json.dumps(_json(rows, backends, at)))
    else:
        _show(rows, backends, at, is_history=bool(args.model))
    for name in unknown:
        print(f"tiermesh: no price is known for `{name}`{did_you_mean(name, book().names)}", file=sys.stderr)
    return 1 if unknown else 0


def _at(day: str) -> float:
    try:
        return day_s(day) if day else SystemClock().wall()
    except ValueError as error:
        raise StartError(f"--at {day}: {error}") from error


def _rows(names: list[str], config: Config | None, prices: dict[str, Tariff]) -> tuple[list[_Row], list[str]]:
    """Rows for `names`, or for all there is, and the names that are in neither the configuration nor the book."""
    configured = set(config.prices) if config else set()
    if not names:
        mine = [_Row(name, prices[name], place=f"prices.{name}") for name in sorted(configured)]
        return [*mine, *(_Row(entry.model, entry.tariff, entry) for entry in book().listings if entry.model not in configured)], []
    rows, unknown = [], []
    for name in names:
        own = next((known for known in (name, canonical(name)) if known in configured), None)
        listing = find(name)
        if own is not None:
            rows.append(_Row(name, prices[own], place=f"prices.{own}"))
        elif listing is not None:
            rows.append(_Row(listing.model, listing.tariff, listing))
        else:
            unknown.append(name)
    return rows, unknown


def _backends(config: Config) -> Iterator[_Row]:
    policy = compile_config(config)
    for name, settings in config.backends.items():
        yield _Row(name, policy.backends[name].tariff, *_origin(name, settings, config))


def _origin(name: str, settings: Backend, config: Config) -> tuple[Listing | None, str]:
    """Which entry a backend's price was taken from, in the order in which they are looked at."""
    if settings.price is not None:
        return None, f"backends.{name}.price" + (" (hours of GPUs)" if settings.price.gpu else "")
    for known in (settings.model, canonical(settings.model)):
        if known in config.prices and (settings.location is Location.CLOUD or known == settings.model):
            return None, f"prices.{known}"
    return (find(settings.model), "") if settings.location is Location.CLOUD else (None, "")


# ---- tables ----


def _show(rows: list[_Row], backends: list[_Row], at: float, *, is_history: bool) -> None:
    console = page()
    if backends:
        console.print(_backend_table(backends, at))
    console.print(_model_table(rows, at, is_history=is_history))
    for note in dict.fromkeys(f"{row.name}: {row.listing.note}" for row in rows if is_history and row.listing and row.listing.note):
        console.print(note, highlight=False)
    console.print(f"US dollars per million tokens on {_day(at)}. The price book is of {book().edition}.", highlight=False)


def _backend_table(rows: list[_Row], at: float) -> Table:
    table = _table("backend", "price from")
    for row in rows:
        source = f"price book: {row.listing.model}" if row.listing else row.place or "nowhere: it costs nothing"
        table.add_row(row.name, source, *_amounts(row.tariff.at(at)))
    return table


def _model_table(rows: list[_Row], at: float, *, is_history: bool) -> Table:
    table = _table("model", "since")
    for column in ("checked", "source"):
        table.add_column(column, overflow="fold")
    for row in rows:
        for since, price in row.tariff.steps if is_history else ((_since(row.tariff, at), row.tariff.at(at)),):
            table.add_row(row.name, _day(since) if since else "", *_amounts(price), *_source(row, since, is_history=is_history))
    return table


def _table(*first: str) -> Table:
    table = Table(*first)
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _amounts(price: Price) -> Iterable[str]:
    prices = [price] if price.long is None else [price, price.long]
    for each in ("input", "cached_input", "cache_write", "output"):
        yield "\n".join(_usd(getattr(one, each)) + (f" >{price.long_above // 1000}k" if one is price.long else "") for one in prices)


def _source(row: _Row, since: int, *, is_history: bool) -> tuple[str, str]:
    if row.listing is None:
        return "", row.place
    quote = row.listing.quote_at(since)
    via = f" (via {quote.via})" if is_history and quote.via else ""
    return quote.checked, quote.source.removeprefix("https://") + via


def _since(tariff: Tariff, at: float) -> int:
    return next((since for since, _ in reversed(tariff.steps) if since <= at), tariff.steps[0][0])


def _usd(micro_usd: int) -> str:
    return f"{micro_usd / 1e6:.6f}".rstrip("0").rstrip(".")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


# ---- JSON ----


def _json(rows: list[_Row], backends: list[_Row], at: float) -> dict[str, Any]:
    return {
        "unit": "micro-USD per million tokens; request: micro-USD",
        "edition": book().edition,
        "at": _day(at),
        "backends": [_entry(row, at) for row in backends],
        "models": [_entry(row, at) for row in rows],
    }


def _entry(row: _Row, at: float) -> dict[str, Any]:
    listing = row.listing
    said = {"model": listing.model, "provider": listing.provider, "aliases": listing.aliases, "note": listing.note} if listing else {}
    steps = [{"since": _day(since) if since else "", **_price(price), **_evidence(row, since)} for since, price in row.tariff.steps]
    return {"name": row.name, "from": "book" if listing else row.place, **said, "price": _price(row.tariff.at(at)), "prices": steps}


def _evidence(row: _Row, since: int) -> dict[str, str]:
    if row.listing is None:
        return {}
    quote = row.listing.quote_at(since)
    return {"source": quote.source, "checked": quote.checked, "via": quote.via}


def _price(price: Price) -> dict[str, Any]:
    members = {
        name: getattr(price, name) for name in ("input", "output", "cached_input", "cache_write", "reasoning", "request", "long_above")
    }
    return {**members, "long": _price(price.long) if price.long else None}
