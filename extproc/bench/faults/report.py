"""What came of all experiments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from extproc.bench.faults.ledger import Ledger
from extproc.bench.faults.seen import Seen


@dataclass(frozen=True, slots=True)
class Outcome:
    """One experiment: what clients saw in each phase, the books before the harm and when all had settled after it.

    `settled_s` is how long after the last request nothing more was to come.
    """

    name: str
    away_s: float
    phases: dict[str, Seen]
    before: Ledger
    after: Ledger
    settled_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All of them."""

    outcomes: tuple[Outcome, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The experiments after which the books were not right."""
        return tuple(outcome.name for outcome in self.outcomes if not (outcome.before.is_right and outcome.after.is_right))

    def as_json(self) -> dict[str, Any]:
        """The object that `bench faults --json` prints."""
        return {"is_right": not self.wrong, "wrong": list(self.wrong), "experiments": [asdict(outcome) for outcome in self.outcomes]}
