"""Several real processes, real kills, real limits."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extproc.audit.chain import Chain
from tests.audit.logs import append, chain, judged, newest, verdict, write

ROOT = Path(__file__).resolve().parents[2]


def started(what: str, directory: Path, *numbers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.audit.writer", what, str(directory), *map(str, numbers)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def told(text: str) -> dict[int, str]:
    """What each number came to, of whole lines."""
    return {int(number): came_to for number, came_to in (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))}


def acknowledged(writer: subprocess.Popen[str]) -> dict[int, str]:
    out, _ = writer.communicate(timeout=60)
    return told(out)


def test_processes_that_are_killed_fork_no_chain_and_lose_nothing_acknowledged(tmp_path: Path) -> None:
    killed = [started("append", tmp_path, 100_000 * number, 50_000) for number in (1, 2)]
    others = [started("append", tmp_path, 100_000 * number, 800) for number in (3, 4)]
    seen: dict[int, str] = {}
    for writer in killed:
        assert writer.stdout is not None
        for _ in range(200):  # until it has written in earnest
            seen |= told(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    for writer in killed + others:
        seen |= acknowledged(writer)
    append(chain(tmp_path), 1)
    found = judged(tmp_path)
    assert found.verdict == "intact"
    assert found.files > 1
    entries = [json.loads(line)["entry"] for path in sorted(tmp_path.glob("audit-0*.jsonl")) for line in path.read_text().splitlines()]
    written = {each["request_id"]: str(each["seq"]) for each in entries if "request_id" in each}
    assert {number: written[f"req-{number}"] for number in seen} == seen
    assert sum(number >= 300_000 for number in seen) == 1_600


def test_a_log_is_whole_at_every_moment_while_others_write_it(tmp_path: Path) -> None:
    writers = [started("append", tmp_path, 100_000 * number, 800) for number in (1, 2)]
    verdicts = []
    while any(writer.poll() is None for writer in writers):
        if (tmp_path / "checkpoint.json").exists():
            verdicts.append(verdict(tmp_path))
    for writer in writers:
        acknowledged(writer)
    assert len(verdicts) > 5
    assert set(verdicts) == {"intact"}


def test_a_stopped_process_that_has_the_lock_holds_nobody_up_for_good(tmp_path: Path) -> None:
    write(tmp_path, [(1,)])
    with (tmp_path / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert verdict(tmp_path) == "intact"  # reading waits for a while, and then reads


def test_beyond_the_size_a_file_may_have_nothing_is_written_and_later_it_is(tmp_path: Path) -> None:
    outcomes = acknowledged(started("limited", tmp_path))
    full = [number for number, came_to in outcomes.items() if came_to == "full"]
    assert full
    assert full == list(range(full[0], 80))
    assert all(came_to.isdigit() for number, came_to in outcomes.items() if number not in full)
    found = judged(tmp_path)
    assert (found.verdict, found.records) == ("intact", 99 - len(full))


@contextlib.contextmanager
def mounted(directory: Path, options: str) -> Iterator[Path]:
    directory.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], check=False, capture_output=True).returncode
    ):
        pytest.skip("file systems cannot be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def append_until(writer: Chain, last: int) -> None:
    for number in range(2, last):
        append(writer, number)


def test_a_full_disk_takes_records_again_when_it_has_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=64k") as small:
        writer = chain(small / "log")
        append(writer, 1)
        (small / "ballast").write_bytes(b"x" * 40_000)
        with pytest.raises(OSError, match="No space"):
            append_until(writer, 1_000)
        written = judged(small / "log").last_seq
        assert 1 < written < 999
        (small / "ballast").unlink()
        assert append(writer, written + 1) == written + 1
        writer.checkpoint()
        assert verdict(small / "log") == "intact"
        writer.close()


def test_a_file_system_that_is_read_only_is_an_answer(tmp_path: Path) -> None:
    with mounted(tmp_path / "sealed", "size=64k,ro") as sealed, pytest.raises(OSError, match="Read-only"):
        append(chain(sealed / "log"), 1)


def test_a_directory_of_somebody_else_is_an_answer() -> None:
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        write(log, [(1,)])
        for path, mode in ((newest(log), 0o444), (log / "lock", 0o444), (log, 0o555), (Path(name), 0o755)):
            path.chmod(mode)
        assert acknowledged(started("unprivileged", log)) == {1: "permission"}
        log.chmod(0o755)
