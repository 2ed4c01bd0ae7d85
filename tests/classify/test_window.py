"""The window is bounded, and what is asked now is always in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.classify import features, window
from extproc.classify.window import Prompt, Said, Sizes

SIZES = Sizes()
ASK_CHARS = SIZES.ask_head + SIZES.ask_tail
CAP = ASK_CHARS + SIZES.before + SIZES.result + SIZES.system + 32

roles = st.sampled_from(["user", "assistant", "tool", "system", "odd"])
said = st.builds(Said, roles, st.text(max_size=400), st.integers(0, 3))
any_text = st.text(st.characters(codec=None), max_size=300)


def conversation(ask: str, *after: Said, before: tuple[Said, ...] = (), system: str = "") -> Prompt:
    return Prompt(ask, system, (*before, Said("user", ask), *after))


@given(st.text("abc xyz.?é漢я\n", max_size=ASK_CHARS), st.lists(said, max_size=6), st.text(max_size=2000))
def test_an_ask_that_fits_is_in_the_window_whole_whatever_surrounds_it(ask: str, before: list[Said], system: str) -> None:
    seen = window.cut(conversation(ask, before=tuple(before), system=system), SIZES)
    assert seen.ask == window.canonical(ask)


@given(st.text("ab .?\n", min_size=10, max_size=60), st.text("xyz \n", min_size=1000, max_size=5000), st.booleans())
def test_an_instruction_at_either_end_of_long_material_is_in_the_window(instruction: str, material: str, first: bool) -> None:
    ask = f"{instruction}\n{material}" if first else f"{material}\n{instruction}"
    assert window.canonical(instruction) in window.cut(conversation(ask), SIZES).ask


@given(st.text(max_size=5000), st.lists(said, max_size=12), st.text(max_size=5000))
def test_the_window_never_grows_beyond_its_sizes(ask: str, turns: list[Said], system: str) -> None:
    seen = window.cut(Prompt(ask, system, tuple(turns)), SIZES)
    assert len(seen.ask) + len(seen.context) + len(seen.system) <= CAP + 3 * 64


@pytest.mark.parametrize("text", ["\ufdfa" * ASK_CHARS, "İ" * ASK_CHARS, "ﬃ" * ASK_CHARS])
def test_characters_that_expand_do_not_make_the_window_longer(text: str) -> None:
    assert len(window.cut(conversation(text), SIZES).ask) <= ASK_CHARS + 64


@given(any_text)
def test_canonical_text_can_always_be_encoded(text: str) -> None:
    window.canonical(text).encode()


def test_case_width_and_digits_do_not_show() -> None:
    assert window.canonical("ORDER 4471 \uff21\uff22\uff23") == window.canonical("order 9023 abc")


def test_white_space_and_turkish_capitals_do_not_show() -> None:
    assert window.canonical("  Sort   the\tlist \r\n\n\n  pear ") == window.canonical("sort the list\npear")
    assert window.canonical("DIŞARISI İyi") == window.canonical("d\u0131\u015far\u0131s\u0131 iyi")
    assert window.canonical("STRASSE") == window.canonical("straße")


@given(st.text("abc xyz\t\n", max_size=ASK_CHARS // 2))
def test_doubled_spaces_change_neither_window_nor_features(ask: str) -> None:
    once, twice = conversation(ask), conversation(ask.replace(" ", "  "))
    assert window.cut(once, SIZES) == window.cut(twice, SIZES)
    assert features.of(once, window.cut(once, SIZES), 9) == features.of(twice, window.cut(twice, SIZES), 9)


def test_the_context_of_a_follow_up_is_the_exchange_before_it() -> None:
    before = (Said("user", "name a river"), Said("assistant", "the loire"), Said("user", "another"), Said("assistant", "the rhône"))
    assert window.cut(conversation("and a lake?", before=before), SIZES).context == "the rhône\nanother"


def test_the_context_of_an_agent_loop_has_the_newest_result() -> None:
    seen = window.cut(conversation("fix it", Said("assistant", "", 1), Said("tool", "tests failed"), Said("assistant", "", 1)), SIZES)
    assert seen.context == "tests failed"
    assert seen.ask_at == 0


def test_a_first_question_has_no_context() -> None:
    assert window.cut(conversation("hello"), SIZES).context == ""


frames = st.builds(
    Prompt,
    st.text(max_size=2000),
    st.text(max_size=100),
    st.lists(said, max_size=8).map(tuple),
    st.integers(0, 10**6),
    st.integers(0, 10**9),
)


@given(frames, st.integers(1, 800))
def test_features_are_small_numbers_one_for_each_name(request: Prompt, tokens: int) -> None:
    values = features.of(request, window.cut(request, SIZES), tokens)
    assert len(values) == len(features.NAMES)
    assert all(0 <= value < 10 for value in values)


def test_the_script_shows_in_the_features() -> None:
    def of(ask: str) -> dict[str, float]:
        request = conversation(ask)
        return dict(zip(features.NAMES, features.of(request, window.cut(request, SIZES), 3), strict=True))

    assert of("plain")["non_ascii"] == of("plain")["cyrillic"] == 0
    assert of("где он")["cyrillic"] == pytest.approx(5 / 6)
    assert of("где он")["non_ascii"] == pytest.approx(5 / 6)
    assert of("漢字")["three_bytes"] == 1
    assert of("été")["three_bytes"] == 0


def test_feature_names_are_unique() -> None:
    assert len(set(features.NAMES)) == len(features.NAMES)
