"""Which tier is wanted, as tables and properties: the score, the loop, the past, the rules, each with its word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.routing import Loop, View, choose
from extproc.routing.choose import Decision
from extproc.routing.want import forbidden, wanted
from tests.routing.ladder import COMPLEX, NAMES, NOW_S, POLICY, SCORES, SIMPLE, STANDARD, demand, past, policy, rule

RANKS = st.integers(SIMPLE, COMPLEX)


def want(score: float, view: View, prompt: int = 20_000) -> tuple[int, str, str]:
    found = wanted(POLICY, demand(prompt), score, view)
    return found.rank, found.first, " ".join(found.reasons[1:])


@given(here=RANKS, needed=RANKS, turns=st.integers(1, 30), ago_s=st.floats(0, 10_000), prompt=st.integers(1, 150_000))
def test_a_users_turn_never_gets_less_than_its_score_asks_for(here: int, needed: int, turns: int, ago_s: float, prompt: int) -> None:
    view = View(past=past(here, prompt, ago_s), now_s=NOW_S, turns_ahead=turns)
    rank, _, reasons = want(SCORES[needed], view, prompt)
    assert rank >= needed
    assert rank == max(here, needed) or "deescalated" in reasons
    assert ("escalated" in reasons.split()) == (needed > here)


@given(here=RANKS, needed=RANKS, prompt=st.integers(1, 150_000))
def test_a_tools_result_goes_back_to_whoever_called_the_tool(here: int, needed: int, prompt: int) -> None:
    for loop in (Loop.NONE, Loop.EXPLORING, Loop.PROGRESS):
        view = View(past=past(here, prompt), now_s=NOW_S, is_tool_turn=True, loop=loop)
        assert want(SCORES[needed], view, prompt) == (here, NAMES[here], "sticky:tools")


@pytest.mark.parametrize(
    ("here", "score", "prompt", "ago_s", "turns", "expected"),
    [
        (COMPLEX, SIMPLE, 20_000, 20, 1, (SIMPLE, "", "deescalated")),  # nearly free to read anew
        (COMPLEX, STANDARD, 20_000, 20, 1, (COMPLEX, "big", "sticky:prefix")),  # what is kept is cheaper than reading it anew
        (COMPLEX, STANDARD, 20_000, 20, 12, (STANDARD, "", "deescalated")),  # a dozen requests share the reading
        (COMPLEX, STANDARD, 20_000, 301, 1, (STANDARD, "", "deescalated")),  # nothing is kept any more
        (COMPLEX, STANDARD, 500, 20, 1, (STANDARD, "", "deescalated")),  # the answer is what costs
        (STANDARD, STANDARD, 20_000, 20, 1, (STANDARD, "mid", "sticky")),
        (SIMPLE, COMPLEX, 20_000, 20, 1, (COMPLEX, "", "escalated")),
    ],
)
def test_a_conversation_goes_down_when_that_pays_and_up_when_a_turn_needs_it(
    here: int, score: int, prompt: int, ago_s: float, turns: int, expected: tuple[int, str, str]
) -> None:
    view = View(past=past(here, prompt - 100, ago_s), now_s=NOW_S, turns_ahead=turns)
    assert want(SCORES[score], view, prompt) == expected


@pytest.mark.parametrize(
    ("loop", "here", "score", "expected"),
    [
        (Loop.TROUBLE, SIMPLE, SIMPLE, (STANDARD, "", "loop:trouble escalated")),
        (Loop.TROUBLE, STANDARD, SIMPLE, (COMPLEX, "", "loop:trouble escalated")),
        (Loop.TROUBLE, SIMPLE, COMPLEX, (COMPLEX, "", "loop:trouble escalated")),
        (Loop.TROUBLE, COMPLEX, COMPLEX, (COMPLEX, "big", "loop:trouble sticky")),
        (Loop.SETTLED, COMPLEX, COMPLEX, (STANDARD, "", "loop:settled deescalated")),
        (Loop.SETTLED, STANDARD, STANDARD, (SIMPLE, "", "loop:settled deescalated")),
        (Loop.SETTLED, STANDARD, COMPLEX, (STANDARD, "mid", "loop:settled sticky")),
        (Loop.SETTLED, SIMPLE, COMPLEX, (SIMPLE, "local", "sticky")),
        (Loop.SETTLED, SIMPLE, SIMPLE, (SIMPLE, "local", "sticky")),
    ],
)
def test_trouble_goes_up_a_tier_and_settled_work_down_one(loop: Loop, here: int, score: int, expected: tuple[int, str, str]) -> None:
    view = View(past=past(here, 900), now_s=NOW_S, is_tool_turn=True, loop=loop, turns_ahead=8)
    if (loop, here, score) == (Loop.SETTLED, SIMPLE, COMPLEX):
        expected = (COMPLEX, "", "escalated")  # there is nothing below; the score has the word
    assert want(SCORES[score], view, 1_000) == expected


@given(here=RANKS, needed=RANKS, loop=st.sampled_from(Loop))
def test_loops_move_a_conversation_one_tier_at_most_beyond_what_it_is_at_or_needs(here: int, needed: int, loop: Loop) -> None:
    view = View(past=past(here), now_s=NOW_S, is_tool_turn=True, loop=loop, turns_ahead=8)
    rank, _, _ = want(SCORES[needed], view)
    assert min(here, max(needed, here) - 1) <= rank <= max(needed, here + 1)


@pytest.mark.parametrize("key", ["loops", "housekeeping", "sticky"])
def test_what_is_switched_off_says_nothing(key: str) -> None:
    off = policy(f"routing: {{{key}: false}}\n")
    views = {
        "loops": View(past=past(SIMPLE), now_s=NOW_S, is_tool_turn=True, loop=Loop.TROUBLE),
        "housekeeping": View(is_housekeeping=True),
        "sticky": View(past=past(COMPLEX, 39_000), now_s=NOW_S),
    }
    words = {"loops": "loop:trouble", "housekeeping": "housekeeping", "sticky": "sticky:prefix"}
    assert words[key] in wanted(POLICY, demand(40_000 if key == "sticky" else 20_000), SCORES[STANDARD], views[key]).reasons
    assert words[key] not in wanted(off, demand(), SCORES[STANDARD], views[key]).reasons


def test_a_chore_goes_to_the_first_tier_wherever_its_conversation_is() -> None:
    assert want(SCORES[COMPLEX], View(is_housekeeping=True, past=past(COMPLEX), now_s=NOW_S)) == (SIMPLE, "", "housekeeping")


@pytest.mark.parametrize("is_tool_turn", [False, True])
def test_who_may_ask_for_a_tier_gets_it(*, is_tool_turn: bool) -> None:
    view = View(asked_rank=COMPLEX, past=past(SIMPLE), now_s=NOW_S, is_tool_turn=is_tool_turn)
    assert want(SCORES[SIMPLE], view) == (COMPLEX, "", "asked:complex escalated")


@pytest.mark.parametrize(
    ("rules", "score", "rank", "words"),
    [
        ((rule("a", rank=COMPLEX), rule("b", rank=SIMPLE)), SIMPLE, COMPLEX, "rule:a"),
        ((rule("a", min_rank=STANDARD),), SIMPLE, STANDARD, "rule:a"),
        ((rule("a", min_rank=STANDARD),), COMPLEX, COMPLEX, ""),
        ((rule("a", max_rank=STANDARD),), COMPLEX, STANDARD, "rule:a"),
        ((rule("a", max_rank=STANDARD),), SIMPLE, SIMPLE, ""),
        ((rule("a", rank=COMPLEX), rule("b", max_rank=STANDARD)), SIMPLE, STANDARD, "rule:a rule:b"),
        ((rule("a", min_rank=COMPLEX), rule("b", max_rank=STANDARD)), SIMPLE, STANDARD, "rule:a rule:b"),
        ((rule("a", backend="mid2"),), STANDARD, STANDARD, "rule:a"),
        ((rule("a"), rule("b", min_rank=STANDARD), rule("c", min_rank=COMPLEX)), SIMPLE, STANDARD, "rule:b"),
    ],
)
def test_of_the_rules_that_fit_the_first_that_says_a_thing_has_the_word(rules: tuple, score: int, rank: int, words: str) -> None:
    found = want(SCORES[score], View(rules=rules))
    assert (found[0], found[2]) == (rank, words)


def test_a_rule_holds_over_where_the_conversation_is() -> None:
    assert want(SCORES[SIMPLE], View(past=past(COMPLEX), now_s=NOW_S, rules=(rule("a", rank=STANDARD),)))[:2] == (STANDARD, "")


def test_a_backend_that_a_rule_names_is_tried_first() -> None:
    decision = choose(POLICY, "auto", demand(), SCORES[STANDARD], View(rules=(rule("a", backend="mid2"),)))
    assert isinstance(decision, Decision)
    assert decision.chain[0].name == "mid2"
    assert "rule:a" in decision.reasons


def test_a_backend_that_a_rule_forbids_is_never_tried_and_the_first_such_rule_is_named() -> None:
    view = View(rules=(rule("a", never=frozenset(("mid",))), rule("b", never=frozenset(("mid", "big")))))
    assert forbidden(view) == {"mid": "a", "big": "b"}
    decision = choose(POLICY, "auto", demand(), SCORES[STANDARD], view)
    assert isinstance(decision, Decision)
    assert {backend.name for backend in decision.chain}.isdisjoint({"mid", "big"})
    assert "mid!rule:a" in decision.reasons
