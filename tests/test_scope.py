"""Scopes: names of any kind become paths that are read back as they were, and none reaches into another's keys."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from extproc.limits.script import key_of
from extproc.scope import ANY, LEVELS, Scope, matches, parse, pattern_of, scope_of, text_of

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = st.text(max_size=12) | st.sampled_from(("", "-", "--", "*", "/", "|", "{", "}", ":", "%", "%2D", "a", "a" * 70, "\ud800", "ä" * 30))
PATHS = st.lists(NAMES, max_size=7)
HELD = PATHS.map(scope_of)


@pytest.mark.parametrize(
    ("names", "scope"),
    [
        ([], ("", "", "", "", "")),
        (["acme"], ("acme", "", "", "", "")),
        (["acme", "", "search", "", "alice"], ("acme", "", "search", "", "alice")),
        (["a", "b", "c", "d", "e", "f"], ("a", "b", "c", "d", "e")),
        (["Ünlü Ltd", "a/b", "-", "x{y}|z", "u@x.org"], ("%C3%9Cnl%C3%BC%20Ltd", "a%2Fb", "%2D", "x%7By%7D%7Cz", "u@x.org")),
    ],
)
def test_names_are_held_to_safe_characters(names: list[str], scope: Scope) -> None:
    assert scope_of(names) == scope


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (("acme", "retail", "search", "indexer", "alice"), "acme/retail/search/indexer/alice"),
        (("acme", "", "search", "", ""), "acme/-/search"),
        (("", "", "", "", "alice"), "-/-/-/-/alice"),
        (("", "", "", "", ""), ""),
    ],
)
def test_scopes_as_text(scope: Scope, text: str) -> None:
    assert text_of(scope) == text
    assert parse(text) == scope


@on_a_busy_machine
@given(HELD)
def test_what_is_written_is_read_back(scope: Scope) -> None:
    assert parse(text_of(scope)) == scope
    assert text_of(parse(text_of(scope))) == text_of(scope)


@on_a_busy_machine
@given(NAMES, NAMES)
@example("a" * 64, "a" * 65)
@example("a" * 64 + "b", "a" * 64 + "c")
@example("a" * 65, "a" * 47 + "~" + hashlib.sha256(b"a" * 65).hexdigest()[:16])
@example("-", "%2D")
@example("\ud800", "?")
def test_two_names_stay_two(one: str, other: str) -> None:
    """But for what is no text at all: lone surrogates, which nothing that names a caller has."""
    if one.encode(errors="replace") != other.encode(errors="replace"):
        assert scope_of([one]) != scope_of([other])


@on_a_busy_machine
@given(HELD)
def test_no_name_breaks_out_of_a_key_a_label_or_a_path(scope: Scope) -> None:
    for name in scope:
        assert re.fullmatch(r"[A-Za-z0-9._~@+:%-]{0,64}", name)
        assert name not in ("-", ANY)
    assert len(scope) == len(LEVELS)
    # Redis Cluster: what is between the first { and the first } after it decides the slot.
    assert key_of(scope[0], "lease").split("{")[1].split("}")[0] == (scope[0] or "-")


@on_a_busy_machine
@given(HELD, HELD)
def test_two_organisations_share_no_key(one: Scope, other: Scope) -> None:
    assert (key_of(one[0], "lease") == key_of(other[0], "lease")) == (one[0] == other[0])


@on_a_busy_machine
@given(st.text(min_size=1, max_size=100))
@example("x" * 64 + "%")
@example("ä" * 40)
def test_a_held_name_is_a_name_in_a_pattern(name: str) -> None:
    """What a report shows can be copied into a limit."""
    held = scope_of([name])[0]
    pattern = pattern_of(held)
    assert matches(pattern, scope_of([name]))


# ---- patterns ----


@pytest.mark.parametrize(
    ("pattern", "scope", "is_match"),
    [
        ("acme", "acme", True),
        ("acme", "acme/retail/search", True),
        ("acme", "acme2", False),
        ("acme/retail", "acme", False),
        ("acme/*", "acme", True),  # nobody's department is a department
        ("acme/*/search", "acme/-/search/x", True),
        ("acme/*/search", "acme/retail/other", False),
        ("*/*/*/*/alice", "acme/retail/search/indexer/alice", True),
        ("*", "", True),
        ("-", "", True),
        ("-", "acme", False),
        ("acme/-", "acme", True),
        ("acme/-", "acme/retail", False),
        ("acme/-/search", "acme/-/search", True),
    ],
)
def test_who_lies_below_a_pattern(pattern: str, scope: str, is_match: bool) -> None:
    assert matches(pattern_of(pattern), parse(scope)) == is_match


@pytest.mark.parametrize(
    "text", ["", "/", "acme/", "/acme", "a/b/c/d/e/f", "a b", "a|b", "{a}", "ä", "%2d", "%", "%G0", "a" * 65, "**", "a*", "a\n"]
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        pattern_of(text)


@on_a_busy_machine
@given(HELD, st.lists(st.booleans(), min_size=1, max_size=5))
def test_a_scope_with_some_names_left_open_has_the_scope_below_it(scope: Scope, is_open: list[bool]) -> None:
    pattern = tuple(ANY if left_open else name for left_open, name in zip(is_open, scope, strict=False))
    assert matches(pattern, scope)
    for place, left_open in enumerate(is_open):
        other = (*scope[:place], scope[place] + "x", *scope[place + 1 :])
        assert matches(pattern, other) == left_open  # type: ignore[arg-type]
