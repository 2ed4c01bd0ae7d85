"""Logs for tests, and what may be done to their files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from extproc.audit import Entry, Keys, Log, Verification, Wanted, read_checkpoint, read_public_key, verify
from extproc.audit.chain import Chain
from extproc.audit.disk import Disk
from extproc.testing import ManualClock

SECRET = bytes(range(32))
KEYS = Keys.of(SECRET)


def entry(number: int = 1, **fields: Any) -> Entry:
    """A decision; every third has findings."""
    given: dict[str, Any] = {
        "event": "released",
        "request_id": f"req-{number}",
        "scope": "acme/retail/search",
        "kinds": (("email", number),) if number % 3 == 0 else (),
        "rules": ("support-may-mail",) if number % 3 == 0 else (),
        "policy": "0123456789abcdef",
        "backend": "cloud",
        "model": "big-model",
        "location": "cloud",
        "api": "chat",
        "body": KEYS.digest(f"body {number}".encode()),
    }
    return Entry(**(given | fields))


def chain(directory: Path, *, rotate_bytes: int = 1 << 30, durable: Any = "fsync", disk: Disk | None = None) -> Chain:
    """One writer, without a thread."""
    return Chain(directory, KEYS, ManualClock(), rotate_bytes=rotate_bytes, durable=durable, disk=disk or Disk())


def append(writer: Chain, *numbers: int) -> int:
    """These entries in one write."""
    return writer.append([entry(number).members() for number in numbers])


def write(directory: Path, batches: Iterable[tuple[int, ...]], *, rotate_bytes: int = 1 << 30, is_closed: bool = True) -> None:
    """A log of these writes; one that is closed ends with a checkpoint."""
    writer = chain(directory, rotate_bytes=rotate_bytes)
    for number, batch in enumerate(batches):
        append(writer, *batch)
        if not number:
            writer.checkpoint()
    if is_closed:
        writer.checkpoint()
    writer.close()


def judged(directory: Path, *against: Path, is_pruned: bool = False) -> Verification:
    """What `verify` finds, with the public key that lies beside the log."""
    key = read_public_key(directory / "audit.pub")
    assert key is not None
    checkpoints = tuple((path.name, read_checkpoint(path)) for path in against)
    return verify(directory, Wanted(key, checkpoints, is_pruned))


def verdict(directory: Path) -> str:
    """`intact`, `torn` or `broken`; a key that cannot be read is broken too."""
    key = read_public_key(directory / "audit.pub")
    return verify(directory, Wanted(key)).verdict if key else "broken"


def said(directory: Path, *against: Path, is_pruned: bool = False) -> list[str]:
    """The problems as people read them."""
    return [str(problem) for problem in judged(directory, *against, is_pruned=is_pruned).problems]


def newest(directory: Path) -> Path:
    """The file that is appended to."""
    return max(directory.glob("audit-*.jsonl"))


async def append_all(log: Log, entries: Iterable[Entry]) -> list[Any]:
    """All at once."""
    return await asyncio.gather(*(log.append(each) for each in entries))
