"""The calls to the operating system that a log is written with; a test puts its own in their place."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Disk:
    """Each may raise OSError."""

    def open(self, path: Path, flags: int, mode: int = 0o640) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def lock(self, file: int) -> None:
        """Waits until no other process has it. The kernel gives it back when a process dies; see flock(2)."""
        fcntl.flock(file, fcntl.LOCK_EX)

    def unlock(self, file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

    def write(self, file: int, data: bytes) -> int:
        """How many bytes were taken; fewer than given when there was no room for more."""
        return os.write(file, data)

    def truncate(self, file: int, size_bytes: int) -> None:
        os.ftruncate(file, size_bytes)

    def sync(self, file: int) -> None:
        """Returns when data and size are on the disk; see fdatasync(2)."""
        os.fdatasync(file)
