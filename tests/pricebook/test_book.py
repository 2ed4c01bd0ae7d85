"""The shipped book is sound, and a name finds its place in it or none."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.pricebook import Listing, Price, Quote, book, canonical, day_s, find, tariff_of
from extproc.pricebook.book import read

LISTINGS = book().listings
QUOTES = [(listing, quote) for listing in LISTINGS for quote in listing.quotes]
NOON_S = day_s("2026-11-21") + 12 * 3600

TEXT = """\
edition: 2026-11-21
providers:
  acme:
    name: Acme
    prefixes: [acme]
    source: https://acme.example/prices
    checked: 2026-11-01
    models:
      m-1:
        aliases: [m-one]
        prices:
          - {since: 2026-01-01, input: 3, output: 15}
          - {since: 2026-06-01, input: 0.000001, cached_input: 0, output: 4, request: 0.5, checked: 2026-11-02, via: somebody}
"""


def _shown(pair: tuple[Listing, Quote]) -> str:
    return f"{pair[0].model} {pair[1].since}"


# ---- the shipped book ----


def test_the_book_has_the_models_of_many_vendors() -> None:
    assert len(LISTINGS) >= 40
    assert {"openai", "anthropic", "google", "mistral", "deepseek", "cohere", "xai"} <= {listing.provider for listing in LISTINGS}


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.model)
def test_a_model_s_prices_follow_one_another(listing: Listing) -> None:
    days = [quote.since for quote in listing.quotes]
    assert days == sorted(set(days))
    assert [since for since, _ in listing.tariff.steps] == [day_s(day) for day in days]
    assert all(before.price != after.price for before, after in pairwise(listing.quotes)), "a change that changes nothing"


@pytest.mark.parametrize(("listing", "quote"), QUOTES, ids=[_shown(pair) for pair in QUOTES])
def test_a_quote_says_where_it_is_from_and_adds_up(listing: Listing, quote: Quote) -> None:
    assert urlsplit(quote.source).scheme == "https"
    assert urlsplit(quote.source).netloc
    assert quote.checked <= book().edition
    for price in filter(None, (quote.price, quote.price.long)):
        assert 0 < price.input < 1_000 * 1_000_000
        assert 0 <= price.cached_input <= price.input <= price.cache_write
        assert price.reasoning == price.output
        assert price.output >= price.input or price.output == 0, "answers cost no less than prompts, and embeddings have none"
    if quote.price.long is not None:
        assert quote.price.long_above >= 100_000
        assert quote.price.long.input > quote.price.input
    else:
        assert quote.price.long_above == 0


def test_only_a_published_change_lies_ahead() -> None:
    ahead = [listing for listing in LISTINGS if listing.quotes[-1].since > book().edition]
    assert all(listing.note for listing in ahead)
    assert all(listing.quotes[0].since <= book().edition for listing in LISTINGS)


@pytest.mark.parametrize(
    ("model", "day", "input_usd", "output_usd"),
    [
        ("gpt-5", "2026-01-01", 1.25, 10),
        ("gpt-4o", "2024-06-01", 5, 15),
        ("gpt-4o", "2025-06-01", 2.5, 10),
        ("o3", "2025-06-09", 10, 40),
        ("o3", "2025-06-10", 2, 8),
        ("claude-sonnet-4-5", "2026-01-01", 3, 15),
        ("claude-haiku-4-5", "2026-01-01", 1, 5),
        ("gemini-2.5-pro", "2026-01-01", 1.25, 10),
        ("gemini-3.8-flash", "2026-12-31", 0.75, 3.75),
        ("gemini-3.8-flash", "2027-01-01", 1.5, 7.5),
        ("text-embedding-3-small", "2026-01-01", 0.02, 0),
    ],
)
def test_well_known_prices_on_well_known_days(model: str, day: str, input_usd: float, output_usd: float) -> None:
    listing = find(model)
    assert listing is not None
    price = listing.tariff.at(day_s(day))
    assert (price.input, price.output) == (round(input_usd * 1_000_000), round(output_usd * 1_000_000))


# ---- names ----


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai/gpt-4o", "gpt-4o"),
        ("openai/gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("gemini/gemini-2.5-flash", "gemini-2.5-flash"),
        ("mistralai/codestral-2508", "codestral-2508"),
    ],
)
def test_a_name_that_certainly_means_a_model_finds_it(name: str, model: str) -> None:
    assert canonical(name) == model
    assert tariff_of({model: LISTINGS[0].tariff}, name) is LISTINGS[0].tariff


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gpt",
        "GPT-4o",
        "gpt-4o-of-ours",
        "gpt-4o-2024-13-06",
        "gpt-4o-2025-02-29",
        "gpt-4o-2024-0806",
        "gpt-4o-20240806-2024-08-06",
        "anthropic/gpt-4o",
        "somebody/gpt-4o",
        "openai/",
        "Qwen/Qwen3-4B",
        "openai/openai/gpt-4o",
        "gpt-4o" + "x" * 10_000,
    ],
)
def test_a_name_that_only_sounds_like_one_does_not(name: str) -> None:
    assert find(name) is None
    assert tariff_of({}, name) is None


@given(st.text(max_size=300))
def test_no_name_makes_the_look_up_raise(name: str) -> None:
    listing = find(name)
    assert canonical(name) == (listing.model if listing else name)


def test_every_name_in_the_book_finds_its_own_listing() -> None:
    for listing in LISTINGS:
        assert all(find(name) is listing for name in (listing.model, *listing.aliases))


# ---- reading ----


def test_a_book_is_read_exactly() -> None:
    (listing,) = read(TEXT).listings
    first, second = listing.quotes
    assert (listing.model, listing.provider, listing.aliases, listing.note) == ("m-1", "acme", ("m-one",), "")
    assert first == Quote("2026-01-01", Price(3_000_000, 15_000_000, 3_000_000, 3_000_000, 15_000_000, 0), first.source, "2026-11-01", "")
    assert second.price == Price(1, 4_000_000, 0, 1, 4_000_000, 500_000)
    assert (second.source, second.checked, second.via) == ("https://acme.example/prices", "2026-11-02", "somebody")
    assert [listing.quote_at(day_s(day)) for day in ("2025-01-01", "2026-05-31", "2026-06-01")] == [first, first, second]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("input: 3,", "inptu: 3,", "inptu"),
        ("aliases: [m-one]", "aliases: [m-1]", "twice"),
        ("0.000001", "0.0000001", "whole micro-USD"),
        ("input: 3,", "input: -3,", "whole micro-USD"),
        ("since: 2026-06-01", "since: 2026-06-31", "calendar"),
        ("checked: 2026-11-01", "checked: yesterday", "a day"),
        ("edition: 2026-11-21", "edition: soon", "a day"),
    ],
)
def test_a_book_with_a_slip_is_not_read(old: str, new: str, why: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=why):
        read(TEXT.replace(old, new))


# ---- prices in time ----


def test_before_the_first_price_is_known_to_hold_it_stands_all_the_same() -> None:
    listing = find("o3")
    assert listing is not None
    assert listing.tariff.at(0) == listing.quotes[0].price
    assert listing.quote_at(0) is listing.quotes[0]


@given(st.integers(-(10**12), 10**12))
def test_a_price_is_that_of_the_last_step_begun(at: int) -> None:
    for listing in (find("gpt-4o"), find("mistral-large-4"), find("gpt-5")):
        assert listing is not None
        begun = [price for since, price in listing.tariff.steps if since <= at]
        assert listing.tariff.at(at) == (begun[-1] if begun else listing.quotes[0].price)


@pytest.mark.parametrize("text", ["2026-1-1", "2026-02-30", "2026-00-01", "1969-12-31", "tomorrow", "", "2026-01-01T00:00", "२०२६-०१-०१"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a day"):
        day_s(text)


def test_a_day_begins_at_midnight_utc() -> None:
    assert (day_s("1970-01-01"), day_s("2024-02-29"), day_s("2027-01-01")) == (0, 1_709_164_800, 1_798_761_600)
