"""Many hours of the store added up into few rows, a hash at a time, in whole numbers throughout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Protocol

import numpy as np
import numpy.typing as npt

from extproc.report.dimension import EVERYTHING, Filter, Key, clock_namer, key_of, namer
from extproc.report.hours import Hour
from extproc.usage.rollup import SUMS, VALUE_BYTES, Line, Sums, line_of

Numbers = npt.NDArray[np.int64]  # one row a line, one column a sum
Ids = npt.NDArray[np.int64]

_WIDTH = len(SUMS)


def numbers_of(values: Sequence[bytes]) -> Numbers:
    """The sums of a hash's values; what an older writer did not know is 0, what a newer one added is left out."""
    if any(len(value) != VALUE_BYTES for value in values):
        values = [value[: min(len(value) // 8 * 8, VALUE_BYTES)].ljust(VALUE_BYTES, b"\0") for value in values]
    return np.frombuffer(b"".join(values), dtype=">i8").reshape(-1, _WIDTH).astype(np.int64)


class Lines:
    """Every line seen so far by a small number, so that its name is read once. Those a filter does not take are -1."""

    def __init__(self, wanted: Filter = EVERYTHING) -> None:
        self._wanted = wanted
        self._ids: dict[str, dict[bytes, int]] = {}
        self.known: list[tuple[str, Line]] = []

    def ids(self, organisation: str, fields: Sequence[bytes]) -> Ids:
        """The numbers of these fields of a hash, in their order."""
        ids = self._ids.setdefault(organisation, {})
        for field in fields:
            if field not in ids:
                self._learn(ids, organisation, field)
        return np.array([ids[field] for field in fields], np.int64)

    def _learn(self, ids: dict[bytes, int], organisation: str, field: bytes) -> None:
        line = line_of(field)
        if self._wanted.takes(organisation, line):
            ids[field] = len(self.known)
            self.known.append((organisation, line))
        else:
            ids[field] = -1


class Sink(Protocol):
    """What takes lines in, an hour at a time."""

    def add(self, hour: int, ids: Ids, numbers: Numbers) -> None:
        """Count these lines of an hour in."""


def feed(hour: Hour, lines: Lines, sinks: Iterable[Sink]) -> None:
    """Show every sink what `lines` takes of an hour."""
    ids, numbers = lines.ids(hour.organisation, hour.fields), numbers_of(hour.values)
    taken = ids >= 0
    if not taken.all():
        ids, numbers = ids[taken], numbers[taken]
    if len(ids):
        for sink in sinks:
            sink.add(hour.hour, ids, numbers)


class Tally:
    """Sums by the dimensions `by`; days and months are those of `zone`."""

    def __init__(self, lines: Lines, by: Key, zone: tzinfo) -> None:
        self.by = by
        self._lines = lines
        self._when = clock_namer(by, zone)
        self._name = namer(by)
        self._groups: dict[Key, int] = {}
        self._group_of = np.zeros(0, np.int64)  # by line
        self._sums: dict[Key, Numbers] = {}  # by time, one row a group

    def add(self, hour: int, ids: Ids, numbers: Numbers) -> None:
        """Count these lines of an hour in; every number is one that `lines` gave."""
        self._learn()
        groups = self._group_of[ids]
        when = self._when(hour)
        sums = self._sums.get(when)
        if sums is None or len(sums) < len(self._groups):
            sums = self._sums[when] = _grown(sums, len(self._groups))
        np.add.at(sums.reshape(-1), (groups[:, None] * _WIDTH + np.arange(_WIDTH)).reshape(-1), numbers.reshape(-1))

    def rows(self) -> Iterator[tuple[Key, Sums]]:
        """The sums of every group that had a request, by its names in the order of `by`."""
        names = list(self._groups)
        for when, sums in self._sums.items():
            for group in np.flatnonzero(sums.any(axis=1)):
                yield key_of(self.by, when, names[group]), Sums(*sums[group].tolist())

    def _learn(self) -> None:
        new = self._lines.known[len(self._group_of) :]
        if new:
            groups = [self._groups.setdefault(self._name(*line), len(self._groups)) for line in new]
            self._group_of = np.concatenate([self._group_of, np.array(groups, np.int64)])


def _grown(sums: Numbers | None, rows: int) -> Numbers:
    room = np.zeros((max(rows, 2 * len(sums) if sums is not None else 0), _WIDTH), np.int64)
    if sums is not None:
        room[: len(sums)] = sums
    return room
