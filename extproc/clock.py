"""Time, as a thing that is handed in: the system's here, one that tests move by hand in `extproc.testing`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two kinds of time, both in seconds."""

    def wall(self) -> float:
        """Seconds since the epoch, for records."""

    def monotonic(self) -> float:
        """Seconds since some moment, for durations."""


class SystemClock:
    """The machine's time."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.perf_counter()
