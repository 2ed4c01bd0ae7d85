"""From a request to an `Inspection`: read, bring to normal form, find, check; then the same for what was encoded in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from extproc.clock import Clock
from extproc.dialects import Request
from extproc.residency import normalise, reading, unwrap
from extproc.residency.catalogue import detectors_of, groups_of
from extproc.residency.context import ContextJudge
from extproc.residency.detector import Detector
from extproc.residency.engine import Engine, Found, Pattern
from extproc.residency.hit import Hit
from extproc.residency.inspection import Inspection
from extproc.residency.nearness import Nearness, Places
from extproc.residency.policy import ScanPolicy

_MAX_LAYERS = 4  # of encodings: what is read of a body, and three inside of each other

# Work is bounded, not recall: a kind with so many values needs no more of them, and a text with so many look-alikes of one
# kind counts as not read. Ordinary code, tables and logs of any size stay below half of these.
_MAX_VALUES = 100
_MIN_LOOKALIKES = 250
_LOOKALIKES_PER_BYTE = 1 / 64
_OF_ALL_KINDS = 1.5  # times as many
_CLOCK_EVERY = 32  # checks
_REACH_BYTES = 200  # how far a pattern of allowed text may reach beyond what was found


@dataclass(slots=True)
class _Tally:
    """What has been found so far."""

    ends_at_s: float
    waived: frozenset[int]  # which of the policy's allowed texts hold
    max_lookalikes: int = 0
    values: dict[str, set[bytes]] = field(default_factory=dict)
    lookalikes: dict[str, int] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)  # kinds no more candidates of are checked
    checks: int = 0
    missed: int = 0  # look-alikes of all kinds

    def miss(self, kind: str) -> None:
        """Counts a look-alike."""
        count = self.lookalikes[kind] = self.lookalikes.get(kind, 0) + 1
        self.missed += 1
        if count >= self.max_lookalikes or self.has_missed_too_many:
            self.closed.add(kind)
            self.unread.add("too_many")

    @property
    def has_missed_too_many(self) -> bool:
        """Whether nothing more is to be checked."""
        return self.missed >= self.max_lookalikes * _OF_ALL_KINDS

    def inspection(self) -> Inspection:
        kinds = sorted((kind, len(values)) for kind, values in self.values.items() if values)
        return Inspection(tuple(kinds), tuple(sorted(self.unread)))


class Scanner:
    """The detectors of one policy, compiled. ValueError for a pattern or a network that is none.

    `cache` is a private directory for what was compiled (`databases`). Holds no state of a request; one for each thread, since
    Hyperscan's scratch space is the database's.
    """

    def __init__(
        self, policy: ScanPolicy, clock: Clock, detectors: tuple[Detector, ...] | None = None, *, cache: Path | None = None
    ) -> None:
        self._detectors = detectors_of(policy) if detectors is None else detectors
        patterns = [Pattern(detector.pattern, detector.caseless) for detector in self._detectors]
        self._engine = Engine(patterns, cache, groups=groups_of(self._detectors))
        unwrap.load(cache)
        self._nearness = Nearness([detector.near for detector in self._detectors if detector.near is not None], cache)
        self._context = ContextJudge.load(cache=cache) if detectors is None else None
        self._ignored_kinds = policy.ignored_kinds
        self._allowed = tuple((_token(allowed.pattern), allowed.kinds) for allowed in policy.allowed)
        self._deadline_s = policy.deadline_s
        self._clock = clock

    def scan(self, request: Request, waived: frozenset[int] | None = None) -> Inspection:
        """What is in `request`. Never raises: a failure inside is an inspection that says so.

        `waived` are the places of those of the policy's allowed texts that hold for it; None: all do.
        """
        try:
            tally = self._tally(waived)
            text = reading.read(request)
            tally.unread |= text.unread
            self._run(text.pieces, tally)
            return tally.inspection()
        except Exception:  # noqa: BLE001 - whatever goes wrong here, the request is not known to be clean
            return Inspection(is_error=True)

    def scan_text(self, text: str) -> Inspection:
        """What is in `text`, as if a request had it as its only piece. Never raises."""
        try:
            tally = self._tally(None)
            self._run([text], tally)
            return tally.inspection()
        except Exception:  # noqa: BLE001 - as above
            return Inspection(is_error=True)

    def _tally(self, waived: frozenset[int] | None) -> _Tally:
        return _Tally(self._clock.monotonic() + self._deadline_s, frozenset(range(len(self._allowed))) if waived is None else waived)

    def _run(self, pieces: list[str], tally: _Tally) -> None:
        seen: set[bytes] = set()
        for _ in range(_MAX_LAYERS):
            data = normalise.joined(pieces)
            self._search(data, tally)
            if self._is_late(tally):
                return
            inner = unwrap.unwrap(data)
            tally.unread |= inner.unread
            pieces = [piece for piece in inner.pieces if _is_new(piece, seen)]
            if not pieces:
                return
        tally.unread.add("depth")

    def _search(self, data: bytes, tally: _Tally) -> None:
        finds = self._engine.find(data)
        if finds.is_cut:
            tally.unread.add("too_many")
        tally.max_lookalikes = max(tally.max_lookalikes, _MIN_LOOKALIKES + int(len(data) * _LOOKALIKES_PER_BYTE))
        places: Places | None = None
        for found in finds.candidates:
            detector = self._detectors[found.number]
            if detector.kind in tally.closed or data[found.start : found.end] in tally.values.get(detector.kind, ()):
                continue
            if detector.near is not None:
                places = places or self._nearness.places(data)
                if not places.has(detector.near, found.start, found.end):
                    continue
            if detector.check is None or detector.check(Hit(data, found.start, found.end)):
                self._confirm(data, found, detector.kind, tally)
            else:
                tally.miss(detector.kind)
            tally.checks += 1
            if tally.has_missed_too_many or (not tally.checks % _CLOCK_EVERY and self._is_late(tally)):
                return
        if self._context and not self._is_late(tally):
            self._judge(self._context, data, tally)

    def _judge(self, context: ContextJudge, data: bytes, tally: _Tally) -> None:
        """Confirms what only the context of words tells."""
        for kind, start, end in context.judge(data):
            if kind not in self._ignored_kinds and kind not in tally.closed:
                self._confirm(data, Found(0, start, end), kind, tally)

    def _confirm(self, data: bytes, found: Found, kind: str, tally: _Tally) -> None:
        if tally.waived and self._is_allowed(data, found, kind, tally.waived):
            tally.miss(kind)
            return
        values = tally.values.setdefault(kind, set())
        values.add(data[found.start : found.end])
        if len(values) >= _MAX_VALUES:
            tally.closed.add(kind)

    def _is_allowed(self, data: bytes, found: Found, kind: str, waived: frozenset[int]) -> bool:
        """Whether a text that lets `kind` pass stands where `found` ends: some detectors see no more of a value than its beginning."""
        start, last = max(0, found.start - _REACH_BYTES), found.end - 1
        near = data[start : found.end + _REACH_BYTES]
        return any(
            place.start() + start <= last < place.end() + start
            for index in waived
            if not self._allowed[index][1] or kind in self._allowed[index][1]
            for place in self._allowed[index][0].finditer(near)
        )

    def _is_late(self, tally: _Tally) -> bool:
        if self._clock.monotonic() < tally.ends_at_s:
            return False
        tally.unread.add("deadline")
        return True


def _token(pattern: str) -> re.Pattern[bytes]:
    """The pattern of an allowed text, where it stands by itself and is no part of a longer name or number."""
    return re.compile(rb"(?i)(?<![\w@.+-])(?:" + pattern.encode() + rb")(?![\w@-]|\.\w)")


def _is_new(piece: str, seen: set[bytes]) -> bool:
    raw = piece.encode(errors="replace")
    if raw in seen:
        return False
    seen.add(raw)
    return True
