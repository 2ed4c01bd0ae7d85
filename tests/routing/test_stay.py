"""What binds a conversation, and what staying and moving cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.routing import RoutingMode
from extproc.routing import Loop, Past, View, choose
from extproc.routing.choose import Decision
from extproc.routing.stay import is_warm, moving_micro_usd, pinned, staying_micro_usd
from tests.routing.ladder import COMPLEX, NAMES, NOW_S, POLICY, SCORES, SIMPLE, STANDARD, demand, past, policy, rule

PINS = st.lists(st.sampled_from(["thinking", "reasoning", "response", "file"]), min_size=1, max_size=3, unique=True)


@given(
    here=st.integers(SIMPLE, COMPLEX),
    score=st.floats(0, 1),
    pins=PINS,
    loop=st.sampled_from(Loop),
    tool=st.booleans(),
    away=st.sets(st.sampled_from(NAMES)),
)
def test_what_a_provider_keeps_holds_over_the_score_the_loop_and_who_is_away(
    here: int, score: float, pins: list[str], loop: Loop, away: set[str], *, tool: bool
) -> None:
    gone = dict.fromkeys(away, "saturated")
    rules = (rule("a", rank=COMPLEX - here),)
    view = View(past=past(here), pins=tuple(pins), now_s=NOW_S, loop=loop, is_tool_turn=tool, away=gone, rules=rules)
    decision = choose(POLICY, "auto", demand(), score, view)
    assert isinstance(decision, Decision)
    assert [backend.name for backend in decision.chain] == [NAMES[here]], "nobody else can read it, so nobody else is tried"
    assert decision.reasons == (f"pin:{'+'.join(pins)}",)


@pytest.mark.parametrize("mode", [*RoutingMode])
@pytest.mark.parametrize("model", ["auto", "opus"])
def test_what_a_provider_keeps_holds_in_every_mode(mode: RoutingMode, model: str) -> None:
    other = policy(f'routing: {{mode: "{mode.value}", canary_percent: 50}}\nmodels: {{routed: ["*"]}}\n')
    for session in ("0" * 32, "f" * 32):
        view = View(past=past(STANDARD), pins=("response",), now_s=NOW_S, session=session)
        decision = choose(other, model, demand(), SCORES[COMPLEX], view)
        assert isinstance(decision, Decision)
        assert decision.chain[0].name == "mid"
        assert "pin:response" in decision.reasons


def test_a_pin_that_cannot_be_kept_is_said() -> None:
    view = View(past=past(STANDARD), pins=("thinking",), now_s=NOW_S)
    kept, words = pinned(POLICY, demand(stays="residency"), view)
    assert (kept, words) == (None, ("pin:thinking!mid!stays:residency",))
    decision = choose(POLICY, "auto", demand(stays="residency"), SCORES[COMPLEX], view)
    assert isinstance(decision, Decision)
    assert decision.chain[0].is_on_prem
    assert "pin:thinking!mid!stays:residency" in decision.reasons


def test_a_pin_to_nobody_known_is_said_and_the_score_decides() -> None:
    decision = choose(POLICY, "auto", demand(), SCORES[COMPLEX], View(pins=("file",)))
    assert isinstance(decision, Decision)
    assert (decision.chain[0].name, decision.reasons[0]) == ("big", "pin:file?unknown")


@pytest.mark.parametrize(("ago_s", "warm"), [(0.0, True), (300.0, True), (300.5, False), (10_000.0, False)])
def test_a_prefix_is_kept_for_some_minutes(ago_s: float, *, warm: bool) -> None:
    assert is_warm(POLICY, View(past=past(COMPLEX, ago_s=ago_s), now_s=NOW_S)) is warm


def test_without_a_past_nothing_is_kept() -> None:
    assert not is_warm(POLICY, View(past=Past("complex", "big", 10), now_s=NOW_S))


@pytest.mark.parametrize(
    ("prompt", "read", "turns", "answer", "staying", "moving"),
    [
        (10_000, 9_000, 1, 0, 9_000 * 0.5 + 1_000 * 5, 50_000),
        (10_000, 20_000, 1, 0, 10_000 * 0.5, 50_000),
        (10_000, 9_000, 4, 0, 9_000 * 0.5 + 1_000 * 5 + 3 * 5_000, 50_000 + 3 * 5_000),
        (10_000, 9_000, 2, 100, 9_000 * 0.5 + 1_000 * 5 + 5_000 + 2 * 2_500, 50_000 + 5_000 + 2 * 2_500),
    ],
)
def test_the_first_request_pays_for_what_is_not_kept_and_the_rest_for_keeping_it(
    prompt: int, read: int, turns: int, answer: int, staying: float, moving: float
) -> None:
    view = View(past=past(COMPLEX, read), now_s=NOW_S, turns_ahead=turns, output_tokens=answer)
    big = POLICY.backends["big"]
    assert staying_micro_usd(POLICY, demand(prompt), view, big) == staying
    assert moving_micro_usd(demand(prompt), view, big) == moving


@given(prompt=st.integers(0, 500_000), read=st.integers(0, 500_000), turns=st.integers(1, 50), answer=st.none() | st.integers(1, 5_000))
def test_staying_never_costs_more_than_moving_to_the_same_backend(prompt: int, read: int, turns: int, answer: int | None) -> None:
    view = View(past=past(COMPLEX, read), now_s=NOW_S, turns_ahead=turns)
    big = POLICY.backends["big"]
    assert staying_micro_usd(POLICY, demand(prompt, answer), view, big) <= moving_micro_usd(demand(prompt, answer), view, big)
