"""The adapter that fetches rollups from the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extproc.usage.rollup import NOBODY, ORGANISATIONS_KEY, Line, Sums, hour_key, line_of, sums_of

_AT_ONCE = 24  # hours asked for together; the store answers them one by one, and limits in between
_PATIENCE_S = 60.0  # nobody's request waits for a report


@dataclass(frozen=True, slots=True)
class Hour:
    """One organisation's hash of one hour: `values` in the order of `fields`."""

    organisation: str
    hour: int
    fields: tuple[bytes, ...]
    values: tuple[bytes, ...]

    def lines(self) -> Iterator[tuple[Line, Sums]]:
        """Its lines one by one."""
        for field, value in zip(self.fields, self.values, strict=True):
            yield line_of(field), sums_of(value)


class Commands(Protocol):
    """What is needed of an `extproc.store.Store`."""

    async def command(self, *arguments: str, timeout_s: float | None = None) -> Any:
        """The answer to one command, names and values as bytes. Raises StoreError."""


async def read_organisations(store: Commands) -> tuple[str, ...]:
    """Every organisation that has ever had a request; "" is the one nobody named. Raises StoreError."""
    names = {member.decode("ascii", "replace") for member in await store.command("SMEMBERS", ORGANISATIONS_KEY, timeout_s=_PATIENCE_S)}
    return tuple(sorted("" if name == NOBODY else name for name in names))


async def read_hours(store: Commands, organisations: Iterable[str], hours: Sequence[int]) -> AsyncIterator[Hour]:
    """The hours of these that hold anything, one organisation after the other. Raises StoreError."""
    for organisation in organisations:
        for start in range(0, len(hours), _AT_ONCE):
            wanted = hours[start : start + _AT_ONCE]
            asked = (store.command("HGETALL", hour_key(organisation, hour), timeout_s=_PATIENCE_S) for hour in wanted)
            for hour, found in zip(wanted, await asyncio.gather(*asked), strict=True):
                if found:
                    yield Hour(organisation, hour, tuple(found), tuple(found.values()))
