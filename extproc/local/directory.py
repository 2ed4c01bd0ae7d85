"""Directories for sockets and state that only we may enter, and only one of us at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from pathlib import Path

from extproc.errors import StartError

_LOCK_PATIENCE_S = 1.0  # one whose owner was killed is on its way out with it, but may be held a little longer


def private_directory(path: Path) -> Path:
    """`path`, made with mode 0700 if absent. Raises StartError when it is not a directory of ours alone."""
    # /tmp is everybody's: a directory or link that someone else put there first must not be used.
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StartError(f"cannot make the directory {path}: {error.strerror}; choose another with processor.run_dir") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StartError(f"{path} is not a directory of this user; remove it or choose another with processor.run_dir")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def cache_directory(otherwise: Path | None = None) -> Path | None:
    """Where what can be made again is kept from one start to the next: the user's cache (XDG Base Directory), else `otherwise`.

    None where neither can be a directory of this user alone.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(home) if Path(home).is_absolute() else Path("~/.cache").expanduser()
    for path in (cache / "tiermesh", otherwise):
        if path is not None:
            with contextlib.suppress(StartError):
                return private_directory(path)
    return None


def take_lock(path: Path) -> int:
    """A file descriptor that holds the lock `path` for as long as it, or a copy a child has, is open.

    Raises StartError naming the process that has it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(lock)
                where = f"TierMesh is already running in {path.parent} (process {owner})"
                raise StartError(f"{where}; stop it or choose another processor.run_dir") from None
            time.sleep(0.02)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            return lock
