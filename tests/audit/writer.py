"""A process that appends to a log and tells on its standard output what was acknowledged, and what not."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

from extproc.audit import Log, Written
from tests.audit.logs import KEYS, entry

_TOGETHER = 8


async def main(directory: Path, first: int, count: int) -> None:
    log = Log.open(directory, KEYS, rotate_bytes=200_000)
    for begin in range(first, first + count, _TOGETHER):
        numbers = range(begin, begin + _TOGETHER)
        outcomes = await asyncio.gather(*(log.append(entry(number), timeout_s=30) for number in numbers))
        for number, outcome in zip(numbers, outcomes, strict=True):
            print(number, outcome.seq if isinstance(outcome, Written) else outcome.reason, flush=True)
    await log.close()


async def limited(directory: Path) -> None:
    """Beyond the size that files may have here, and then with more of it; see setrlimit(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    log = Log.open(directory, KEYS)
    for number in range(1, 100):
        if number == 80:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        outcome = await log.append(entry(number))
        print(number, outcome.seq if isinstance(outcome, Written) else outcome.reason, flush=True)
    await log.close()


async def unprivileged(directory: Path) -> None:
    """As somebody else, where we may be one."""
    if not os.geteuid():
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
    outcome = await Log.open(directory, KEYS).append(entry(1))
    print(1, outcome.seq if isinstance(outcome, Written) else outcome.reason, flush=True)


if __name__ == "__main__":
    what, where, *numbers = sys.argv[1:]
    asyncio.run({"append": main, "limited": limited, "unprivileged": unprivileged}[what](Path(where), *map(int, numbers)))  # type: ignore[operator]
