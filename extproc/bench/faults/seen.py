"""What clients saw, before, while and after something was away: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extproc.bench.faults.clients import Answer
from extproc.bench.sample import quantile

STORE_PATIENCE_MS = 20.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Answers to the requests sent in one phase. `in_time` is the share that took at most 20 ms longer than such a request does.

    `added_ms` is the longest that one took beyond what such a request takes at the median; None without any.
    """

    sent: int
    ok: int
    limited: int  # 429
    unavailable: int  # 503
    other: int
    none: int  # no whole answer
    longest_ms: float | None
    added_ms: float | None
    in_time: float | None


def normal_ms(answers: Sequence[Answer]) -> dict[str, tuple[float, float]]:
    """By kind of request: what its answers took at the median, and nearly all (99 of 100)."""
    by_kind: dict[str, list[float]] = {}
    for answer in answers:
        if answer.status == 200:
            by_kind.setdefault(answer.kind, []).append(answer.took_s * 1e3)
    return {kind: (quantile(took, 0.5), quantile(took, 0.99)) for kind, took in by_kind.items()}


def seen(answers: Sequence[Answer], normal: Mapping[str, tuple[float, float]]) -> Seen:
    """One phase."""
    statuses = [answer.status for answer in answers]
    whole = [answer for answer in answers if answer.status]
    beyond = [answer.took_s * 1e3 - normal.get(answer.kind, (0.0, 0.0))[0] for answer in whole]
    in_time = sum(answer.took_s * 1e3 <= normal.get(answer.kind, (0.0, 0.0))[1] + STORE_PATIENCE_MS for answer in whole)
    return Seen(
        sent=len(answers),
        ok=statuses.count(200),
        limited=statuses.count(429),
        unavailable=statuses.count(503),
        other=len(statuses) - sum(map(statuses.count, (200, 429, 503, 0))),
        none=statuses.count(0),
        longest_ms=round(max(answer.took_s for answer in whole) * 1e3, 1) if whole else None,
        added_ms=round(max(beyond), 1) if beyond else None,
        in_time=round(in_time / len(answers), 4) if answers else None,
    )
