"""What was compiled is kept once for all, whole, and only where nobody else can write."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from extproc.residency.databases import Source, databases, is_ours
from extproc.residency.engine import Engine, Pattern

WORDS = Source((b"abc", b"a.c"), (0, 0), (4, 7))


def matches(source: Source, directory: Path | None, data: bytes) -> list[int]:
    (database,) = databases([source], directory)
    found: list[int] = []
    database.scan(data, match_event_handler=lambda number, *_: found.append(number))
    return sorted(found)


def test_expressions_are_called_by_their_numbers(tmp_path: Path) -> None:
    assert matches(WORDS, None, b"abc") == matches(WORDS, tmp_path, b"abc") == matches(WORDS, tmp_path, b"abc") == [4, 7]


def test_literals_are_plain_text(tmp_path: Path) -> None:
    assert matches(WORDS._replace(is_literal=True), tmp_path, b"abc a.c") == [4, 7]
    assert matches(WORDS, tmp_path, b"axc") == [7]


def test_each_source_has_a_file_of_its_own(tmp_path: Path) -> None:
    databases([WORDS, WORDS._replace(numbers=(1, 2)), WORDS], tmp_path)
    assert len(list(tmp_path.glob("*.hs"))) == 2


def test_nothing_is_left_half_written(tmp_path: Path) -> None:
    databases([WORDS], tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".hs", ".lock"}


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_directory_that_others_write_to_is_not_read(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert not is_ours(tmp_path)
    assert matches(WORDS, tmp_path, b"abc") == [4, 7]
    assert list(tmp_path.iterdir()) == []


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extproc.residency.databases._MOST_KEPT", 3)
    for number in range(5):
        databases([WORDS._replace(numbers=(number, 9))], tmp_path)
        for age, path in enumerate(sorted(tmp_path.glob("*.hs"), key=lambda path: path.stat().st_mtime)):
            os.utime(path, (age, age))
    assert len(list(tmp_path.glob("*.hs"))) == 3


def compile_into(directory: Path, barrier: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    engine = Engine([Pattern(rf"\bword{at}\b") for at in range(40)], directory, groups=[at % 3 for at in range(40)])
    assert engine.find(b"a word7 here").candidates


def test_processes_that_start_together_share_the_work(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(3)
    processes = [spawn.Process(target=compile_into, args=(tmp_path, barrier)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(list(tmp_path.glob("*.hs"))) == 3
