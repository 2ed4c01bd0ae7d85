from __future__ import annotations

import dataclasses
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Policy, Price, Tariff, compile_config, parse
from extproc.usage import Tokens, asked_price, cost_micro_usd

NOW = 1_795_000_000.0
TWO_BACKENDS = """
backends:
  local: {url: http://127.0.0.1:1, model: local-model, tier: simple, location: on_prem}
  big: {url: https://llm.example, model: big-model, tier: complex, price: {input: 9}}
"""
_amounts = st.integers(0, 10**12)
_prices = st.builds(Price, _amounts, _amounts, _amounts, _amounts, _amounts, st.just(0))


@st.composite
def _tokens(draw: st.DrawFn) -> Tokens:
    prompt, completion = draw(st.integers(0, 10**9)), draw(st.integers(0, 10**9))
    cached = draw(st.integers(0, prompt))
    return Tokens(prompt, cached, draw(st.integers(0, prompt - cached)), completion, draw(st.integers(0, completion)))


def _sum(one: Tokens, two: Tokens) -> Tokens:
    return Tokens(*(a + b for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(two), strict=True)))


@pytest.mark.parametrize(
    ("price", "tokens", "expected"),
    [
        pytest.param(Price(3_000_000, 15_000_000, 300_000, 3_750_000, 15_000_000, 0), Tokens(1000, 0, 0, 500, 0), 10_500, id="plain"),
        pytest.param(
            Price(3_000_000, 15_000_000, 300_000, 3_750_000, 15_000_000, 0),
            Tokens(1000, 600, 300, 500, 0),
            9105,
            id="each kind at its own price",
        ),
        pytest.param(Price(0, 10, 0, 0, 30, 0), Tokens(0, 0, 0, 1_000_000, 400_000), 18, id="reasoning at its own price"),
        pytest.param(Price(1, 0, 0, 0, 0, 0), Tokens(499_999), 0, id="below a half is nothing"),
        pytest.param(Price(1, 0, 0, 0, 0, 0), Tokens(500_000), 1, id="a half goes up"),
        pytest.param(Price(1, 1, 0, 0, 0, 0), Tokens(300_000, 0, 0, 300_000, 0), 1, id="the sum is rounded, not its parts"),
        pytest.param(Price(0, 0, 0, 0, 0, 25), Tokens(10, 0, 0, 10, 0), 25, id="a fee for the request"),
    ],
)
def test_a_cost_is_the_sum_of_tokens_times_prices(price: Price, tokens: Tokens, expected: int) -> None:
    assert cost_micro_usd(price, tokens) == expected


@given(_prices, _tokens())
def test_a_cost_is_the_exact_sum_rounded_half_up(price: Price, tokens: Tokens) -> None:
    exact = Fraction(
        (tokens.prompt - tokens.cached - tokens.cache_write) * price.input
        + tokens.cached * price.cached_input
        + tokens.cache_write * price.cache_write
        + (tokens.completion - tokens.reasoning) * price.output
        + tokens.reasoning * price.reasoning,
        1_000_000,
    )
    cost = cost_micro_usd(price, tokens)
    assert type(cost) is int
    assert cost >= 0
    assert -Fraction(1, 2) < cost - exact <= Fraction(1, 2)


@given(_prices, _tokens(), _tokens())
def test_two_costs_add_up_to_that_of_their_tokens_but_for_rounding(price: Price, one: Tokens, two: Tokens) -> None:
    apart = cost_micro_usd(price, one) + cost_micro_usd(price, two)
    assert abs(apart - cost_micro_usd(price, _sum(one, two))) <= 1


@given(_prices, _tokens(), _tokens())
def test_more_tokens_never_cost_less(price: Price, one: Tokens, two: Tokens) -> None:
    assert cost_micro_usd(price, _sum(one, two)) >= cost_micro_usd(price, one)


def test_the_asked_price_is_the_answering_backends_then_any_that_has_the_name_then_a_listed_then_the_baselines(policy: Policy) -> None:
    assert asked_price(policy, "gpt-mid", "mid", NOW) is policy.backends["mid"].tariff.at(NOW)
    assert asked_price(policy, "gpt-top", "mid", NOW) is policy.backends["frontier"].tariff.at(NOW)
    assert asked_price(policy, "listed-model", "mid", NOW) is policy.prices["listed-model"].at(NOW)
    assert asked_price(policy, "auto", "mid", NOW) is policy.baseline.tariff.at(NOW)


def test_the_price_book_knows_what_well_known_models_would_have_cost_by_any_of_their_names(policy: Policy) -> None:
    book = compile_config(parse(TWO_BACKENDS)).prices
    known = replace(policy, prices=book)
    for name in ("gpt-4.1", "gpt-4.1-2025-04-14", "openai/gpt-4.1"):
        assert asked_price(known, name, "mid", NOW) == Price(2_000_000, 8_000_000, 500_000, 2_000_000, 8_000_000, 0)
    assert asked_price(known, "gpt-4.1-of-ours", "mid", NOW) is policy.baseline.tariff.at(NOW)


def test_a_configured_price_comes_before_the_book_s_for_snapshots_too(policy: Policy) -> None:
    own = compile_config(parse(TWO_BACKENDS + "prices: {gpt-4.1: {input: 1}}")).prices
    known = replace(policy, prices=own)
    assert asked_price(known, "gpt-4.1-2025-04-14", "", NOW).input == 1_000_000


def test_a_price_is_the_one_of_the_day(policy: Policy) -> None:
    stepped = Tariff(((0, Price(1, 1, 1, 1, 1, 0)), (2_000, Price(2, 2, 2, 2, 2, 0))))
    changed = replace(policy, prices={"listed-model": stepped})
    assert [asked_price(changed, "listed-model", "", at).input for at in (-1, 0, 1_999.9, 2_000, 9e9)] == [1, 1, 1, 2, 2]


@pytest.mark.parametrize(("prompt", "expected"), [(100_000, 120_000), (100_001, 620_005)])
def test_a_long_prompt_is_charged_answer_and_all_at_the_price_of_long_ones(prompt: int, expected: int) -> None:
    long = Price(5_000_000, 12_000_000, 500_000, 5_000_000, 12_000_000, 0)
    price = Price(1_000_000, 2_000_000, 100_000, 1_000_000, 2_000_000, 0, 100_000, long)
    assert cost_micro_usd(price, Tokens(prompt, 0, 0, 10_000, 0)) == expected
