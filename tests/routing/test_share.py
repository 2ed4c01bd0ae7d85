"""Shares of requests that are held by moving thresholds: histogram, quantile, proportion."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import compile_config, parse
from extproc.config.compiled_routing import Share
from extproc.errors import ConfigError
from extproc.routing import View
from extproc.routing.share import BINS, Histogram, counted_in, fade, half_life_s, held, threshold, thresholds
from extproc.routing.want import by_score
from extproc.scope import scope_of

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=300)
FIFTH = Share("fifth", ("acme", "*"), 2, 20.0, 3600, 50)
BACKENDS = """
backends:
  local: {tier: simple, url: "http://127.0.0.1:1", model: a, location: on_prem}
  mid: {tier: standard, url: "https://mid.example", model: b}
  top: {tier: complex, url: "https://top.example", model: c}
"""


def counts_of(scores: list[float]) -> tuple[float, ...]:
    return Histogram().with_scores(scores, 0.0, 60.0).counts


@given(SCORES, st.floats(0, 100))
def test_as_many_scores_lie_above_a_threshold_as_wanted_but_for_one_bin(scores: list[float], percent: float) -> None:
    counts = counts_of(scores)
    at = threshold(counts, percent)
    wanted = len(scores) * percent / 100
    surely = sum(count for place, count in enumerate(counts) if place / BINS > at)
    perhaps = sum(count for place, count in enumerate(counts) if (place + 1) / BINS >= at)
    assert 0 <= at <= 1
    assert surely - 1e-6 <= wanted <= perhaps + 1e-6


@given(SCORES, st.floats(0, 100), st.floats(0, 100))
def test_more_is_let_through_by_a_lower_threshold(scores: list[float], one: float, other: float) -> None:
    counts = counts_of(scores)
    assert threshold(counts, max(one, other)) <= threshold(counts, min(one, other)) + 1e-9


def test_within_a_bin_scores_are_taken_to_be_spread_evenly() -> None:
    assert threshold(counts_of([(place + 0.5) / 1000 for place in range(1000)]), 20) == pytest.approx(0.8, abs=0.002)
    assert (threshold(counts_of([0.5]), 0), threshold((0.0,) * BINS, 20)) == (pytest.approx(65 / 128), 1.0)


def test_a_count_halves_in_its_half_life_and_is_as_old_as_in_a_window_on_average() -> None:
    window_s = 1000.0
    half = half_life_s(window_s)
    counted = Histogram().with_scores([0.1] * 8, 0.0, half).with_scores([0.9], half, half)
    assert counted.total == pytest.approx(5)
    ages = range(20_000)
    weights = [fade(age, half) for age in ages]
    assert sum(age * weight for age, weight in zip(ages, weights, strict=True)) / sum(weights) == pytest.approx(window_s / 2, rel=0.01)


@given(
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True).map(sorted),
    st.dictionaries(st.integers(0, 3), st.floats(0, 1), max_size=4),
)
def test_thresholds_ascend_and_the_last_is_one(ends: list[float], found: dict[int, float]) -> None:
    configured = (*ends, 1.0)
    moved = thresholds(configured, {rank: at for rank, at in found.items() if rank < len(ends)})
    assert (list(moved), moved[-1], len(moved)) == (sorted(moved), 1.0, len(configured))


@pytest.mark.parametrize(
    ("found", "moved"),
    [
        ({}, (0.35, 0.7, 1.0)),
        ({1: 0.6}, (0.3, 0.6, 1.0)),
        ({0: 0.48}, (0.48, 0.76, 1.0)),
        ({0: 0.2, 1: 0.9}, (0.2, 0.9, 1.0)),
        ({0: 0.8, 1: 0.5}, (0.8, 0.8, 1.0)),
    ],
)
def test_what_lies_between_is_moved_in_proportion(found: dict[int, float], moved: tuple[float, ...]) -> None:
    assert thresholds((0.35, 0.7, 1.0), found) == pytest.approx(moved)


def test_a_share_is_held_in_each_scope_at_the_depth_of_its_pattern() -> None:
    assert counted_in([FIFTH], scope_of(["acme", "legal", "search"])) == ((FIFTH, "acme/legal"),)
    assert counted_in([FIFTH], scope_of(["other", "legal"])) == ()


def test_until_enough_is_counted_thresholds_are_as_configured() -> None:
    scores = [random.Random(1).random() for _ in range(49)]
    assert held((0.35, 0.7, 1.0), [(FIFTH, counts_of(scores))]) is None
    found = held((0.35, 0.7, 1.0), [(FIFTH, counts_of([*scores, 0.5]))])
    assert found is not None
    assert found.names == ("fifth",)


def test_the_choice_goes_by_them_and_says_so() -> None:
    policy = compile_config(parse(BACKENDS))
    assert by_score(policy, 0.65, View()) == (1, "score<=0.7")
    assert by_score(policy, 0.65, View(thresholds=(0.3, 0.623, 1.0), shares=("fifth",))) == (2, "score:top(share:fifth)")
    assert by_score(policy, 0.62, View(thresholds=(0.3, 0.623, 1.0), shares=("fifth",))) == (1, "score<=0.62(share:fifth)")


def test_a_configured_share_is_compiled() -> None:
    policy = compile_config(parse(BACKENDS + 'routing: {shares: {fifth: {scope: "acme/*", tier: complex, percent: 20, min_requests: 50}}}'))
    assert policy.routing.shares == (FIFTH,)


@pytest.mark.parametrize(
    ("share", "more", "said"),
    [
        ("{tier: hard, percent: 20}", "", "no tier is called `hard`"),
        ("{tier: simple, percent: 20}", "", "the first tier"),
        ("{tier: complex, percent: 120}", "", "percent"),
        ("{tier: complex, percent: 20}", "store: {url: none}", "`store.url` is `none`"),
    ],
)
def test_what_makes_no_share(share: str, more: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(f"{BACKENDS}\nrouting: {{shares: {{fifth: {share}}}}}\n{more}")
