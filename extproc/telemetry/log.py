"""One JSON line a record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from extproc.telemetry.drain import Drain

_PREFIX = '{"event":"request",'
_BATCH_LINES = 1000
_GATHER_S = 0.05


class LineLog:
    """Writes lines to `stream`, which stays the caller's. `bound` lines wait at most for a reader that stalls."""

    def __init__(self, stream: TextIO, *, bound: int = 10_000) -> None:
        self._stream = stream
        self._lines = Drain[str]("tiermesh-log", self._write, bound=bound, batch=_BATCH_LINES, gather_s=_GATHER_S)

    @property
    def dropped(self) -> int:
        """Lines lost so far, because nobody read them in time or at all."""
        return self._lines.dropped

    def write(self, lines: Iterable[str]) -> None:
        """Takes the lines of records (`Record.line`) in; returns at once."""
        self._lines.put([_PREFIX + line[1:] + "\n" for line in lines])

    def close(self, timeout_s: float = 2.0) -> None:
        """Writes what is left; gives up after `timeout_s` when nobody reads."""
        self._lines.close(timeout_s)

    def _write(self, lines: list[str]) -> bool:
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except (OSError, ValueError):  # the reader is gone, or the stream was closed
            return False
        return True
