"""The adapter: scores on their way to the store, histograms on their way back, thresholds for decisions in between."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from extproc.config import Policy
from extproc.config.compiled_routing import Share
from extproc.routing.share import BINS, Held, bin_of, counted_in, half_life_s, held
from extproc.scope import Scope, parse
from extproc.store import Argument, Script, Store, StoreError
from extproc.usage import Record

log = logging.getLogger("tiermesh.shares")

_COUNT = Script((Path(__file__).parent / "count.lua").read_text(encoding="utf-8"))
_EVERY_S = 1.0
_TIMEOUT_S = 1.0
_KEYS_TOGETHER = 8  # what a call takes of the store's time, others wait for
_KEYS_A_TURN = 400
_MOST_KEYS = 5_000
_MOST_SCOPES = 10_000
_WINDOWS_KEPT = 4

_Key = tuple[str, str]  # a share's name, and the scope it is held in


@dataclass(slots=True)
class _Count:
    """One histogram as this worker has it. `counts` is what the store last said, `fresh` what it has not been told yet."""

    share: Share
    counts: tuple[float, ...] = ()
    fresh: Counter[int] = field(default_factory=Counter)
    is_wanted: bool = True


class Shares:
    """One worker's. For one event loop; `run` does the work, everything else returns at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shares: tuple[Share, ...] = ()
        self._configured: tuple[float, ...] = ()
        self._counts: dict[_Key, _Count] = {}
        self._held: dict[Scope, Held | None] = {}
        self.failures = 0

    def follow(self, policy: Policy) -> None:
        """Goes by `policy` from now on. What was counted for a share of the same name still counts."""
        self._shares = policy.routing.shares
        self._configured = tuple(tier.up_to for tier in policy.tiers)
        self._held.clear()
        named = {share.name: share for share in self._shares}
        self._counts = {key: count for key, count in self._counts.items() if key[0] in named}
        for (name, _), count in self._counts.items():
            count.share = named[name]

    def observe(self, records: Iterable[Record]) -> None:
        """Takes in the scores of finished requests that were routed."""
        if not self._shares:
            return
        for record in records:
            if record.score is not None and record.kind == "routed":
                for share, scope in counted_in(self._shares, parse(record.scope)):
                    self._count(share, scope).fresh[bin_of(record.score)] += 1

    def held(self, scope: Scope) -> Held | None:
        """The thresholds that hold the shares of `scope`; None: those configured, as nothing is held or too little is known yet."""
        if not self._shares:
            return None
        if scope in self._held:
            return self._held[scope]
        if len(self._held) >= _MOST_SCOPES:
            self._held.clear()
        counted = [(share, self._count(share, part).counts) for share, part in counted_in(self._shares, scope)]
        found = self._held[scope] = held(self._configured, counted)
        return found

    async def run(self) -> None:
        """Brings and fetches once a second, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.exchange()
            except Exception:  # whatever was wrong with one turn, the next is due all the same
                log.exception("scores could not be counted")

    async def exchange(self) -> None:
        """Tells the store what is new and learns what all workers told it. While the store is away, the last thresholds stay."""
        due = [key for key, count in self._counts.items() if count.is_wanted or count.fresh][:_KEYS_A_TURN]
        for keys in _together(due):
            try:
                await self._exchange(keys)
            except StoreError:
                self.failures += 1
        if due:
            self._held.clear()

    async def _exchange(self, due: Sequence[_Key]) -> None:
        keys = [key for key in due if key in self._counts]  # some may have been given up while others were read
        if not keys:
            return
        counts = [self._counts[key] for key in keys]
        told = [count.fresh for count in counts]
        arguments: list[Argument] = []
        for count, fresh in zip(counts, told, strict=True):
            count.fresh, count.is_wanted = Counter(), False
            arguments += (repr(half_life_s(count.share.window_s)), count.share.window_s * _WINDOWS_KEPT, len(fresh))
            arguments += (value for pair in fresh.items() for value in pair)
        try:
            answer = await self._store.run(_COUNT, tuple(map(_stored, keys)), arguments, timeout_s=_TIMEOUT_S)
        except StoreError as error:
            if not error.may_have_run:  # otherwise they might count twice
                for count, fresh in zip(counts, told, strict=True):
                    count.fresh += fresh
            raise
        for key, count, said in zip(keys, counts, answer, strict=True):
            count.counts = _read(*said)
            # Least recently read first, where there are more than a turn takes.
            if self._counts.get(key) is count:
                self._counts[key] = self._counts.pop(key)

    def _count(self, share: Share, scope: str) -> _Count:
        count = self._counts.get((share.name, scope))
        if count is None:
            if len(self._counts) >= _MOST_KEYS:
                del self._counts[next(iter(self._counts))]  # least recently read; what the store has of it stays there
            count = self._counts[share.name, scope] = _Count(share)
        count.is_wanted = True
        return count


def _stored(key: _Key) -> str:
    name, scope = key
    return f"tiermesh:{{{_organisation(key)}}}:scores:{name}|{scope}"


def _organisation(key: _Key) -> str:
    return parse(key[1])[0] or "-"


def _read(scale: bytes, fields: Sequence[Any]) -> tuple[float, ...]:
    counts = [0.0] * BINS
    for name, count in zip(fields[::2], fields[1::2], strict=True):
        if name.isdigit() and int(name) < BINS:
            counts[int(name)] = float(count) * float(scale)
    return tuple(counts)


def _together(keys: Sequence[_Key]) -> Iterator[tuple[_Key, ...]]:
    """The keys, a few at a time, and never two organisations': in a cluster these are on different servers."""
    by_organisation: dict[str, list[_Key]] = {}
    for key in keys:
        by_organisation.setdefault(_organisation(key), []).append(key)
    for several in by_organisation.values():
        left = iter(several)
        while batch := tuple(islice(left, _KEYS_TOGETHER)):
            yield batch
