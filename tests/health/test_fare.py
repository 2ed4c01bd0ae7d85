"""Rests: when they begin, how they grow, and what ends them. In a time that only the tests move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.compiled_health import Health as Rules
from extproc.health import Result
from extproc.health.fare import Fare, after, probed, rest_s
from extproc.health.result import Kind

RULES = Rules(error_share=0.5, min_requests=10, window_s=30.0, failures_in_a_row=5, rest_s=5.0, longest_rest_s=40.0)
NOW = 1_700_000_000.0


@dataclass
class Story:
    """One backend through a time."""

    fare: Fare = field(default_factory=Fare)
    now_s: float = NOW
    rules: Rules = RULES

    def tell(self, kinds: str, *, every_s: float = 0.0, age_s: float = 0.0) -> Story:
        """`.` is an answer, `x` an error, `c` an answer cut off; each of a request that was decided `age_s` before."""
        words: dict[str, Kind] = {".": "ok", "x": "error", "c": "cut_off"}
        for letter in kinds:
            self.fare = after(self.fare, Result("b", words[letter], self.now_s - age_s), self.now_s, self.rules)
            self.now_s += every_s
        return self

    def wait(self, seconds: float) -> Story:
        self.now_s += seconds
        return self

    @property
    def rests(self) -> bool:
        return self.fare.is_resting(self.now_s)

    @property
    def is_due(self) -> bool:
        return self.fare.is_due(self.now_s)


@pytest.mark.parametrize(
    ("kinds", "every_s", "rests"),
    [
        ("xxxx", 0, False),
        ("xxxxx", 0, True),
        ("ccccc", 0, True),
        ("xxxxx", 3_600, True),  # in a row, however slowly
        ("xxxx.x", 0, False),
        (".x.x.x.x.", 0, False),  # half of nine
        (".x.x.x.x.x", 0, True),  # half of ten
        (".x.x.x.x.x", 60, False),  # too long ago to be ten
        ("." * 50 + "xxxx", 0, False),
        ("." * 50 + "xxxxx", 0, True),
        ("..x" * 20, 0, False),
    ],
)
def test_a_backend_rests_for_a_share_of_failures_or_for_many_in_a_row(kinds: str, every_s: float, rests: bool) -> None:
    story = Story().tell(kinds, every_s=every_s)
    story.now_s -= every_s
    assert story.rests is rests


def test_a_rest_ends_and_a_success_brings_the_backend_back() -> None:
    story = Story().tell("xxxxx").wait(4.9)
    assert story.rests
    assert not story.is_due
    story.wait(0.2)
    assert not story.rests
    assert story.is_due
    story.tell(".")
    assert not story.is_due
    assert story.fare.error_share == 0.0
    assert not story.tell("xxxx").rests


def test_rests_that_do_not_help_double_up_to_the_longest() -> None:
    story = Story().tell("xxxxx")
    lengths = []
    for _ in range(6):
        lengths.append(story.fare.rested_until_s - story.now_s)
        story.now_s = story.fare.rested_until_s
        assert story.is_due
        story.tell("x")
    assert lengths == [5, 10, 20, 40, 40, 40]


def test_one_that_fails_again_soon_after_it_was_back_rests_longer() -> None:
    story = Story().tell("xxxxx").wait(6).tell("x").wait(11).tell(".").tell("xxxxx")
    assert story.fare.rested_until_s - story.now_s == rest_s(3, RULES)
    calm = Story().tell("xxxxx").wait(6).tell("x").wait(11).tell(".").wait(41).tell("xxxxx")
    assert calm.fare.rested_until_s - calm.now_s == rest_s(1, RULES)


def test_what_was_on_its_way_when_the_rest_began_says_nothing() -> None:
    story = Story().tell("xxxxx").wait(1)
    rested = story.fare
    story.tell("xxxx....", age_s=2)
    assert story.fare == rested
    assert not story.tell(".", age_s=0.5).fare.rests  # sent after it, as where all others fail too


def test_failures_from_before_it_was_back_do_not_count_again() -> None:
    story = Story().tell("xxxxx").wait(6).tell(".").wait(1)
    assert story.tell("xxxxxxxxxx", age_s=3).fare.in_a_row == 0
    assert story.tell("xxxxx").rests


def test_after_a_rest_one_request_goes_and_the_others_wait_for_its_end() -> None:
    story = Story().tell("xxxxx").wait(6)
    story.fare = probed(story.fare, story.now_s, RULES)
    assert story.rests
    assert not story.wait(2).tell(".").fare.rests


def test_a_probe_whose_end_is_never_heard_of_is_followed_by_another() -> None:
    story = Story().tell("xxxxx").wait(6)
    story.fare = probed(story.fare, story.now_s, RULES)
    assert story.wait(5.1).is_due


def test_a_backend_in_use_is_not_probed() -> None:
    story = Story().tell("..x")
    assert probed(story.fare, story.now_s, RULES) == story.fare


def test_a_request_from_before_a_rest_is_no_probe() -> None:
    story = Story().tell("xxxxx")
    assert probed(story.fare, 0.0, RULES) == story.fare


def test_a_clock_that_is_set_back_ends_a_rest() -> None:
    story = Story().tell("xxxxx").wait(-3_600)
    assert not story.rests
    assert story.is_due


def test_the_first_byte_is_the_median_of_the_latest() -> None:
    fare = Fare()
    for milliseconds in [*range(1_000, 1_100), *([10.0] * 16), *([30.0] * 15)]:
        fare = after(fare, Result("b", "ok", NOW, float(milliseconds)), NOW, RULES)
    assert fare.first_byte_ms == 10.0
    assert Fare().first_byte_ms is None


_steps = st.lists(st.tuples(st.sampled_from(["ok", "error", "cut_off"]), st.floats(0, 100), st.floats(0, 50)), max_size=80)


@given(_steps)
def test_whatever_comes_rests_are_bounded_and_shares_are_shares(steps: list[tuple[Kind, float, float]]) -> None:
    fare, now_s = Fare(), NOW
    for kind, pause_s, age_s in steps:
        now_s += pause_s
        before = fare
        fare = after(fare, Result("b", kind, now_s - age_s), now_s, RULES)
        assert 0 <= fare.cut_offs <= fare.failures + 1e-9
        assert 0 <= fare.error_share <= 1 + 1e-9
        assert fare.rested_until_s <= now_s + RULES.longest_rest_s
        assert not (fare.is_resting(now_s) and fare.is_due(now_s))
        if kind == "ok":
            assert fare.rests <= before.rests  # an answer never makes a backend rest
        if kind == "ok" and age_s == 0:
            assert not fare.is_resting(now_s)


@given(_steps)
def test_a_long_silence_ends_every_rest(steps: list[tuple[Kind, float, float]]) -> None:
    fare, now_s = Fare(), NOW
    for kind, pause_s, age_s in steps:
        now_s += pause_s
        fare = after(fare, Result("b", kind, now_s - age_s), now_s, RULES)
    assert not fare.is_resting(now_s + RULES.longest_rest_s)


@given(st.integers(1, 10_000))
def test_the_longest_rest_is_never_passed_however_many_there_were(rests: int) -> None:
    assert RULES.rest_s <= rest_s(rests, RULES) <= RULES.longest_rest_s
    assert rest_s(rests, replace(RULES, longest_rest_s=5.0)) == 5.0
