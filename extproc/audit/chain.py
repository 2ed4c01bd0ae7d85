"""Writing, for one thread of one process; others do the same in the same directory at the same time.

Who holds the lock appends. Under it the end of the newest file is looked at: where another process has written since, its last
signed record is read and checked, and the chain goes on from there, so it has no forks. A write is one batch of records and
ends with a signature. The lock is given back before the data is flushed: flushing a file flushes what all have written to it,
so processes flush at the same time, and a record that is acknowledged has everything before it on the disk.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from extproc.audit.checkpoint import Checkpoint, read_checkpoint
from extproc.audit.disk import Disk
from extproc.audit.folder import CHECKPOINT, LOCK, PUBLIC, LogFile, listed, path_of
from extproc.audit.key import Keys, read_public_key
from extproc.audit.line import Place, sealed
from extproc.audit.tail import DamagedError, Tail, tail_in, tail_of
from extproc.clock import Clock

Durable = Literal["fsync", "written"]

_SHOWN_BYTES = 2048  # of what a write that was cut off has left
_APPEND = os.O_RDWR | os.O_APPEND


class Chain:
    """The log in `directory`. A file that has `rotate_bytes` is followed by another. Methods raise OSError and DamagedError."""

    def __init__(self, directory: Path, keys: Keys, clock: Clock, *, rotate_bytes: int, durable: Durable, disk: Disk) -> None:
        self._directory = directory
        self._keys = keys
        self._clock = clock
        self._rotate_bytes = rotate_bytes
        self._is_flushed = durable == "fsync"
        self._disk = disk
        self._lock = -1
        self._file = -1
        self._number = 0
        self._size = 0
        self._place = self._origin
        self._torn = b""  # what is to be said in the log, and has not been yet

    def append(self, entries: Iterable[Mapping[str, Any]]) -> int:
        """The number of the last of them, once all are written, and are on the disk where that is asked for."""
        with self._locked(), self._forgetting():
            self._settle()
            if self._size >= self._rotate_bytes:
                self._rotate()
            is_first = not self._place.seq
            self._put(entries)
            if is_first:
                with suppress(OSError):  # the next one will do
                    self._promise()
        if self._is_flushed:
            with self._forgetting():
                self._disk.sync(self._file)
        return self._place.seq

    def checkpoint(self) -> Checkpoint | None:
        """A checkpoint of all that is in the log, which is on the disk by then, and kept beside it; None of an empty log."""
        with self._locked(), self._forgetting():
            self._settle()
            if not self._place.seq:
                return None
            return self._promise()

    def close(self) -> None:
        """Gives back what is open."""
        self._forget()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._lock < 0:
            self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._lock = self._disk.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT)
        self._disk.lock(self._lock)
        try:
            yield
        finally:
            self._disk.unlock(self._lock)

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """After a failure, what the disk holds is looked at afresh."""
        try:
            yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _now_us(self) -> int:
        return int(self._clock.wall() * 1e6)

    def _settle(self) -> None:
        """Has the newest file open and knows its end."""
        if self._file >= 0 and self._has_caught_up():
            return
        self._forget()
        self._check_key()
        tail = self._opened()
        if tail.place.seq < self._place.seq or tail.place.seq < self._promised():
            raise DamagedError(f"the log ends with record {tail.place.seq}, and it had more")
        self._place, self._size = tail.place, tail.size_bytes
        if tail.is_rotated:
            self._begin(self._number + 1)
        self._torn = tail.torn or self._torn
        if self._torn:
            self._recover()
        if path_of(self._directory, self._number + 1).exists():
            self._rotate()  # another process died in the middle of it

    def _promise(self) -> Checkpoint:
        self._disk.sync(self._file)  # a checkpoint must not be ahead of the disk
        made = Checkpoint(self._place.seq, self._place.hash, self._now_us(), self._keys.public.fingerprint).signed(self._keys.sign)
        self._replace(self._directory / CHECKPOINT, made.line)
        return made

    def _has_caught_up(self) -> bool:
        """Whether the open file is still the newest, and its end is known, whoever has written it."""
        here = os.fstat(self._file)
        if here.st_size < self._size or not here.st_nlink or path_of(self._directory, self._number + 1).exists():
            return False
        if here.st_size == self._size:
            return True
        tail = tail_in(os.pread(self._file, here.st_size - self._size, self._size), self._size, self._keys.public)
        if tail is None or tail.torn or tail.is_rotated:
            return False
        self._place, self._size = tail.place, tail.size_bytes
        return True

    def _check_key(self) -> None:
        """A log has one key from its first record on."""
        path = self._directory / PUBLIC
        try:
            found = read_public_key(path)
        except FileNotFoundError:
            if any(file.size_bytes for file in listed(self._directory)[0]):
                raise DamagedError(f"there is a log, and no {PUBLIC}") from None
            self._replace(path, self._keys.public.line.encode())
            return
        if found != self._keys.public:
            raise DamagedError("the log was begun with another key: begin a new one in a new directory")

    def _promised(self) -> int:
        """How many records the log has had, by its own checkpoint."""
        try:
            found = read_checkpoint(self._directory / CHECKPOINT)
        except FileNotFoundError:
            return 0
        if found is None or not found.is_signed_by(self._keys.public):
            raise DamagedError(f"{CHECKPOINT} has been altered")
        return found.seq

    def _opened(self) -> Tail:
        """The newest file that has anything in it, open unless it is whole and another is to be begun."""
        files, _ = listed(self._directory)
        filled = [file for file in files if file.size_bytes]
        if not filled:
            if files and files[0].number != 1:
                raise DamagedError("the only file left is empty, and what it follows on is not known")
            self._number = 0
            return Tail(self._origin, 0, is_rotated=True)
        newest = filled[-1]
        self._number = newest.number
        if newest.is_compressed:
            return self._whole(newest)
        try:
            self._file = self._disk.open(newest.path, _APPEND)
        except PermissionError:
            if newest.path.stat().st_mode & 0o222:
                raise
            return self._whole(newest)
        return tail_of(self._file, self._keys.public, lambda: self._whole(filled[-2]).place if len(filled) > 1 else self._origin)

    @property
    def _origin(self) -> Place:
        return Place(0, self._keys.public.origin)

    def _whole(self, file: LogFile) -> Tail:
        """The end of a file that another follows."""
        with file.open() as lines:
            tail = tail_in(lines.read(), 0, self._keys.public)
        if tail is None or not tail.is_rotated or tail.torn:
            raise DamagedError(f"{file.path.name} is not whole")
        return tail

    def _recover(self) -> None:
        """Takes off what a write that was cut off has left, and says so in the log."""
        torn = self._torn
        self._disk.truncate(self._file, self._size)
        said = {"dropped": torn[:_SHOWN_BYTES].hex(), "dropped_bytes": len(torn), "dropped_sha256": sha256(torn).hexdigest()}
        self._put([{"event": "recovered", **said}])
        self._torn = b""

    def _rotate(self) -> None:
        """The next file is there before this one says that it goes on there, so that none that is promised is missing."""
        os.close(self._disk.open(path_of(self._directory, self._number + 1), _APPEND | os.O_CREAT))
        self._sync_directory()
        self._put([{"event": "rotated"}])
        self._disk.sync(self._file)
        os.fchmod(self._file, 0o440)
        self._begin(self._number + 1)

    def _begin(self, number: int) -> None:
        self._forget()
        self._file = self._disk.open(path_of(self._directory, number), _APPEND | os.O_CREAT)
        self._sync_directory()
        self._number, self._size = number, os.fstat(self._file).st_size

    def _put(self, entries: Iterable[Mapping[str, Any]]) -> None:
        data, place = sealed(entries, self._place, self._now_us(), self._keys.sign)
        try:
            if self._disk.write(self._file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):  # what then stays is found by the next to write
                self._disk.truncate(self._file, self._size)
            raise
        self._place, self._size = place, self._size + len(data)

    def _replace(self, path: Path, data: bytes) -> None:
        """The whole file or the one before it, whatever happens meanwhile; see rename(2)."""
        new = path.with_name(f"{path.name}.new")
        file = self._disk.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            if self._disk.write(file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._disk.sync(file)
        finally:
            os.close(file)
        new.replace(path)
        self._sync_directory()

    def _sync_directory(self) -> None:
        file = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
