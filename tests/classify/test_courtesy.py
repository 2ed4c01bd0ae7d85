"""Courtesies go from the ends of a request and nothing else does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.classify import courtesy, window


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Please: sort these", "sort these"),
        ("Hi, could you please sort these? Thanks!", "sort these?"),
        ("sort these, thanks in advance.", "sort these"),
        ("Why?\n\nRegards", "why?"),
        ("Bitte sortiere das. Danke!", "sortiere das"),
        ("Peux-tu trier ça, s'il te plaît ?", "trier ça?"),
        ("\u8bf7\u7ffb\u8bd1\u8fd9\u53e5\u8bdd\uff0c\u8c22\u8c22", "\u7ffb\u8bd1\u8fd9\u53e5\u8bdd"),
        ("Пожалуйста, отсортируй", "отсортируй"),
    ],
)
def test_courtesies_at_the_ends_go(said: str, left: str) -> None:
    assert courtesy.without(window.canonical(said)).rstrip(",. ") == left


@pytest.mark.parametrize(
    "said",
    ["hello", "thank you!", "please", "hide this", "historic thanksgiving", "pleased to meet you", "translate to german: thank you", ""],
)
def test_what_the_request_is_about_stays(said: str) -> None:
    assert courtesy.without(said) == said


@given(st.text(max_size=400))
def test_what_is_left_is_a_part_of_the_text(text: str) -> None:
    text = window.canonical(text)
    left = courtesy.without(text)
    assert left.rstrip("?") in text
    assert bool(left) == bool(text)


@pytest.mark.parametrize("text", ["please " * 20_000, "thanks, " * 20_000, "," * 100_000, "hi" * 50_000])
def test_the_work_is_linear(text: str) -> None:
    began = time.process_time()
    courtesy.without(text)
    assert time.process_time() - began < 1  # a backtracking pattern would take minutes
