"""The files of a log.

audit-000001.jsonl   the oldest; whole ones are read-only, and may be compressed to .jsonl.gz
audit-000002.jsonl   the newest, which is appended to
audit.pub            the public key
checkpoint.json      the newest checkpoint
lock                 held while one process writes
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Final

PUBLIC: Final = "audit.pub"
CHECKPOINT: Final = "checkpoint.json"
LOCK: Final = "lock"

_FILE = re.compile(r"audit-([0-9]{6,9})\.jsonl(\.gz)?")
_PREFIX = "audit-"
_PROGRESS_EVERY = 8_192
_TRIES, _PAUSE_S = 400, 0.005


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file, as large as it was when the directory was looked at."""

    path: Path
    number: int
    size_bytes: int

    @property
    def is_compressed(self) -> bool:
        """Whether gzip has been over it."""
        return self.path.suffix == ".gz"

    def open(self) -> BufferedIOBase:
        """Its lines. Raises OSError."""
        return gzip.open(self.path, "rb") if self.is_compressed else self.path.open("rb")

    def lines(self, progress: Callable[[int], object]) -> Iterator[bytes]:
        """The lines that were there when the directory was looked at. Raises OSError, and EOFError or zlib.error of a broken .gz."""
        left = self.size_bytes
        with self.open() as lines:
            if self.is_compressed:
                yield from lines
                return
            for number, line in enumerate(lines):
                yield line[:left]
                left -= len(line)
                if left <= 0:
                    break
                if not number % _PROGRESS_EVERY:
                    progress(self.size_bytes - left)


@dataclass(frozen=True, slots=True)
class Folder:
    """What was in the directory at one moment between two writes."""

    files: tuple[LogFile, ...]  # by their numbers
    strangers: tuple[str, ...]  # names like ours that are not
    checkpoint: bytes | None


def path_of(directory: Path, number: int) -> Path:
    """The file of this number, as it is written."""
    return directory / f"{_PREFIX}{number:06d}.jsonl"


def listed(directory: Path) -> tuple[list[LogFile], list[str]]:
    """The files in their order, and the names among them that are not files of a log. Raises OSError."""
    files, strangers = [], []
    with os.scandir(directory) as found:
        for each in found:
            name = _FILE.fullmatch(each.name)
            if name and each.is_file():
                files.append(LogFile(Path(each.path), int(name[1]), each.stat().st_size))
            elif each.name.startswith(_PREFIX):
                strangers.append(each.name)
    return sorted(files, key=lambda file: (file.number, file.path.name)), sorted(strangers)


def look(directory: Path) -> Folder:
    """The directory between two writes, where its lock may be had. Raises OSError."""
    with _between_writes(directory):
        files, strangers = listed(directory)
        try:
            checkpoint = (directory / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            checkpoint = None
    return Folder(tuple(files), tuple(strangers), checkpoint)


@contextlib.contextmanager
def _between_writes(directory: Path) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        # A copy for the auditors has no lock, and no writer either.
        with contextlib.suppress(OSError):
            file = held.enter_context((directory / LOCK).open("rb"))
            _wait_for(file.fileno())
        yield


def _wait_for(lock: int) -> None:
    """Until nobody writes, or somebody has done so for too long, as a process that was stopped."""
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE_S)
