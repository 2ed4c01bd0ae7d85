"""Prices as they are written, as they are charged, and where they come from."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Policy, Price, compile_config, parse, warnings
from extproc.config.compile_prices import price, tariff
from extproc.config.prices import Gpu, Long, Rates
from extproc.config.prices import Price as Written
from extproc.pricebook import FREE, book, day_s, find

MONEY = st.decimals(min_value=0, max_value=1_000_000, places=6)
RATE = st.decimals(min_value="0.001", max_value=1_000_000, places=3)


def policy(backend: str = "", prices: str = "") -> Policy:
    """A configuration with an on-premises backend and `backend` as the second one."""
    local = "local: {url: http://127.0.0.1:1, model: qwen, tier: simple, location: on_prem}"
    return compile_config(parse(f"backends:\n  {local}\n  {backend}\n" + (f"prices: {prices}\n" if prices else "")))


def cloud(model: str, settings: str = "") -> str:
    return f"cloud: {{url: https://h, model: {model}, tier: complex{settings}}}"


# ---- exactness ----


@given(MONEY, MONEY)
def test_prices_are_exact_to_the_millionth(of_input: Decimal, of_output: Decimal) -> None:
    made = price(Rates(input=of_input, output=of_output, request_usd=of_input))
    assert made.input == made.request == int(str(of_input.scaleb(6).to_integral_exact()))
    assert Decimal(made.output).scaleb(-6) == of_output


def test_a_price_that_is_not_set_is_that_of_input_or_output() -> None:
    assert price(Rates(input=Decimal("0.15"), output=Decimal("0.6"))) == Price(150_000, 600_000, 150_000, 150_000, 600_000, 0)
    free = price(Rates(input=Decimal(1), output=Decimal(2), cached_input=Decimal(0), cache_write=Decimal("1.25"), reasoning=Decimal(3)))
    assert (free.cached_input, free.cache_write, free.reasoning) == (0, 1_250_000, 3_000_000)


def test_long_prompts_have_a_price_of_their_own_and_the_same_fee() -> None:
    long = Long(above=200_000, input=Decimal("2.5"), output=Decimal(15))
    made = price(
        Rates(input=Decimal("1.25"), cached_input=Decimal("0.125"), output=Decimal(10), request_usd=Decimal("0.01"), long_prompt=long)
    )
    assert (made.input, made.cached_input, made.long_above) == (1_250_000, 125_000, 200_000)
    assert made.long == Price(2_500_000, 15_000_000, 2_500_000, 2_500_000, 15_000_000, 10_000)


# ---- hours of GPUs ----


@pytest.mark.parametrize(
    ("usd_per_hour", "count", "read", "written", "of_input", "of_output"),
    [
        # 2.49 / 3600 / 21000 * 1e6 = 0.0329365..., 2.49 / 3600 / 2400 * 1e6 = 0.2881944...
        ("2.49", 1, "21000", "2400", 32_937, 288_194),
        ("2.49", 8, "21000", "2400", 263_492, 2_305_556),
        ("3.6", 1, "1000", "1", 1_000_000, 1_000_000_000),
        ("0", 4, "1", "1", 0, 0),
        ("0.0036", 1, "2000000", "1999999", 1, 1),  # 0.5 goes up
        ("0.0036", 1, "2000001", "4000000", 0, 0),
    ],
)
def test_hours_of_gpus_become_a_price_of_tokens(
    usd_per_hour: str, count: int, read: str, written: str, of_input: int, of_output: int
) -> None:
    gpu = Gpu(usd_per_hour=Decimal(usd_per_hour), count=count, input_tokens_per_s=Decimal(read), output_tokens_per_s=Decimal(written))
    assert price(Rates(gpu=gpu)) == Price(of_input, of_output, of_input, of_input, of_output, 0)


@given(MONEY, st.integers(1, 1000), RATE)
def test_an_hour_at_full_speed_costs_what_the_gpus_cost_but_for_rounding(usd_per_hour: Decimal, count: int, rate: Decimal) -> None:
    gpu = Gpu(usd_per_hour=usd_per_hour, count=count, input_tokens_per_s=rate, output_tokens_per_s=rate)
    tokens = Fraction(rate) * 3600
    charged = tokens * price(Rates(gpu=gpu)).input / 1_000_000
    assert abs(charged - Fraction(usd_per_hour) * count * 1_000_000) <= tokens / 2_000_000


# ---- changes ----


def test_a_price_changes_at_midnight_utc() -> None:
    text = '{input: 3, output: 15, then: [{since: "2027-01-01", input: 2, output: 10}, {since: "2027-07-01", input: 1, output: 5}]}'
    changing = policy(cloud("m", f", price: {text}")).backends["cloud"].tariff
    midnight = day_s("2027-01-01")
    assert [changing.at(at).input for at in (0, midnight - 0.001, midnight, day_s("2027-07-01"))] == [
        3_000_000,
        3_000_000,
        2_000_000,
        1_000_000,
    ]


def test_a_change_may_be_to_hours_of_gpus_and_back() -> None:
    hours = "gpu: {usd_per_hour: 3.6, input_tokens_per_s: 1000, output_tokens_per_s: 1000}"
    text = f'{{input: 3, output: 15, then: [{{since: "2027-01-01", {hours}}}, {{since: "2027-02-01", input: 4}}]}}'
    changing = policy(cloud("m", f", price: {text}")).backends["cloud"].tariff
    assert [changing.at(day_s(day)).output for day in ("2026-12-31", "2027-01-01", "2027-02-01")] == [15_000_000, 1_000_000, 0]


# ---- where a price comes from ----


def test_a_cloud_backend_without_a_price_costs_what_the_book_says() -> None:
    listing = find("gpt-4o")
    assert listing is not None
    assert policy(cloud("gpt-4o-2024-08-06")).backends["cloud"].tariff is listing.tariff


def test_a_backend_s_own_price_is_all_of_its_price() -> None:
    charged = policy(cloud("gpt-4o", ", price: {output: 1}")).backends["cloud"].tariff.at(0)
    assert charged == Price(0, 1_000_000, 0, 0, 1_000_000, 0)


def test_a_configured_price_of_a_model_comes_before_the_book_s() -> None:
    own = policy(cloud("gpt-4o-2024-08-06"), "{gpt-4o: {input: 1}}")
    assert own.backends["cloud"].tariff is own.prices["gpt-4o"]
    assert own.prices["gpt-4o"].at(0).input == 1_000_000


def test_our_own_machines_are_not_in_the_book() -> None:
    local = "mine: {url: http://127.0.0.1:2, model: mistral-small-2603, tier: simple, location: on_prem}"
    assert policy(local).backends["mine"].tariff is FREE
    assert policy(local, "{mistral-small-2603: {input: 1}}").backends["mine"].tariff.at(0).input == 1_000_000


def test_every_model_of_the_book_has_a_price_for_what_a_request_would_have_cost() -> None:
    known = policy().prices
    assert {listing.model for listing in book().listings} <= set(known)


@pytest.mark.parametrize(
    ("backend", "doubts"),
    [
        (cloud("gpt-5.1"), []),
        (cloud("openai/gpt-5.1-2025-11-13"), []),
        (cloud("gpt-of-ours", ", price: {input: 0}"), []),
        (cloud("gpt-of-ours"), ["backends.cloud.price: is not set, and the price book does not know `gpt-of-ours`: to the records"]),
    ],
)
def test_a_cloud_backend_of_unknown_price_is_a_doubt(backend: str, doubts: list[str]) -> None:
    local = "local: {url: http://127.0.0.1:1, model: qwen, tier: simple, location: on_prem}"
    found = [str(problem) for problem in warnings(parse(f"backends:\n  {local}\n  {backend}\n"))]
    assert len(found) == len(doubts)
    assert all(one.startswith(start) for one, start in zip(found, doubts, strict=True)), found


def test_prices_that_never_change_are_one_step() -> None:
    assert tariff(Written(input=Decimal(1))).steps == ((0, Price(1_000_000, 0, 1_000_000, 1_000_000, 0, 0)),)
