"""How one backend fares by the answers it gives: a share of failures that forgets, and rests that grow.

The share is of two sums that halve every `window_s`, so that nothing is kept for each request. A backend whose share is too
high, or that has failed several times in a row, rests: a circuit breaker (Nygard, Release It!) with exponential back-off. When
a rest is over one request is let through. If it succeeds the backend is back; if it fails the next rest is twice as long. One
that fails again soon after it was back goes on where its rests had got to.

Times are wall-clock seconds, because results carry the time at which their requests were decided, maybe by another worker.
Only a request that was decided after a rest began tells whether it helped: answers that were on their way say nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from extproc.config.compiled_health import Health as Rules
from extproc.health.result import Result

_KEPT = 31  # of the latest times to a first byte
_LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True)
class Fare:
    """What is known of one backend. `rests` is how many rests it took without a success between them; 0: it is in use."""

    attempts: float = 0.0
    failures: float = 0.0
    cut_offs: float = 0.0
    in_a_row: int = 0
    at_s: float = 0.0  # when the sums were last brought up to date
    first_bytes_ms: tuple[float, ...] = ()
    rests: int = 0
    rested_from_s: float = _LONG_AGO
    rested_until_s: float = _LONG_AGO
    rests_before: int = 0  # of the time before it was back
    back_at_s: float = _LONG_AGO

    @property
    def error_share(self) -> float:
        """Share of attempts that failed, from 0 to 1; 0 where nothing is known."""
        return self.failures / self.attempts if self.attempts else 0.0

    @property
    def first_byte_ms(self) -> float | None:
        """The median of the latest times to a first byte; None where none is known."""
        return median(self.first_bytes_ms) if self.first_bytes_ms else None

    def is_resting(self, now_s: float) -> bool:
        """Whether it is to be left alone."""
        # A clock that was set back must not make a rest longer.
        return self.rests > 0 and self.rested_from_s <= now_s < self.rested_until_s

    def is_due(self, now_s: float) -> bool:
        """Whether its rest is over and the next request will tell whether it helped."""
        return self.rests > 0 and not self.is_resting(now_s)


def after(fare: Fare, result: Result, now_s: float, rules: Rules) -> Fare:
    """`fare` once `result` is known."""
    if fare.rests:
        return _while_resting(fare, result, now_s, rules)
    if result.kind != "ok" and result.began_s < fare.back_at_s:
        return fare  # it set out before the backend was back
    counted = _counted(fare, result, now_s, rules)
    if result.kind == "ok" or not _is_bad(counted, rules):
        return counted
    calm_s = now_s - counted.back_at_s
    return _rested(counted, counted.rests_before + 1 if calm_s < rules.longest_rest_s else 1, now_s, rules)


def probed(fare: Fare, now_s: float, rules: Rules) -> Fare:
    """`fare` once the one request has left that will tell: the others wait for its end, or for as long as a first rest."""
    is_due = fare.is_due(now_s) and fare.rested_from_s <= now_s
    return replace(fare, rested_until_s=now_s + rules.rest_s) if is_due else fare


def rest_s(rests: int, rules: Rules) -> float:
    """How long the rest number `rests` is, from 1."""
    return min(rules.rest_s * 2.0 ** min(rests - 1, 60), rules.longest_rest_s)


def _while_resting(fare: Fare, result: Result, now_s: float, rules: Rules) -> Fare:
    if result.began_s < fare.rested_from_s:
        return fare
    if result.kind != "ok":
        return _rested(fare, fare.rests + 1, now_s, rules)
    back = replace(fare, rests=0, rests_before=fare.rests, back_at_s=now_s, attempts=0.0, failures=0.0, cut_offs=0.0, in_a_row=0)
    return _counted(back, result, now_s, rules)


def _rested(fare: Fare, rests: int, now_s: float, rules: Rules) -> Fare:
    return replace(fare, rests=rests, rested_from_s=now_s, rested_until_s=now_s + rest_s(rests, rules))


def _counted(fare: Fare, result: Result, now_s: float, rules: Rules) -> Fare:
    # A clock that was set back must not make old attempts weigh more than new ones.
    kept = 2.0 ** (-max(now_s - fare.at_s, 0.0) / rules.window_s)
    is_failure = result.kind != "ok"
    known = () if result.first_byte_ms is None else (result.first_byte_ms,)
    return replace(
        fare,
        attempts=fare.attempts * kept + 1,
        failures=fare.failures * kept + is_failure,
        cut_offs=fare.cut_offs * kept + (result.kind == "cut_off"),
        in_a_row=fare.in_a_row + 1 if is_failure else 0,
        at_s=max(now_s, fare.at_s),
        first_bytes_ms=(*fare.first_bytes_ms, *known)[-_KEPT:],
    )


def _is_bad(fare: Fare, rules: Rules) -> bool:
    # Attempts fade while they are counted, so the last of `min_requests` never makes the sum quite whole.
    is_known = fare.attempts > rules.min_requests - 0.5
    return fare.in_a_row >= rules.failures_in_a_row or (is_known and fare.error_share >= rules.error_share)
