"""One pass finds all patterns, and says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.residency.engine import Engine, Found, Pattern, problem_of


def test_matches_with_one_start_are_one_candidate_with_the_last_end() -> None:
    assert Engine([Pattern(r"\ba+"), Pattern("zz")]).find(b"aaa b").candidates == [Found(0, 0, 3)]


def test_case_counts_where_it_is_said_to() -> None:
    engine = Engine([Pattern("key"), Pattern("KEY", is_caseless=False)])
    assert [found.number for found in engine.find(b"Key").candidates] == [0]
    assert {found.number for found in engine.find(b"KEY").candidates} == {0, 1}


def test_letters_beyond_ascii_have_case_too() -> None:
    assert Engine([Pattern("\u043f\u0430\u0440\u043e\u043b\u044c")]).find("\u041f\u0410\u0420\u041e\u041b\u042c".encode()).candidates


def test_lines_have_ends() -> None:
    assert Engine([Pattern("^b$")]).find(b"a\nb\nc").candidates == [Found(0, 2, 3)]


def test_events_are_bounded() -> None:
    finds = Engine([Pattern("a")]).find(b"a" * 1000, 10)
    assert finds.is_cut
    assert len(finds.candidates) <= 11


def test_nothing_to_look_for_or_in() -> None:
    assert Engine([]).find(b"a").candidates == []
    assert Engine([Pattern("a")]).find(b"").candidates == []


@pytest.mark.parametrize("pattern", ["(a", "(?<=a)b", r"(a)\1"])
def test_a_pattern_it_does_not_take_is_named(pattern: str) -> None:
    assert problem_of(pattern)
    with pytest.raises(ValueError, match="pattern 1"):
        Engine([Pattern("a"), Pattern(pattern)])


def test_a_good_pattern_has_no_problem() -> None:
    assert problem_of(r"Project\s+Falcon") is None


def test_what_was_compiled_is_kept_and_loaded_again(tmp_path: Path) -> None:
    patterns = [Pattern("abc"), Pattern(r"\bd+")]
    Engine(patterns, tmp_path)
    (kept,) = tmp_path.glob("*.hs")
    file = kept.stat().st_ino
    assert Engine(patterns, tmp_path).find(b"abc dd").candidates == Engine(patterns).find(b"abc dd").candidates
    assert kept.stat().st_ino == file


def test_other_patterns_are_not_confused_with_those_kept(tmp_path: Path) -> None:
    Engine([Pattern("abc")], tmp_path)
    assert Engine([Pattern("xyz")], tmp_path).find(b"abc xyz").candidates == [Found(0, 4, 7)]
    assert Engine([Pattern("abc", is_caseless=False)], tmp_path).find(b"ABC").candidates == []


@pytest.mark.parametrize("raw", [b"", b"no database"])
def test_a_broken_file_is_compiled_anew(tmp_path: Path, raw: bytes) -> None:
    Engine([Pattern("abc")], tmp_path)
    (kept,) = tmp_path.glob("*.hs")
    kept.write_bytes(raw)
    assert Engine([Pattern("abc")], tmp_path).find(b"abc").candidates


def test_a_directory_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert Engine([Pattern("abc")], tmp_path / "missing").find(b"abc").candidates
