"""A thread that takes what it is given off the request path: what it writes to may stall, and requests must not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Drain(Generic[Item]):
    """Hands items to `send` in lists of at most `batch`, in order; the first of a list waits `gather_s` for others.

    `bound` items wait at most; beyond that the oldest are lost. So is a list for which `send` returns False. Both are counted
    in `dropped`. `put` is for one thread.
    """

    def __init__(self, name: str, send: Callable[[list[Item]], bool], *, bound: int, batch: int, gather_s: float) -> None:
        self._send = send
        self._bound = bound
        self._batch = batch
        self._gather_s = gather_s
        self._items: deque[Item] = deque(maxlen=bound)
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._has_given_up = False
        self._overflowed = 0  # written by the caller's thread alone, as `_failed` is by ours
        self._failed = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Items lost so far."""
        return self._overflowed + self._failed

    def put(self, items: Iterable[Item]) -> None:
        """Takes the items in; returns at once."""
        for item in items:
            if len(self._items) >= self._bound:
                self._overflowed += 1
            self._items.append(item)
        if self._items and not self._wake.is_set():
            self._wake.set()

    def close(self, timeout_s: float) -> None:
        """Sends what is left; gives up after `timeout_s`."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout_s)
        self._has_given_up = True

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(self._gather_s)
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        while self._items and not self._has_given_up:
            # Only this thread takes items out, and a full queue that loses its oldest stays full.
            batch = [self._items.popleft() for _ in range(min(self._batch, len(self._items)))]
            if not self._send(batch):
                self._failed += len(batch)
