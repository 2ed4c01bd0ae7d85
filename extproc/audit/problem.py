"""One thing wrong with a log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Where, and what. `line` and `seq` are 0 where it is about a whole file."""

    file: str
    what: str
    line: int = 0
    seq: int = 0

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        number = f", sequence {self.seq}" if self.seq else ""
        return f"{self.file}{place}{number}: {self.what}"
