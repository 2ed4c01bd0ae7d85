"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class ManualClock:
    """An `extproc.clock.Clock`. `sleep` returns when `advance` has moved past it; sleepers wake in order."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self._now_ns = round(now_s * 1e9)
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._now_ns / 1e9

    def monotonic(self) -> float:
        """Seconds; here the same as `wall`."""
        return self._now_ns / 1e9

    def time_ns(self) -> int:
        """The time in whole nanoseconds."""
        return self._now_ns

    def advance(self, seconds: float) -> None:
        """Moves time forward and wakes those whose time has come."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now_ns += round(seconds * 1e9)
        while self._sleepers and self._sleepers[0][0] <= self._now_ns:
            sleeper = heapq.heappop(self._sleepers)[2]
            if not sleeper.done():
                sleeper.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Returns once the clock has been advanced by `seconds` in all."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_ns + round(seconds * 1e9), next(self._order), sleeper))
        await sleeper
