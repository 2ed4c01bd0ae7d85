"""What /proc says about processes: CPU time and memory. See proc(5)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes: resident, and its fair share of what it shares."""

    rss_bytes: int
    pss_bytes: int


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time used so far, in seconds; a process that has ended counts nothing."""
    return sum(_cpu_ticks(pid) for pid in pids) / _TICKS_PER_S


def memory(pid: int) -> Memory:
    """What it holds now; nothing when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return Memory(0, 0)
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if value.endswith("kB")}
    return Memory(kilobytes.get("Rss", 0) * 1024, kilobytes.get("Pss", 0) * 1024)


def descendants(pid: int) -> tuple[int, ...]:
    """The process and all it started that still run."""
    found, left = [], [pid]
    while left:
        each = left.pop()
        found.append(each)
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                left.extend(int(child) for child in children.read_text().split())
            except OSError:  # a thread that has just ended
                continue
    return tuple(found)


def command(pid: int) -> str:
    """Its command line, words separated by spaces; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
