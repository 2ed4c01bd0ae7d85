"""What the store says: rollups, counts, leases, records."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extproc.bench.faults.configuration import FLIGHT, SPENT
from extproc.config import Policy
from extproc.limits import Account, read_accounts
from extproc.limits.script import key_of
from extproc.report import read_hours, read_organisations
from extproc.scope import text_of
from extproc.store import Store
from extproc.usage import Record, read_records
from extproc.usage.rollup import Sums, hour_of, total

_HOURS_BACK = 2


@dataclass(frozen=True, slots=True)
class Leases:
    """Those that are open, and those that were charged at their estimate unheard."""

    open: int = 0
    unheard: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """All of it. `by_scope` are the rollups' sums by the scope they are billed to; the rest is of every organisation together."""

    by_scope: Mapping[str, Sums]
    spent_micro_usd: int
    reserved_micro_usd: int
    in_flight: int
    leases: Leases
    records: tuple[Record, ...]

    @property
    def sums(self) -> Sums:
        """The rollups added up."""
        return total(self.by_scope.values())


async def read_books(url: str, policy: Policy, wall_s: float) -> Books:
    """As they are now. Raises StoreError."""
    store = Store.connect(url)
    try:
        organisations = await read_organisations(store)
        accounts = [account for name in organisations for account in await read_accounts(store, name, policy.limits, wall_s)]
        texts = [await store.command("HVALS", key_of(name, "lease")) for name in organisations]
        return Books(
            by_scope=await _by_scope(store, organisations, wall_s),
            spent_micro_usd=_sum(accounts, SPENT, "spent"),
            reserved_micro_usd=_sum(accounts, SPENT, "reserved"),
            in_flight=_sum(accounts, FLIGHT, "reserved"),
            leases=_leases([text for some in texts for text in some]),
            records=await _records(store),
        )
    finally:
        await store.close()


def _sum(accounts: Sequence[Account], limit: str, what: str) -> int:
    return sum(getattr(account, what) for account in accounts if account.limit.name == limit)


def _leases(texts: Sequence[bytes]) -> Leases:
    unheard = sum(text.startswith(b"!") for text in texts)
    return Leases(len(texts) - unheard, unheard)


async def _by_scope(store: Store, organisations: Sequence[str], wall_s: float) -> dict[str, Sums]:
    now = hour_of(wall_s)
    found: dict[str, Sums] = {}
    async for hour in read_hours(store, organisations, range(now - _HOURS_BACK, now + 1)):
        for line, sums in hour.lines():
            scope = text_of((hour.organisation, line.department, line.team, line.app, line.user))
            found[scope] = found.get(scope, Sums()) + sums
    return found


async def _records(store: Store) -> tuple[Record, ...]:
    records: list[Record] = []
    since = ""
    while True:
        some, since = await read_records(store, since)
        if not some:
            return tuple(records)
        records += some
        await asyncio.sleep(0)  # clients may be waiting for their turn
