"""What the choice sees of the backends: one standing each, cheap to ask for with every request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from extproc.clock import Clock
from extproc.config import Policy
from extproc.config.compiled_health import Saturation
from extproc.health import fare, load
from extproc.health.fare import Fare
from extproc.health.load import Load, Reading
from extproc.health.result import Result, results_of
from extproc.usage import Record

_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one backend stands. `is_due`: its rest is over, and one request may find out whether it helped."""

    is_saturated: bool = False
    is_resting: bool = False
    is_due: bool = False
    error_share: float = 0.0  # of recent attempts, cut-offs among them
    cut_off_share: float = 0.0
    first_byte_ms: float | None = None  # the median of recent streams; None where none is known
    waiting: float | None = None  # requests in its queue, where it was asked

    @property
    def reason(self) -> str:
        """The word for why it is left out: "resting", "saturated", or "" where it is not."""
        return "resting" if self.is_resting else "saturated" if self.is_saturated else ""


class Health:
    """What one worker knows of all backends. For one thread."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._clock = clock
        self._policy = policy
        self.marks = _marks(policy)  # the servers to be read, by backend
        self._fares: dict[str, Fare] = {}
        self._loads: dict[str, Load] = {}
        self._standing: Mapping[str, Standing] = MappingProxyType({})
        self._away: Mapping[str, str] = MappingProxyType({})
        self._first_byte_ms: Mapping[str, float] = MappingProxyType({})
        self._stale: set[str] = set()  # backends of which more is known than `_standing` says
        self._holds_from_s = _NEVER  # of the others it is right from then ...
        self._holds_until_s = -_NEVER  # ... until then

    def follow(self, policy: Policy) -> None:
        """Goes by `policy` from now on; what is known of backends that it still has stays known."""
        moved = {name for name, backend in policy.backends.items() if self._policy.backends.get(name, backend).model != backend.model}
        self._policy = policy
        self.marks = _marks(policy)
        kept = policy.backends.keys() - moved
        self._fares = {name: one for name, one in self._fares.items() if name in kept}
        self._loads = {name: one for name, one in self._loads.items() if name in kept}
        self._holds_until_s = -_NEVER

    def observe(self, records: Iterable[Record]) -> tuple[Result, ...]:
        """Learns from finished requests; returns what it learnt, for other workers to `note`."""
        results = tuple(result for record in records for result in results_of(record) if result.backend in self._policy.backends)
        self.note(results)
        return results

    def note(self, results: Sequence[Result]) -> None:
        """Learns how attempts ended, here or at another worker."""
        rules, now_s = self._policy.health, self._clock.wall()
        for result in results:
            if result.backend in self._policy.backends:
                self._fares[result.backend] = fare.after(self._fares.get(result.backend, Fare()), result, now_s, rules)
                self._stale.add(result.backend)

    def read(self, backend: str, reading: Reading | None) -> None:
        """Learns how full `backend` says it is; None where it did not say."""
        marks = self.marks.get(backend)
        if marks is not None:
            self._loads[backend] = load.after(self._loads.get(backend, Load()), reading, self._clock.wall(), marks)
            self._stale.add(backend)

    def sent(self, backend: str, now_s: float) -> None:
        """A request leaves for `backend` first. Where that was due, this is the one that finds out, and the others wait for its end."""
        if (found := self._fares.get(backend)) is not None and found.rests:
            self._fares[backend] = fare.probed(found, now_s, self._policy.health)
            self._stale.add(backend)

    def standing(self, now_s: float) -> Mapping[str, Standing]:
        """How each backend stands at `now_s`, seconds since the epoch. One that is not in it stands well. Never changes afterwards."""
        is_all_stale = not self._holds_from_s <= now_s < self._holds_until_s
        if is_all_stale or self._stale:
            self._work_out(now_s, is_all_stale=is_all_stale)
        return self._standing

    def away(self, now_s: float) -> Mapping[str, str]:
        """The backends to leave out at `now_s` as long as others can answer, each with the word why: "resting" or "saturated"."""
        self.standing(now_s)
        return self._away

    def first_byte_ms(self, now_s: float) -> Mapping[str, float]:
        """The median time to the first byte of recent streams, of each backend that is known of any."""
        self.standing(now_s)
        return self._first_byte_ms

    def _work_out(self, now_s: float, *, is_all_stale: bool) -> None:
        names = (self._fares.keys() | self.marks.keys()) if is_all_stale else self._stale
        old = {} if is_all_stale else self._standing
        new = {name: self._stands(name, self.marks.get(name), now_s) for name in names} if self._policy.health.is_enforced else {}
        self._standing = MappingProxyType({**old, **new})
        self._away = MappingProxyType({name: one.reason for name, one in self._standing.items() if one.reason})
        timed = {name: one.first_byte_ms for name, one in self._standing.items() if one.first_byte_ms is not None}
        self._first_byte_ms = MappingProxyType(timed)
        self._stale = set()
        ends = [one.rested_until_s for one in self._fares.values() if one.rests]
        ends += [self._loads[name].read_at_s + mark.stale_s for name, mark in self.marks.items() if name in self._loads]
        self._holds_until_s = min((end for end in ends if end > now_s), default=_NEVER)
        if is_all_stale:
            self._holds_from_s = now_s

    def _stands(self, name: str, marks: Saturation | None, now_s: float) -> Standing:
        fares, loads = self._fares.get(name, Fare()), self._loads.get(name, Load())
        return Standing(
            is_saturated=marks is not None and load.is_full(loads, now_s, marks),
            is_resting=fares.is_resting(now_s),
            is_due=fares.is_due(now_s),
            error_share=fares.error_share,
            cut_off_share=fares.cut_offs / fares.attempts if fares.attempts else 0.0,
            first_byte_ms=fares.first_byte_ms,
            waiting=loads.reading.waiting if loads.reading else None,
        )


def _marks(policy: Policy) -> Mapping[str, Saturation]:
    if not policy.health.is_enforced:
        return {}
    return {name: backend.saturation for name, backend in policy.backends.items() if backend.saturation is not None}
