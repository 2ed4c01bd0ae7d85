"""One JSON line a record, written by a thread of its own: a reader that stalls must not stall requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import TextIO

from extproc.usage import Record

_PREFIX = '{"event":"request",'
_GATHER_S = 0.05  # how long a line waits for others, so that many share one write


class LineLog:
    """Writes lines to `stream`, which stays the caller's. `bound` lines wait at most; beyond that the oldest are lost, counted."""

    def __init__(self, stream: TextIO, *, bound: int = 10_000) -> None:
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=bound)
        self._bound = bound
        self._wake = threading.Event()
        self._closing = threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="tiermesh-log", daemon=True)
        self._thread.start()

    def write(self, records: Iterable[Record]) -> None:
        """Takes the records' lines in; returns at once."""
        for record in records:
            if len(self._lines) >= self._bound:
                self.dropped += 1
            self._lines.append(_PREFIX + record.line()[1:] + "\n")
        if not self._wake.is_set():
            self._wake.set()

    def close(self, timeout_s: float = 2.0) -> None:
        """Writes what is left; gives up after `timeout_s` when nobody reads."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_GATHER_S)
            self._wake.clear()
            if not self._drain():
                return
        self._drain()

    def _drain(self) -> bool:
        lines = self._lines
        count = len(lines)
        if count == 0:
            return True
        try:
            self._stream.write("".join([lines.popleft() for _ in range(count)]))
            self._stream.flush()
        except (OSError, ValueError):  # the reader is gone, or the stream was closed: nobody is left to tell
            return False
        return True
