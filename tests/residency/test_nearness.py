"""Candidates that need a word beside them are passed over where there is none, and none that the check would take."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.residency import Scanner, ScanPolicy
from extproc.residency.detector import Detector, Near
from extproc.residency.detectors import phones
from extproc.residency.detectors.cues import cue, is_near
from extproc.residency.hit import Hit
from extproc.residency.nearness import Nearness
from extproc.testing import ManualClock

NEAR = Near(("tel", "call(?![_\\w])", "telefon\\w*", "電話"), 20, 10)
WORDS = ["call", "Tel", "my cell", "text me", "телефон", "手机", "anrufen", "order", "x", "\n", "contact", "llámame", "mobil"]
PHONE = [detector for detector in phones.DETECTORS if detector.near is not None]


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("tel 123", True),
        ("Telefonnummer: 123", True),
        ("123 (call)", True),
        ("123", False),
        ("tel " + "x" * 30 + " 123", False),
        ("電話 123", True),
    ],
)
def test_a_word_counts_where_it_stands_near(text: str, may: bool) -> None:
    data = text.encode()
    start = data.index(b"123")
    assert Nearness([NEAR]).places(data).has(NEAR, start, start + 3) is may


def test_candidates_without_the_word_are_not_checked() -> None:
    checked: list[Hit] = []
    detector = Detector("phone", r"\b[0-9]{3}\b", lambda hit: bool(checked.append(hit)), near=NEAR)
    found = Scanner(ScanPolicy(), ManualClock(), (detector,)).scan_text("123 and more words " * 500 + "tel 456")
    assert found.is_clean
    assert 1 <= len(checked) < 10


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=8), st.integers(0, 7))
def test_what_the_check_asks_for_is_never_passed_over(words: list[str], at: int) -> None:
    data = " ".join([*words[:at], "6123456789", *words[at:]]).encode()
    start = data.index(b"6123456789")
    near = PHONE[0].near
    assert near is not None
    if is_near(Hit(data, start, start + 10), cue(*near.words), before=near.before, after=near.after):
        assert Nearness([near]).places(data).has(near, start, start + 10)
