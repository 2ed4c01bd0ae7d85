"""Writing: one chain whoever writes, what a crash leaves, and files that follow each other."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from extproc.audit import Keys
from extproc.audit.chain import Chain
from extproc.audit.disk import Disk
from extproc.audit.tail import DamagedError
from extproc.testing import ManualClock
from tests.audit.logs import append, chain, entry, judged, newest, said, verdict, write


def entries(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line)["entry"] for path in sorted(directory.glob("audit-0*.jsonl")) for line in path.read_text().splitlines()]


def test_writers_that_take_turns_write_one_chain(tmp_path: Path) -> None:
    writers = [chain(tmp_path, rotate_bytes=3_000) for _ in range(3)]
    numbers = [append(writers[number % 3], number, number + 100) for number in range(1, 40)]
    writers[0].checkpoint()
    found = judged(tmp_path)
    assert found.verdict == "intact"
    assert found.files > 3
    assert numbers == sorted(set(numbers))
    decided = [each["request_id"] for each in entries(tmp_path) if each["event"] == "released"]
    assert decided == [f"req-{number}" for first in range(1, 40) for number in (first, first + 100)]


def test_the_first_record_of_a_file_has_the_hash_of_the_last_before_it(tmp_path: Path) -> None:
    write(tmp_path, [(number,) for number in range(1, 10)], rotate_bytes=1_000)
    files = sorted(tmp_path.glob("audit-0*.jsonl"))
    assert len(files) > 2
    for before, after in pairwise(files):
        last, first = (json.loads(path.read_text().splitlines()[place]) for path, place in ((before, -1), (after, 0)))
        assert last["entry"]["event"] == "rotated"
        assert first["entry"]["previous"] == last["hash"]
        assert before.stat().st_mode & 0o777 == 0o440


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_new_writer_goes_on_after_a_file_that_is_whole(tmp_path: Path, is_compressed: bool) -> None:
    write(tmp_path, [(1,), (2,), (3,)], rotate_bytes=1_000)
    last = newest(tmp_path)
    if json.loads(last.read_text().splitlines()[-1])["entry"]["event"] != "rotated":
        last.unlink()  # as after a death between the last record of a file and the first of the next
    whole = newest(tmp_path)
    (tmp_path / "checkpoint.json").unlink()
    if is_compressed:
        whole.with_suffix(".jsonl.gz").write_bytes(gzip.compress(whole.read_bytes()))
        whole.unlink()
    writer = chain(tmp_path)
    append(writer, 4)
    writer.checkpoint()
    assert verdict(tmp_path) == "intact"


def test_a_death_in_the_middle_of_a_rotation_is_made_good(tmp_path: Path) -> None:
    write(tmp_path, [(1,), (2,)])
    (tmp_path / "audit-000002.jsonl").touch()
    assert verdict(tmp_path) == "intact"
    writer = chain(tmp_path)
    append(writer, 3)
    assert verdict(tmp_path) == "intact"
    assert [each["event"] for each in entries(tmp_path)] == ["released", "released", "rotated", "released"]


@pytest.mark.parametrize("cut", [1, 200, 500, 900, 1_300])
def test_what_an_unfinished_write_has_left_is_taken_off_and_told(tmp_path: Path, cut: int) -> None:
    write(tmp_path, [(1,), (2,)])
    path = newest(tmp_path)
    before = path.stat().st_size
    write(tmp_path, [(3, 4, 5)], is_closed=False)
    (tmp_path / "checkpoint.json").unlink()
    torn = path.read_bytes()[before : before + cut]
    path.write_bytes(path.read_bytes()[: before + cut])
    writer = chain(tmp_path)
    append(writer, 6)
    writer.checkpoint()
    found = judged(tmp_path)
    assert (found.verdict, found.recovered) == ("intact", [3])
    told = entries(tmp_path)[2]
    assert told["dropped_bytes"] == len(torn)
    assert bytes.fromhex(told["dropped"]) == torn[:2048]
    assert [each.get("request_id") for each in entries(tmp_path)] == ["req-1", "req-2", None, "req-6"]


def test_an_unfinished_write_that_begins_a_file_is_taken_off_too(tmp_path: Path) -> None:
    write(tmp_path, [(1,)], is_closed=False)
    (tmp_path / "checkpoint.json").unlink()
    newest(tmp_path).write_bytes(newest(tmp_path).read_bytes()[:300])
    append(chain(tmp_path), 2)
    assert [each["event"] for each in entries(tmp_path)] == ["recovered", "released"]


def test_a_long_unfinished_write_is_found_from_its_beginning(tmp_path: Path) -> None:
    write(tmp_path, [(1,), tuple(range(2, 600))])
    path = newest(tmp_path)
    assert path.stat().st_size > 200_000
    path.write_bytes(path.read_bytes()[:-20])
    (tmp_path / "checkpoint.json").unlink()
    append(chain(tmp_path), 600)
    assert [each.get("request_id") for each in entries(tmp_path)] == ["req-1", None, "req-600"]


@pytest.mark.parametrize(
    ("touched", "why"),
    [
        (lambda data: data.replace(b"req-2", b"req-9"), "the last signed record has been altered"),
        (lambda data: data + b"{}\n", "a record after the last signed one has been altered"),
        (lambda data: data[: data.index(b"\n") + 1], "the log ends with record 1, and it had more"),
        (lambda data: b"", "there is nothing"),
    ],
)
def test_nothing_is_appended_to_a_log_that_was_touched(tmp_path: Path, touched: Any, why: str) -> None:
    write(tmp_path, [(1,), (2,)])
    path = newest(tmp_path)
    path.write_bytes(touched(path.read_bytes()))
    left = path.read_bytes()
    with pytest.raises(DamagedError, match=why if left else "ends with record 0"):
        append(chain(tmp_path), 3)
    assert path.read_bytes() == left


def test_a_log_that_shrinks_while_it_is_written_is_not_gone_on_with(tmp_path: Path) -> None:
    writer = chain(tmp_path)
    append(writer, 1)
    append(writer, 2)
    path = newest(tmp_path)
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"\n") + 1])
    with pytest.raises(DamagedError):
        append(writer, 3)


def test_a_log_that_is_taken_away_while_it_is_written_is_not_begun_anew(tmp_path: Path) -> None:
    writer = chain(tmp_path)
    append(writer, 1)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(DamagedError):
        append(writer, 2)


def test_another_key_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [(1,)])
    other = Chain(tmp_path, Keys.of(b"o" * 32), ManualClock(), rotate_bytes=1 << 20, durable="fsync", disk=Disk())
    with pytest.raises(DamagedError, match="another key"):
        other.append([entry(2).members()])
    (tmp_path / "audit.pub").unlink()
    with pytest.raises(DamagedError, match=r"no audit\.pub"):
        other.append([entry(2).members()])


class Short(Disk):
    """Room for so many bytes more."""

    def __init__(self, room_bytes: int) -> None:
        self.room_bytes = room_bytes

    def write(self, file: int, data: bytes) -> int:
        taken = super().write(file, data[: self.room_bytes])
        self.room_bytes -= taken
        return taken


@pytest.mark.parametrize("room_bytes", [0, 1, 700, 1_000])
def test_a_write_that_found_no_room_leaves_nothing(tmp_path: Path, room_bytes: int) -> None:
    write(tmp_path, [(1,)])
    before = newest(tmp_path).read_bytes()
    disk = Short(room_bytes)
    writer = chain(tmp_path, disk=disk)
    with pytest.raises(OSError, match="No space"):
        append(writer, 2, 3)
    assert newest(tmp_path).read_bytes() == before
    disk.room_bytes = 1 << 20
    assert append(writer, 2, 3) == 3
    assert verdict(tmp_path) == "intact"


def test_no_room_while_files_are_changed_loses_nothing(tmp_path: Path) -> None:
    disk = Short(1 << 20)
    writer = chain(tmp_path, rotate_bytes=500, disk=disk)
    append(writer, 1)
    disk.room_bytes = 100
    with pytest.raises(OSError, match="No space"):
        append(writer, 2)
    disk.room_bytes = 1 << 20
    append(writer, 2)
    writer.checkpoint()
    assert said(tmp_path) == []


def test_no_room_while_a_crash_is_made_good_forgets_nothing(tmp_path: Path) -> None:
    write(tmp_path, [(1,)])
    with newest(tmp_path).open("ab") as file:
        file.write(b'{"entry":{')
    disk = Short(10)
    writer = chain(tmp_path, disk=disk)
    with pytest.raises(OSError, match="No space"):
        append(writer, 2)
    disk.room_bytes = 1 << 20
    append(writer, 2)
    assert judged(tmp_path).recovered == [2]


def test_a_checkpoint_never_goes_back(tmp_path: Path) -> None:
    one, other = chain(tmp_path), chain(tmp_path)
    append(one, 1)
    append(other, 2)
    later = other.checkpoint()
    sooner = one.checkpoint()
    assert later is not None
    assert sooner is not None
    assert (later.seq, sooner.seq) == (2, 2)


def test_an_empty_log_has_no_checkpoint(tmp_path: Path) -> None:
    assert chain(tmp_path).checkpoint() is None


def test_what_was_opened_is_given_back(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    write(tmp_path, [(number,) for number in range(1, 20)], rotate_bytes=1_000)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
