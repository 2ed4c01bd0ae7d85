"""Compiled automata, and where they are kept: a second of work that a process need not repeat, nor two do at once.

What is kept is for Hyperscan's version and this processor, and is named by a digest of both and of what was compiled. A file is
written beside its place and moved there whole; Hyperscan checks its sum when it loads one. Who compiles holds a lock: others go
on to what nobody is at, and wait at the end, so that processes that start together share the work.

A database is code to run. A directory in which anybody else may write is not read from.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Sequence
from functools import cache as remembered
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import hyperscan

_SUFFIX = ".hs"
_MOST_KEPT = 32  # files; those not loaded for longest go first
_OTHERS_WRITE = 0o022


class Source(NamedTuple):
    """What a database is compiled from. `numbers` is what each expression is called in matches; `is_literal` takes all for plain text."""

    expressions: tuple[bytes, ...]
    flags: tuple[int, ...]
    numbers: tuple[int, ...]
    is_literal: bool = False


def databases(sources: Sequence[Source], directory: Path | None = None) -> list[hyperscan.Database]:
    """A database of each of `sources`, loaded from `directory` or else compiled and kept there.

    Raises hyperscan.error for an expression that is none. A directory that cannot be used costs time, and no more.
    """
    if directory is None or not is_ours(directory):
        return [compiled(source) for source in sources]
    paths = [directory / (_name(source) + _SUFFIX) for source in sources]
    done = {at: database for at, path in enumerate(paths) if (database := _kept(path)) is not None}
    for is_patient in (False, True):
        for at, source in enumerate(sources):
            if at not in done and (made := _made(source, paths[at], is_patient=is_patient)) is not None:
                done[at] = made
    return [done[at] if at in done else compiled(source) for at, source in enumerate(sources)]


def compiled(source: Source) -> hyperscan.Database:
    """A new database. Raises hyperscan.error for an expression that is none."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=list(source.expressions),
        ids=list(source.numbers),
        elements=len(source.expressions),
        flags=list(source.flags),
        literal=source.is_literal,
    )
    return database


def is_ours(directory: Path) -> bool:
    """Whether nobody but this user, and the system's, can have put something into `directory`."""
    try:
        found = directory.stat()
    except OSError:
        return False
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & _OTHERS_WRITE


def _made(source: Source, path: Path, *, is_patient: bool) -> hyperscan.Database | None:
    """The database, if nobody else is about to make it; with patience, when they have."""
    try:
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if is_patient else fcntl.LOCK_EX | fcntl.LOCK_NB)
        database = _kept(path)
        if database is None:
            database = compiled(source)
            _keep(database, path)
    except OSError:  # somebody else has the lock
        return None
    finally:
        os.close(lock)
    return database


def _kept(path: Path) -> hyperscan.Database | None:
    try:
        raw = path.read_bytes()
        database = hyperscan.loadb(raw, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except (OSError, hyperscan.error):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return database


def _keep(database: hyperscan.Database, path: Path) -> None:
    with contextlib.suppress(OSError):  # without it, the next start compiles again
        written = path.with_suffix(f".{os.getpid()}")
        written.write_bytes(hyperscan.dumpb(database))
        written.replace(path)
        kept = sorted(path.parent.glob("*" + _SUFFIX), key=_loaded_at, reverse=True)
        for old in kept[_MOST_KEPT:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".lock").unlink(missing_ok=True)


def _loaded_at(path: Path) -> float:
    return path.stat().st_mtime


def _name(source: Source) -> str:
    return hashlib.sha256(repr((version("hyperscan"), _processor(), tuple(source))).encode()).hexdigest()


@remembered
def _processor() -> str:
    """What Hyperscan compiles for: its version and the processor's features it uses."""
    return repr(compiled(Source((b"a",), (0,), (0,))).info())
