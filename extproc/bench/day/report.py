"""What came of the day: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from extproc.usage import Record
from extproc.usage.rollup import SUMS


@dataclass(slots=True)
class Truth:
    """Plain sums over records as they were made, by the names of the rollups' sums, and what leased ones among them cost."""

    sums: Counter[str] = field(default_factory=Counter)
    leased: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record, *, is_leased: bool) -> None:
        """Counts one in."""
        sums = self.sums
        sums["requests"] += 1
        sums["refusals"] += record.outcome == "refused"
        sums["failures"] += record.outcome in ("failed", "aborted", "cut_off")
        sums["estimated"] += record.is_estimated
        sums["estimated_cost_micro_usd"] += record.cost_micro_usd if record.is_estimated else record.failed_cost_micro_usd
        for name in _PLAIN:
            sums[name] += getattr(record, name)
        if is_leased:
            self.leased["requests"] += 1
            self.leased["cost_micro_usd"] += record.cost_micro_usd


_PLAIN = tuple(name for name in SUMS if name in Record.__slots__)


@dataclass(frozen=True, slots=True)
class Books:
    """What the store says: the rollups' sums, and of the leased requests the counts' spent, reserved and in flight."""

    sums: Mapping[str, int]
    spent_micro_usd: int
    reserved_micro_usd: int
    counted_requests: int
    in_flight: int
    open_leases: int


@dataclass(frozen=True, slots=True)
class Size:
    """What the day takes. `folded_requests` share a line for want of room; `hour_bytes` are those of the rollups alone."""

    lines: int
    most_lines_an_hour: int
    folded_requests: int
    hour_bytes: int
    store_bytes: int
    log_bytes: int  # of the append-only file


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `reports_s` are whole commands, `reading_s` the same without starting a program and printing."""

    settling_s: float
    store_cpu_s: float
    reading_s: dict[str, float]
    reports_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """One day. `repeated` settlements were sent twice; `known` is how many of them the store knew."""

    requests: int
    seed: int
    leased: int
    repeated: int
    known: int
    most_lines: int  # that an hour may have
    truth: Truth
    books: Books
    size: Size
    times: Times
    commands_micro_usd: dict[str, int]  # the total each report printed

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as it should be, in words; nothing, when all is exact."""
        truth, books = self.truth, self.books
        expected = [(f"rollups: {name}", books.sums.get(name, 0), truth.sums[name]) for name in SUMS]
        expected += [(f"report --by {by}", total, truth.sums["cost_micro_usd"]) for by, total in self.commands_micro_usd.items()]
        expected += [
            ("counts: spent", books.spent_micro_usd, truth.leased["cost_micro_usd"]),
            ("counts: reserved", books.reserved_micro_usd, 0),
            ("counts: in flight", books.in_flight, 0),
            ("open leases", books.open_leases, 0),
            ("settlements known when repeated", self.known, self.repeated),
        ]
        return tuple(f"{name} is {found:,}, not {wanted:,}" for name, found, wanted in expected if found != wanted)

    def as_json(self) -> dict[str, Any]:
        """The object that `bench day --json` prints."""
        members = asdict(self)
        members["truth"] = {"sums": dict(self.truth.sums), "leased": dict(self.truth.leased)}
        return {**members, "is_exact": not self.differences, "differences": list(self.differences)}
