"""Directories for sockets and state that only we may enter."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from extproc.errors import StartError


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
