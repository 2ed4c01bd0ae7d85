"""What left in a time, added up from the records themselves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from extproc.audit.entry import CLOUD_BOUND, EVENTS
from extproc.scope import matches, parse


@dataclass(frozen=True, slots=True)
class Span:
    """From `first_us` on and before `end_us`, microseconds since the epoch; of the scopes at or below `pattern`."""

    first_us: int
    end_us: int
    pattern: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """What records have in common that are counted together. `kinds` are names alone; `rules` decided, `traded` is of a spill."""

    scope: str
    event: str
    kinds: tuple[str, ...]
    unread: tuple[str, ...]
    rules: tuple[str, ...]
    traded: tuple[str, ...]
    backend: str
    location: str
    model: str

    @property
    def is_sensitive(self) -> bool:
        """Whether something was found, or could not be read."""
        return bool(self.kinds or self.unread)

    @property
    def is_cloud_bound(self) -> bool:
        """Whether it left."""
        return self.event in CLOUD_BOUND


@dataclass(frozen=True, slots=True)
class Policy:
    """A configuration, and between which records of the span it was in force."""

    policy: str
    records: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Rows with how many records each stands for, most first; `first_seq` to `last_seq` are the records of the span."""

    rows: tuple[tuple[Row, int], ...]
    policies: tuple[Policy, ...]
    findings: tuple[tuple[str, int], ...]  # kinds in what left, with how often each was found
    first_seq: int
    last_seq: int
    first_us: int
    last_us: int

    @property
    def events(self) -> dict[str, int]:
        """How many records of each event."""
        return {event: sum(count for row, count in self.rows if row.event == event) for event in EVENTS}

    @property
    def left(self) -> int:
        """Requests that went to a cloud backend, or were let go to one."""
        return sum(count for row, count in self.rows if row.is_cloud_bound)

    @property
    def sensitive(self) -> tuple[tuple[Row, int], ...]:
        """The rows of those that left with something found in them, or unread."""
        return tuple((row, count) for row, count in self.rows if row.is_cloud_bound and row.is_sensitive)

    @property
    def unruled(self) -> int:
        """Those among them that no rule names: what must not be."""
        return sum(count for row, count in self.sensitive if not row.rules)


@dataclass(slots=True)
class _Sum:
    records: int = 0
    first_us: int = 0
    last_us: int = 0


@dataclass(slots=True)
class Tally:
    """Adds entries up as they are read; what is no decision, or of another time or scope, is passed over."""

    span: Span
    _rows: Counter[Row] = field(default_factory=Counter)
    _policies: dict[str, _Sum] = field(default_factory=dict)
    _findings: Counter[str] = field(default_factory=Counter)
    _first: tuple[int, int] = (0, 0)
    _last: tuple[int, int] = (0, 0)

    def add(self, entry: bytes) -> None:
        """One entry, as it is in its line. One that is no record of ours is passed over: that is `verify`'s to say."""
        try:
            members = json.loads(entry)
            event, time_us, seq = members["event"], members["time_us"], members["seq"]
            scope = members.get("scope", "")
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        span = self.span
        if event not in EVENTS or not span.first_us <= time_us < span.end_us or not matches(span.pattern, parse(scope)):
            return
        row = _row(members, scope, event)
        self._rows[row] += 1
        self._first = self._first if self._first[0] else (seq, time_us)
        self._last = (seq, time_us)
        policy = self._policies.setdefault(members.get("policy", ""), _Sum(0, time_us, time_us))
        policy.records += 1
        policy.last_us = time_us
        if row.is_cloud_bound:
            for kind, count in members.get("kinds", ()):
                self._findings[kind] += count

    def statement(self) -> Statement:
        """All that was added."""
        return Statement(
            rows=tuple(sorted(self._rows.items(), key=lambda each: (-each[1], each[0]))),
            policies=tuple(Policy(name, each.records, each.first_us, each.last_us) for name, each in self._policies.items()),
            findings=tuple(sorted(self._findings.items())),
            first_seq=self._first[0],
            last_seq=self._last[0],
            first_us=self._first[1],
            last_us=self._last[1],
        )


def _row(members: dict[str, Any], scope: str, event: str) -> Row:
    return Row(
        scope=scope,
        event=event,
        kinds=tuple(kind for kind, _ in members.get("kinds", ())),
        unread=tuple(members.get("unread", ())),
        rules=tuple(members.get("rules", ())),
        traded=tuple(members.get("traded", ())),
        backend=members.get("backend", ""),
        location=members.get("location", ""),
        model=members.get("model", ""),
    )
