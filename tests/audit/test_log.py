"""The log as a process uses it: answers in the event loop, and only once they are true."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from extproc.audit import Checkpoint, Log, Unwritten, Written, load_keys
from extproc.audit.disk import Disk
from extproc.testing import ManualClock
from tests.audit.logs import KEYS, append_all, entry, judged, newest, verdict


class Watched(Disk):
    """Remembers what was asked, and can be told to fail or to wait."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: dict[str, int] = {}  # a call, and the error it fails with
        self.may_sync = threading.Event()
        self.may_sync.set()
        self.is_syncing = threading.Event()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call in self.fails:
            raise OSError(self.fails[call], os.strerror(self.fails[call]))

    def open(self, path: Path, flags: int, mode: int = 0o640) -> int:
        self._note("open")
        return super().open(path, flags, mode)

    def lock(self, file: int) -> None:
        self._note("lock")
        super().lock(file)

    def write(self, file: int, data: bytes) -> int:
        self._note("write")
        return super().write(file, data)

    def sync(self, file: int) -> None:
        self.is_syncing.set()
        self.may_sync.wait(10)
        self._note("sync")
        super().sync(file)

    async def hold(self) -> None:
        """Lets no flush end from now on."""
        self.is_syncing.clear()
        self.may_sync.clear()

    async def is_held(self) -> None:
        """Returns once one is waiting."""
        await asyncio.to_thread(self.is_syncing.wait, 10)


async def begun(log: Log, directory: Path) -> None:
    """Returns once the first record and its checkpoint are written."""
    await log.append(entry(1))
    while not (directory / "checkpoint.json").exists():  # noqa: ASYNC110 - a file says nothing when it comes
        await asyncio.sleep(0.001)
    await log.append(entry(2))


async def test_an_answer_comes_after_the_disk_has_it(tmp_path: Path) -> None:
    disk = Watched()
    log = Log.open(tmp_path, KEYS, disk=disk)
    await begun(log, tmp_path)
    disk.calls.clear()
    await disk.hold()
    waiting = log.submit(entry(3))
    await disk.is_held()
    assert b"req-3" in newest(tmp_path).read_bytes()
    assert not waiting.done()
    disk.may_sync.set()
    assert await waiting == Written(3)
    assert disk.calls == ["lock", "write", "sync"]
    await log.close()


async def test_written_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    disk = Watched()
    log = Log.open(tmp_path, KEYS, disk=disk, durable="written")
    await log.append(entry(1))
    await log.close()
    log = Log.open(tmp_path, KEYS, disk=disk, durable="written")
    disk.may_sync.clear()
    assert await log.append(entry(2)) == Written(2)
    disk.may_sync.set()
    await log.close()
    assert verdict(tmp_path) == "intact"


async def test_what_arrives_while_a_write_is_under_way_goes_together(tmp_path: Path) -> None:
    disk = Watched()
    log = Log.open(tmp_path, KEYS, disk=disk)
    await begun(log, tmp_path)
    await disk.hold()
    first = log.submit(entry(3))
    await disk.is_held()
    before = disk.calls.count("write")
    others = [log.submit(entry(number)) for number in range(4, 50)]
    disk.may_sync.set()
    assert await asyncio.gather(first, *others) == [Written(number) for number in range(3, 50)]
    assert disk.calls.count("write") == before + 1
    await log.close()
    assert (verdict(tmp_path), log.written) == ("intact", 49)


@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        ("open", errno.EACCES, "permission"),
        ("open", errno.EROFS, "permission"),
        ("write", errno.ENOSPC, "full"),
        ("write", errno.EDQUOT, "full"),
        ("write", errno.EIO, "io"),
        ("sync", errno.EIO, "io"),
        ("lock", errno.ENOLCK, "io"),
    ],
)
async def test_a_failure_is_an_answer_and_passes(tmp_path: Path, call: str, error: int, reason: str) -> None:
    disk = Watched()
    log = Log.open(tmp_path, KEYS, disk=disk)
    disk.fails[call] = error
    assert await log.append(entry(1)) == Unwritten(reason)  # type: ignore[arg-type]
    assert (log.trouble, log.unwritten) == (reason, 1)
    disk.fails.clear()
    assert isinstance(await log.append(entry(2)), Written)
    assert log.trouble is None
    await log.close()
    assert verdict(tmp_path) == "intact"


async def test_what_nobody_thought_of_ends_no_thread(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(Disk):
        is_odd = True

        def write(self, file: int, data: bytes) -> int:
            if self.is_odd:
                raise RuntimeError
            return super().write(file, data)

    disk = Odd()
    log = Log.open(tmp_path, KEYS, disk=disk)
    assert await log.append(entry(1)) == Unwritten("io")
    disk.is_odd = False
    assert isinstance(await log.append(entry(2)), Written)
    await log.close()
    assert "cannot be written" in caplog.text


async def test_a_disk_that_takes_too_long_is_an_answer(tmp_path: Path) -> None:
    disk = Watched()
    log = Log.open(tmp_path, KEYS, disk=disk, timeout_s=0.01)
    await disk.hold()
    under_way = log.submit(entry(1))
    await disk.is_held()
    assert await log.append(entry(2), timeout_s=0.01) == Unwritten("timeout")
    assert await log.append(entry(3)) == Unwritten("timeout")
    disk.may_sync.set()
    assert await under_way == Written(1)
    await log.close()
    written = newest(tmp_path).read_bytes()
    assert b"req-2" not in written  # it had not been begun, and was withdrawn
    assert b"req-3" not in written


async def test_no_more_wait_than_may(tmp_path: Path) -> None:
    disk = Watched()
    log = Log.open(tmp_path, KEYS, disk=disk)
    await disk.hold()
    under_way = log.submit(entry(1))
    await disk.is_held()
    waiting = [log.submit(entry(number)) for number in range(2, 10_002)]
    assert await log.append(entry(0)) == Unwritten("busy")
    disk.may_sync.set()
    assert await asyncio.gather(under_way, *waiting) == [Written(number) for number in range(1, 10_002)]
    await log.close()


async def test_a_log_that_is_closed_takes_nothing(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "log", KEYS)
    waiting = log.submit(entry(1))
    await log.close()
    assert await waiting == Written(1)
    assert await log.append(entry(2)) == Unwritten("closed")


async def test_a_log_that_nobody_used_is_closed_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    await Log.open(tmp_path / "log", KEYS).close()
    assert not (tmp_path / "log").exists()


async def test_a_log_that_was_touched_is_an_answer(tmp_path: Path) -> None:
    log = Log.open(tmp_path, KEYS)
    await log.append(entry(1))
    await log.close()
    newest(tmp_path).write_bytes(b"")
    log = Log.open(tmp_path, KEYS)
    assert await log.append(entry(2)) == Unwritten("damaged")
    await log.close()


async def test_checkpoints_come_with_the_first_record_at_intervals_and_at_the_end(tmp_path: Path) -> None:
    kept: list[Checkpoint] = []
    clock = ManualClock()
    log = Log.open(tmp_path, KEYS, clock=clock, checkpoint_s=10, witness=kept.append)
    async with asyncio.timeout(20):
        for number, forward_s, expected in ((1, 0.0, 1), (2, 0.0, 1), (3, 11.0, 2), (4, 0.0, 2)):
            clock.advance(forward_s)
            await log.append(entry(number))
            while len(kept) < expected:  # noqa: ASYNC110 - the thread is told nothing of our waiting
                await asyncio.sleep(0.001)
        await log.close()
    await asyncio.sleep(0)
    first, second, last = [checkpoint.seq for checkpoint in kept]
    assert (first, last) == (1, 4)
    assert second in (2, 3)  # the thread may have seen the time pass before the third record
    assert all(checkpoint.is_signed_by(KEYS.public) for checkpoint in kept)
    assert judged(tmp_path).checkpoints == 1


async def test_a_loop_with_many_at_once(tmp_path: Path) -> None:
    log = Log.open(tmp_path, load_keys(tmp_path / "keys" / "audit.key"), rotate_bytes=50_000)
    outcomes = await append_all(log, (entry(number) for number in range(1, 2_500)))
    await log.close()
    assert len({outcome.seq for outcome in outcomes}) == 2_499
    assert verdict(tmp_path) == "intact"
