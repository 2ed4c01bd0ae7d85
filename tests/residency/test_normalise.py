"""What looks alike to a reader is alike to a detector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.residency.normalise import joined, normal, origins

ALIKE = [
    ("r\u0430ssw\u043erd", "rassword"),
    ("\uff14\uff11\uff11\uff11\uff0d\uff11", "4111-1"),
    ("j\u200bo\u2060h\u00adn\ufeff@example.com", "john@example.com"),
    ("\u0410\u041aIA44QH \u043a\u043b\u044e\u0447", "AKIA44QH \u043a\u043b\u044e\u0447"),
    ("\u0664\u0661\u0661\u0661 \u096a\u0967", "4111 41"),
    ("\uff8a\uff9f\uff7d\uff9c\uff70\uff84\uff9e", "\u30d1\u30b9\u30ef\u30fc\u30c9"),
    ("4\u03361\u03361\u0336", "411"),
    ("\u201cx\u201d \u2018y\u2019", "\"x\" 'y'"),
    ("cafe\u0301", "caf\u00e9"),
    ("A\U000e0041\U000e004b", "AAK"),
    ("\U0001d400\U0001d401", "AB"),
    ("a\u00a0b\u3000c", "a b c"),
    ("1\u20132\u20143\u22124", "1-2-3-4"),
    ("\u202eabc\u202c", "abc"),
    ("\u278a\u2778\U0001f170\U0001f1e9\u24ff", "13AD0"),
]


@pytest.mark.parametrize(("text", "plain"), ALIKE)
def test_look_alikes_have_one_form(text: str, plain: str) -> None:
    assert normal(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",
        "API-\u043a\u043b\u044e\u0447",
        "\u6771\u4eac\u90fd123\u53f7",
        "Stra\u00dfe, \u015fifre",
    ],
)
def test_words_of_other_scripts_stay(text: str) -> None:
    assert normal(text) == text


@given(st.text(st.characters(codec="utf-8")))
def test_the_normal_form_is_its_own(text: str) -> None:
    assert normal(normal(text)) == normal(text)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_ascii_is_in_normal_form(text: str) -> None:
    assert normal(text) is text


@given(st.text())
def test_any_text_becomes_utf8(text: str) -> None:
    joined([text, text]).decode()


def test_origins_point_into_the_text_as_it_came() -> None:
    text = "a\u200b\uff22c"
    assert [text[at] for at in origins(text)[:-1]] == ["a", "\uff22", "c"]
