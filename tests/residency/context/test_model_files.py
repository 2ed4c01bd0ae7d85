"""The model's files: pinned by their digests, whole or refused, and what the words in the repository make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from extproc.config.kinds import KINDS
from extproc.errors import ModelError
from extproc.residency.context import ContextJudge, manifest
from extproc.residency.context.openings import Search, forms_of, is_word
from extproc.residency.context.words import Words, canonical
from models import context_rows, context_words


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(manifest.DEFAULT_DIRECTORY, tmp_path / "model"))


def test_the_shipped_model_is_small_and_its_kinds_are_known() -> None:
    shipped = manifest.read()
    assert set(shipped.kinds) <= KINDS
    assert sum(path.stat().st_size for path in manifest.DEFAULT_DIRECTORY.iterdir()) < 4_000_000


def test_the_shipped_words_are_those_of_the_repository() -> None:
    words, opening = context_words.classes()
    shipped = manifest.read()
    assert (shipped.words, shipped.openings) == (words, opening)


@pytest.mark.parametrize("name", [manifest.WORDS, manifest.WEIGHTS])
def test_another_file_than_the_pinned_one_is_refused(model: Path, name: str) -> None:
    (model / name).write_bytes((model / name).read_bytes() + b" ")
    with pytest.raises(ModelError, match="names"):
        ContextJudge.load(model)


def test_another_manifest_than_the_pinned_one_is_refused(model: Path) -> None:
    with pytest.raises(ModelError, match="pinned"):
        ContextJudge.load(model, sha256="0" * 64)


@pytest.mark.parametrize("change", [{"format": 0}, {"thresholds": None}, {"files": {}}])
def test_a_manifest_of_another_form_is_refused(model: Path, change: dict[str, object]) -> None:
    path = model / manifest.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError):
        ContextJudge.load(model)


def test_weights_for_other_kinds_are_refused(model: Path) -> None:
    path = model / manifest.MANIFEST
    stated = json.loads(path.read_text())
    del stated["thresholds"]["health"]
    path.write_text(json.dumps(stated))
    with pytest.raises(ModelError, match="do not fit"):
        ContextJudge.load(model)


def test_a_missing_file_is_said(model: Path) -> None:
    (model / manifest.WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"weights\.npz"):
        ContextJudge.load(model)


@pytest.mark.parametrize(
    ("entry", "text", "ends"),
    [
        ("diagnos*", "Diagnosed; misdiagnosed", [7]),
        ("wage", "a wage, two wages", [6]),
        ("sick-leave", "sick leave and sick-leave", [10, 25]),
        ("癌", "乳癌です", [6]),
        ("เบาหวาน", "แม่เป็นเบาหวานและ", [42]),
        ("סוכרת", "לאמא יש בסוכרת", [26]),
        ("диагноз*", "ДИАГНОЗЫ", [14]),
        ("hiv", "archive of HIV tests", [14]),
    ],
)
def test_an_entry_is_found_as_a_word(entry: str, text: str, ends: list[int]) -> None:
    assert Search((entry,)).ends(text.encode(), 1) == ends


def test_words_nearer_than_asked_are_passed_over() -> None:
    assert Search(("wage",)).ends(b"wage " * 20, 50) == [4, 54]


def test_an_entry_has_a_form_for_each_joint_and_for_each_case_that_is_not_ascii() -> None:
    assert forms_of("sick-leave") == {b"sick-leave", b"sick leave"}
    assert forms_of("диагноз*") == {form.encode() for form in ("диагноз", "Диагноз", "ДИАГНОЗ")}
    assert not is_word(b"archive", 2, 5, (True, True))


def test_short_and_long_words_are_found_in_their_order() -> None:
    search = Search(("hiv", "diagnos*", "wage"))
    assert search.ends(b"hiv diagnosis wage hiv diagnosis", 1) == [3, 11, 18, 22, 30]
    assert search.ends(b"hiv diagnosis wage hiv diagnosis", 12) == [3, 18, 30]


@pytest.mark.parametrize(("text", "plain"), [("DIABÈTE", "diabete"), ("İŞÇİ", "isci"), ("Größe", "grosse"), ("Ёлка", "ёлка"), ("癌", "癌")])
def test_marks_of_latin_letters_are_folded(text: str, plain: str) -> None:
    assert canonical(text) == plain


def test_words_of_a_class_are_found_in_thai_which_writes_no_spaces() -> None:
    words = Words({"illness": ["เบาหวาน"]})
    assert words.read(["แม่เป็นเบาหวานและ"]).features[0, 0] > 0
    assert words.read(["แม่เป็นครูและ"]).features[0, 0] == 0


def test_two_words_of_a_class_are_the_same_to_the_model() -> None:
    words = Words({"drug": ["metformin*", "insulin*"], "name": ["anna", "maria"]})
    assert words.read(["anna"]).words.tolist() == words.read(["maria"]).words.tolist()


def test_rows_are_many_in_many_languages_and_half_are_clean() -> None:
    rows = context_rows.load()
    assert len(rows) >= 1_500
    assert len({row.lang for row in rows}) >= 15
    assert 0.35 <= sum(not row.kinds for row in rows) / len(rows) <= 0.65
    assert len({row.id for row in rows}) == len(rows)
