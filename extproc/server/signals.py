"""Signals, noted when they arrive and dealt with in a loop, none lost."""

from __future__ import annotations

import signal
from collections import deque
from types import FrameType

_ENDING = frozenset((signal.SIGTERM, signal.SIGINT))


class Signals:
    """From its making on, SIGTERM, SIGINT, SIGHUP and SIGUSR2 of this process are noted here."""

    def __init__(self) -> None:
        self._others: deque[signal.Signals] = deque()
        self.is_over = False  # told to end; stays true whatever comes after
        for number in (*_ENDING, signal.SIGHUP, signal.SIGUSR2):
            signal.signal(number, self._note)

    def take(self) -> signal.Signals | None:
        """The oldest that does not end us and has not been taken."""
        return self._others.popleft() if self._others else None

    def _note(self, number: int, _: FrameType | None) -> None:
        if number in _ENDING:
            self.is_over = True
        else:
            self._others.append(signal.Signals(number))
