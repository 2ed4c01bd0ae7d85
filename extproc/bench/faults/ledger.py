"""The books against what was served: pure.

Every request that reached a backend is to be billed once. What it should come to is what its backend counted, unless its
record is marked as an estimate; then it is what that says. Requests are told apart by their id, and compared by the scope that
they are billed to, so that one too many here does not hide one too few there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extproc.bench.faults.books import Books
from extproc.bench.faults.truth import Served
from extproc.scope import parse
from extproc.usage import Record


@dataclass(frozen=True, slots=True)
class Ledger:
    """Both sides at a moment when nothing was under way. Money is micro-USD.

    `estimated` requests are among the billed ones and are marked; `lost` are those of them whose end was never heard of, and
    `mended` were lost until it was heard of after all.
    `double` is what is in the books beyond what should be, `missing` what should be there and is not.
    """

    served: int
    served_micro_usd: int
    billed: int
    billed_micro_usd: int
    refused: int
    estimated: int
    estimated_micro_usd: int
    lost: int
    mended: int
    undecided: int  # served while no worker answered
    spent_micro_usd: int  # by the count of the organisation's limit
    uncounted_micro_usd: int  # billed to the organisation, and not in that count
    reserved_micro_usd: int
    in_flight: int
    open_leases: int
    unheard_leases: int
    records: int
    miscounted: int  # records that are not marked, and say something else than the backend
    repeated_records: int
    double: int
    double_micro_usd: int
    missing: int
    missing_micro_usd: int

    @property
    def is_right(self) -> bool:
        """Nothing billed twice, nothing missing, nothing wrong, nothing still held."""
        held = (self.reserved_micro_usd, self.in_flight, self.open_leases, self.uncounted_micro_usd)
        wrong = (self.double, self.double_micro_usd, self.missing, self.missing_micro_usd, self.miscounted, self.repeated_records)
        return not any(held) and not any(wrong)


@dataclass(frozen=True, slots=True)
class _Due:
    """What the books should have."""

    requests: Counter[str]
    micro_usd: Counter[str]


def compare(served: Sequence[Served], scopes: Mapping[str, str], books: Books) -> Ledger:
    """The ledger; `scopes` tells whose request each tag is, for those that have no record."""
    finals, repeated = _finals(books.records)
    lost = sum(record.outcome == "lost" for record in finals.values())
    due = _due(served, scopes, finals)
    requests = {scope: sums.requests - sums.refusals for scope, sums in books.by_scope.items()}
    micro_usd = {scope: sums.cost_micro_usd for scope, sums in books.by_scope.items()}
    known = sum(amount for scope, amount in micro_usd.items() if parse(scope)[0])
    sums = books.sums
    return Ledger(
        served=len(served),
        served_micro_usd=sum(one.cost_micro_usd for one in served),
        billed=sum(requests.values()),
        billed_micro_usd=sum(micro_usd.values()),
        refused=sums.refusals,
        estimated=sums.estimated,
        estimated_micro_usd=sums.estimated_cost_micro_usd,
        lost=lost,
        mended=sum(record.outcome == "lost" for record in books.records) - lost,
        undecided=sum(record.kind == "unmanaged" for record in finals.values()),
        spent_micro_usd=books.spent_micro_usd,
        uncounted_micro_usd=known - books.spent_micro_usd,
        reserved_micro_usd=books.reserved_micro_usd,
        in_flight=books.in_flight,
        open_leases=books.leases.open,
        unheard_leases=books.leases.unheard,
        records=len(books.records),
        miscounted=sum(_is_wrong(one, finals.get(one.request_id)) for one in served),
        repeated_records=repeated,
        double=_beyond(requests, due.requests),
        double_micro_usd=_beyond(micro_usd, due.micro_usd),
        missing=_beyond(due.requests, requests),
        missing_micro_usd=_beyond(due.micro_usd, micro_usd),
    )


def _finals(records: Sequence[Record]) -> tuple[dict[str, Record], int]:
    """The record that counts of each request, and how many there are too many.

    One that was charged unheard and heard of later has two: the first is put right in the books when the second comes.
    """
    finals: dict[str, Record] = {}
    repeated = 0
    for record in records:
        before = finals.get(record.request_id)
        if before is None or before.outcome == "lost":
            finals[record.request_id] = record
        else:
            repeated += record.outcome != "lost"
    return finals, repeated


def _due(served: Sequence[Served], scopes: Mapping[str, str], finals: Mapping[str, Record]) -> _Due:
    due = _Due(Counter(), Counter())
    for record in finals.values():
        due.requests[record.scope] += record.outcome != "refused"
        if record.is_estimated:
            due.micro_usd[record.scope] += record.cost_micro_usd
    for one in served:
        final = finals.get(one.request_id)
        if final is None:
            due.requests[scopes.get(one.tag, "")] += 1
        if final is None or not final.is_estimated:
            due.micro_usd[final.scope if final else scopes.get(one.tag, "")] += one.cost_micro_usd
    return due


def _is_wrong(one: Served, record: Record | None) -> bool:
    if record is None or record.is_estimated:
        return False
    counted = (record.prompt_tokens, record.completion_tokens, record.cost_micro_usd)
    return counted != (one.prompt_tokens, one.completion_tokens, one.cost_micro_usd)


def _beyond(some: Mapping[str, int], others: Mapping[str, int]) -> int:
    return sum(max(amount - others.get(scope, 0), 0) for scope, amount in some.items())
