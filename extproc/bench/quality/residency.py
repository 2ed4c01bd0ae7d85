"""Recall on what must stay and false positives on what may go, overall and by kind, place and language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extproc.bench.quality.labelled import Labelled
from extproc.bench.quality.share import Share, share_of
from extproc.clock import Clock
from extproc.dialects import Refusal, Request
from extproc.residency import Inspection


class Judge(Protocol):
    """What says whether a request is sensitive."""

    def scan(self, request: Request) -> Inspection:
        """What is in `request`; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a judge made of one row. `ms` is the scan alone; None where there was nothing to scan."""

    row: Labelled
    is_flagged: bool
    kinds: frozenset[str]
    ms: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that have something in common. `named`: those whose own kind was found, None where that is not asked."""

    recall: Share
    false_positives: Share
    named: Share | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON members; shares of nothing are left out."""
        shares = {"recall": self.recall, "false_positives": self.false_positives, "named": self.named}
        return {name: share.to_json() for name, share in shares.items() if share is not None and share.of}


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one judge over one set. Times are milliseconds a scan."""

    overall: Group
    by_kind: dict[str, Group]
    by_where: dict[str, Group]
    by_language: dict[str, Group]
    missed: tuple[str, ...]
    false: tuple[str, ...]
    p50_ms: float
    p99_ms: float

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        groups = {"kind": self.by_kind, "where": self.by_where, "language": self.by_language}
        split = {f"by_{name}": {key: group.to_json() for key, group in by.items()} for name, by in groups.items()}
        ids = {"missed": list(self.missed), "false": list(self.false)}
        return self.overall.to_json() | split | ids | {"p50_ms": round(self.p50_ms, 4), "p99_ms": round(self.p99_ms, 4)}


def judged(judge: Judge, row: Labelled, request: Request | Refusal, clock: Clock) -> Outcome:
    """What `judge` makes of a row. A body that cannot be read counts as flagged, as it never leaves either."""
    if isinstance(request, Refusal):
        return Outcome(row, True, frozenset(), None)
    started_s = clock.monotonic()
    inspection = judge.scan(request)
    ms = (clock.monotonic() - started_s) * 1000
    return Outcome(row, not inspection.is_clean, frozenset(kind for kind, _ in inspection.kinds), ms)


def report(outcomes: Sequence[Outcome]) -> Report:
    """The figures of `outcomes`. Groups come in the order of their names; a row without a language is in none."""
    times = sorted(outcome.ms for outcome in outcomes if outcome.ms is not None)
    return Report(
        overall=_group(outcomes),
        by_kind={kind: _kind_group(outcomes, kind) for kind in sorted({kind for one in outcomes for kind in one.row.kinds})},
        by_where=_split(outcomes, lambda row: row.where),
        by_language=_split(outcomes, lambda row: row.language),
        missed=tuple(one.row.row_id for one in outcomes if one.row.is_sensitive and not one.is_flagged),
        false=tuple(one.row.row_id for one in outcomes if one.is_flagged and not one.row.is_sensitive),
        p50_ms=_quantile(times, 0.5),
        p99_ms=_quantile(times, 0.99),
    )


def _group(outcomes: Sequence[Outcome]) -> Group:
    flagged = {label: [one.is_flagged for one in outcomes if one.row.is_sensitive is label] for label in (True, False)}
    return Group(share_of(flagged[True]), share_of(flagged[False]))


def _kind_group(outcomes: Sequence[Outcome], kind: str) -> Group:
    having = [one for one in outcomes if kind in one.row.kinds]
    group = _group(having)
    return Group(group.recall, group.false_positives, share_of([kind in one.kinds for one in having]))


def _split(outcomes: Sequence[Outcome], key: Callable[[Labelled], str]) -> dict[str, Group]:
    names = sorted({key(one.row) for one in outcomes} - {""})
    return {name: _group([one for one in outcomes if key(one.row) == name]) for name in names}


def _quantile(ordered: Sequence[float], q: float) -> float:
    # Nearest rank, so that it is a time that was measured.
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0
