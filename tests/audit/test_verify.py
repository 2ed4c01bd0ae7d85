"""Whatever is done to a log is found, and said where it is."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.audit import Keys, Wanted, verify
from extproc.audit.line import PREFIX, Place, sealed
from tests.audit.logs import KEYS, judged, newest, said, verdict, write

BATCHES = [(1,), (2, 3, 4), (5,), (6, 7), (8, 9, 10, 11), (12,), (13, 14), (15,)]
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A log in several files, whole and with a checkpoint of its end."""
    directory = tmp_path_factory.mktemp("audit")
    write(directory, BATCHES, rotate_bytes=2_500)
    found = {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "lock"}
    assert sum(name.startswith("audit-0") for name in found) >= 3
    return found


@pytest.fixture
def directory(files: Files, tmp_path: Path) -> Path:
    laid(files, tmp_path)
    return tmp_path


def laid(files: Files, directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    for name, data in files.items():
        (directory / name).write_bytes(data)


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_log_that_nobody_touched_is_whole(directory: Path) -> None:
    found = judged(directory)
    decisions = sum(map(len, BATCHES))
    assert (found.verdict, found.problems, found.torn_bytes) == ("intact", [], 0)
    assert found.records == found.last_seq == decisions + found.files - 1  # each file but the last says that it goes on
    assert found.signatures >= found.files
    assert found.checkpoints == 1


tampering = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@tampering
@given(data=st.data())
def test_any_flipped_byte_in_any_file_is_found(files: Files, tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    laid(files | {name: bytes(content)}, tmp_path)
    assert verdict(tmp_path) == "broken"


@tampering
@given(data=st.data())
def test_any_line_removed_doubled_moved_or_put_in_is_found(files: Files, tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in sorted(files) if name.startswith("audit-0")]))
    lines = files[name].splitlines(keepends=True)
    line, other = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines)))
    everything = [each for each in files if each.startswith("audit-0") for each in files[each].splitlines(keepends=True)]
    how = data.draw(st.sampled_from(["remove", "double", "move", "put in", "white space"]))
    if how == "remove":
        del lines[line]
    elif how == "double":
        lines.insert(other, lines[line])
    elif how == "put in":
        lines.insert(other, data.draw(st.sampled_from([*everything, b"\n", b"{}\n"])))
    elif how == "white space":
        place = data.draw(st.integers(0, len(lines[line])))
        lines[line] = lines[line][:place] + data.draw(st.sampled_from([b" ", b"\n", b"\t", b"\r"])) + lines[line][place:]
    else:
        moved = lines.pop(line)
        lines.insert(other if other < line else (other + 1) % (len(lines) + 1) if other == line else other, moved)
    changed = b"".join(lines)
    if changed != files[name]:
        laid(files | {name: changed}, tmp_path)
        found = judged(tmp_path)
        # What is no line and comes after the end looks like a write that was cut off, and does no harm.
        is_appended = name == max(each for each in files if each.startswith("audit-0")) and changed.startswith(files[name])
        assert found.verdict == "broken" or (
            is_appended and found.verdict == "torn" and found.torn_bytes == len(changed) - len(files[name])
        )


@tampering
@given(data=st.data())
def test_any_file_cut_or_taken_away_is_found(files: Files, tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in sorted(files) if name != "audit.pub"]))
    size = data.draw(st.integers(0, len(files[name]) - 1))
    left = dict(files)
    if data.draw(st.booleans()):
        left[name] = files[name][:size]
    else:
        del left[name]
    laid(left, tmp_path)
    assert verdict(tmp_path) == "broken"


def test_a_cut_after_the_last_checkpoint_is_torn_or_ends_where_a_write_ended(tmp_path: Path) -> None:
    write(tmp_path, BATCHES, is_closed=False)
    path = newest(tmp_path)
    whole = path.read_bytes()
    ends = {0}
    for line in lines_of(path):
        ends.add(max(ends) + len(line))
    signed = {sum(map(len, lines_of(path)[: sum(map(len, BATCHES[:number]))])) for number in range(1, len(BATCHES) + 1)}
    verdicts = {}
    for size in {*range(0, len(whole), 7), *ends}:
        path.write_bytes(whole[:size])
        found = judged(tmp_path)
        verdicts[size] = found.verdict
        last_signed = max((end for end in signed if end <= size), default=0)
        if found.verdict != "broken":
            assert found.torn_bytes == size - last_signed
    first = min(signed)  # of which there is a checkpoint
    assert {size for size, verdict in verdicts.items() if verdict == "broken"} == {size for size in verdicts if size < first}
    assert {size for size, verdict in verdicts.items() if verdict == "intact"} == signed


def test_a_checkpoint_kept_elsewhere_finds_a_cut_that_nothing_in_the_directory_shows(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.json"
    write(log, BATCHES[:4])
    early = (log / "checkpoint.json").read_bytes()
    path = newest(log)
    size = path.stat().st_size
    write(log, BATCHES[4:])
    shutil.copy(log / "checkpoint.json", kept)
    path.write_bytes(path.read_bytes()[:size])
    (log / "checkpoint.json").write_bytes(early)
    assert judged(log).verdict == "intact"
    assert said(log, kept) == ["kept.json, sequence 15: the log had more records, and ends with 7"]


def test_a_log_that_was_written_anew_is_not_the_one_a_checkpoint_is_of(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.json"
    write(log, BATCHES)
    shutil.copy(log / "checkpoint.json", kept)
    shutil.rmtree(log)
    write(log, [(1,), (2,), (3,)] * 5)
    assert judged(log).verdict == "intact"
    assert said(log, kept) == ["kept.json, sequence 15: the log had another record of this number then"]


def test_who_has_another_key_cannot_write_the_log_anew(directory: Path) -> None:
    other = Keys.of(b"x" * 32)
    lines = [line for path in sorted(directory.glob("audit-0*")) for line in lines_of(path)]
    entries = [{**json.loads(line)["entry"]} for line in lines]
    for members in entries:
        members.pop("signature", None)
    data, _ = sealed(entries, Place(0, KEYS.public.origin), 1, other.sign)
    for path in sorted(directory.glob("audit-0*"))[1:]:
        path.unlink()
    (directory / "audit-000001.jsonl").write_bytes(data)
    assert any("is not signed with the key of this log" in problem for problem in said(directory))
    assert verify(directory, Wanted(other.public)).problems[-1].what == "does not follow on the record before it"


@pytest.mark.parametrize(
    ("line", "change", "expected"),
    [
        (1, lambda line: line.replace(b"req-3", b"req-4"), "the hash is not that of the record: one of the two has been altered"),
        (1, lambda line: b"", "1 record is missing before it"),
        (1, lambda line: line + line, "does not belong here: the record before it has the number 2"),
        (1, lambda line: b"#" + line, "is no record"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, line: int, change: object, expected: str) -> None:
    write(tmp_path, [(2,), (3,), (4,), (5,)])
    path = newest(tmp_path)
    lines = lines_of(path)
    lines[line] = change(lines[line])  # type: ignore[operator]
    path.write_bytes(b"".join(lines))
    (problem, *_) = judged(tmp_path).problems
    assert (problem.file, problem.what) == (path.name, expected)
    assert problem.line in (2, 3)
    assert problem.seq in (2, 3)


def test_one_altered_record_is_one_problem(tmp_path: Path) -> None:
    write(tmp_path, [(number,) for number in range(1, 30)])
    path = newest(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"req-17", b"req-71"))
    assert len(said(tmp_path)) == 1


def test_problems_beyond_the_first_hundred_are_counted(tmp_path: Path) -> None:
    write(tmp_path, [tuple(range(1, 301))])
    path = newest(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"acme", b"evil"))
    found = judged(tmp_path)
    assert (len(found.problems), found.problems_left) == (100, 201)  # the checkpoint's record is one that was altered


def test_files_that_were_compressed_are_verified_too(files: Files, directory: Path) -> None:
    (directory / "audit-000001.jsonl.gz").write_bytes(gzip.compress(files["audit-000001.jsonl"]))
    (directory / "audit-000001.jsonl").unlink()
    assert verdict(directory) == "intact"
    altered = files["audit-000001.jsonl"].replace(b"req-2", b"req-9")
    (directory / "audit-000001.jsonl.gz").write_bytes(gzip.compress(altered))
    assert verdict(directory) == "broken"
    (directory / "audit-000001.jsonl.gz").write_bytes(gzip.compress(files["audit-000001.jsonl"])[:-9])
    assert any("cannot be read" in problem for problem in said(directory))


@tampering
@given(data=st.data())
def test_a_flipped_byte_in_a_compressed_file_is_found_or_changes_nothing(files: Files, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(gzip.compress(files["audit-000001.jsonl"]))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    left = {name: text for name, text in files.items() if name != "audit-000001.jsonl"}
    laid(left | {"audit-000001.jsonl.gz": bytes(content)}, tmp_path)
    try:
        is_same = gzip.decompress(content) == files["audit-000001.jsonl"]
    except (OSError, EOFError, zlib.error):
        is_same = False
    assert verdict(tmp_path) == ("intact" if is_same else "broken")


def test_a_file_in_two_shapes_is_found(files: Files, directory: Path) -> None:
    (directory / "audit-000001.jsonl.gz").write_bytes(gzip.compress(files["audit-000001.jsonl"]))
    assert "audit-000001.jsonl.gz: has the number of audit-000001.jsonl too" in said(directory)


def test_the_oldest_files_may_go_when_that_is_said(directory: Path) -> None:
    (directory / "audit-000001.jsonl").unlink()
    assert said(directory)[0] == "audit-000002.jsonl: is the first file, and the 1 before it are missing"
    found = judged(directory, is_pruned=True)
    assert found.verdict == "intact"
    assert found.first_seq > 1
    (directory / "audit-000003.jsonl").unlink()
    assert judged(directory, is_pruned=True).verdict == "broken"


def test_what_does_not_belong_there_is_named(directory: Path) -> None:
    (directory / "audit-000002.jsonl.bak").write_bytes(b"")
    assert said(directory) == ["audit-000002.jsonl.bak: is no file of this log"]


def test_a_log_without_its_files_is_not_whole(tmp_path: Path) -> None:
    assert verify(tmp_path, Wanted(KEYS.public)).verdict == "broken"


def test_a_record_is_one_line_of_canonical_json_with_the_hash_of_its_entry(directory: Path) -> None:
    for line in lines_of(newest(directory)):
        members = json.loads(line)
        assert line.startswith(PREFIX)
        assert json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" == line
