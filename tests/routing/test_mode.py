"""How far a choice is followed, and what is on record where it is not."""

from __future__ import annotations

import hashlib

import pytest

from extproc.config.routing import RoutingMode
from extproc.dialects import Refusal
from extproc.routing import View, choose
from extproc.routing.choose import Decision
from extproc.routing.mode import mode_of
from tests.routing.ladder import COMPLEX, SCORES, SIMPLE, demand, policy, rule


def session(number: int) -> str:
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


@pytest.mark.parametrize(("mode", "is_followed"), [("enforce", True), ("shadow", False), ("off", False)])
def test_the_configured_mode(mode: str, *, is_followed: bool) -> None:
    assert mode_of(policy(f'routing: {{mode: "{mode}"}}\n'), View()) == (RoutingMode(mode), is_followed)


def test_the_first_rule_that_names_a_mode_has_the_word() -> None:
    rules = (rule("a"), rule("b", mode=RoutingMode.SHADOW), rule("c", mode=RoutingMode.OFF))
    assert mode_of(policy(), View(rules=rules)) == (RoutingMode.SHADOW, False)


@pytest.mark.parametrize("percent", [0, 5, 30, 100])
def test_a_canary_is_a_share_of_conversations_and_always_the_same_ones(percent: int) -> None:
    canary = policy(f"routing: {{mode: canary, canary_percent: {percent}}}\n")
    drawn = [mode_of(canary, View(session=session(number)))[1] for number in range(3_000)]
    assert abs(sum(drawn) / 3_000 - percent / 100) < 0.03
    assert drawn == [mode_of(canary, View(session=session(number), is_tool_turn=True))[1] for number in range(3_000)]


def test_more_percent_keep_those_that_were_in() -> None:
    few, more = (policy(f"routing: {{mode: canary, canary_percent: {percent}}}\n") for percent in (10, 40))
    for number in range(500):
        view = View(session=session(number))
        assert not mode_of(few, view)[1] or mode_of(more, view)[1]


@pytest.mark.parametrize(
    ("mode", "model", "first", "would"),
    [
        ("shadow", "opus", "big", ("simple", "local")),
        ("shadow", "mini", "mid", ("simple", "local")),
        ("shadow", "anything", "big", ("simple", "local")),  # the baseline
        ("off", "mini", "mid", ("", "")),
        ("enforce", "mini", "local", ("", "")),
    ],
)
def test_in_shadow_it_goes_where_its_name_says_and_what_would_have_been_is_on_record(
    mode: str, model: str, first: str, would: tuple[str, str]
) -> None:
    decision = choose(policy(f'routing: {{mode: "{mode}"}}\n'), model, demand(), SCORES[SIMPLE], View())
    assert isinstance(decision, Decision)
    assert (decision.chain[0].name, decision.would) == (first, would)
    assert decision.mode == ("" if mode == "enforce" else mode)


def test_what_must_stay_stays_in_every_mode() -> None:
    for mode in RoutingMode:
        other = policy(f'routing: {{mode: "{mode.value}"}}\n')
        decision = choose(other, "opus", demand(stays="residency"), SCORES[COMPLEX], View())
        assert isinstance(decision, Decision)
        assert all(backend.is_on_prem for backend in decision.chain)


def test_a_canary_that_is_refused_is_refused() -> None:
    canary = policy("routing: {mode: canary, canary_percent: 100}\n")
    assert isinstance(choose(canary, "auto", demand(900_000_000), 0.5, View(session=session(1))), Refusal)
