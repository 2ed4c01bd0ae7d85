"""Finished requests become records, and records become metrics, spans, log lines and ledger entries.

Envoy sends access-log entries in batches. They are worked off in short slices between decisions, because a batch settled in
one go would make the requests that arrive meanwhile wait for it. Beyond a bound the batch is settled at once after all:
slower decisions then hold Envoy back, and no entry is ever dropped here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from extproc import refusing
from extproc.config import Api, Config, Policy
from extproc.config.residency import Action
from extproc.limits import Door, tab_of
from extproc.protocol import envoy_pb2 as pb
from extproc.scope import parse
from extproc.session import Memory, Sessions, session_from, session_of_answer
from extproc.shares import Shares
from extproc.telemetry import Metrics, Telemetry
from extproc.usage import Record, record_of

if TYPE_CHECKING:
    from extproc.server.accounts import Accounts

log = logging.getLogger("tiermesh.settlement")

_SLICE = 4
_MAX_WAITING = 20_000
_STORE_PATIENCE_S = 3.0
_POLICIES_KEPT = 4  # a request may end some reloads after it began; older ones settle at today's prices


class Settlement:
    """What one worker does with finished requests."""

    def __init__(self, policy: Policy, telemetry: Telemetry) -> None:
        self._policies = {policy.digest: policy}
        self._current = policy
        self._telemetry = telemetry
        self._accounts: Accounts | None = None
        self.on_records: Callable[[Sequence[Record]], None] = lambda _: None
        self._waiting: deque[pb.HTTPAccessLogEntry] = deque()
        self._is_scheduled = False

    @classmethod
    async def start(cls, config: Config, policy: Policy, store_url: str, worker: int) -> Settlement:
        """With telemetry and accounts as configured; `store_url` is "" where nothing is kept."""
        telemetry = Telemetry.start(config.telemetry, instance=f"{socket.gethostname()}-{worker}", log_stream=sys.stdout)
        settlement = cls(policy, telemetry)
        if store_url:
            from extproc.server.accounts import Accounts
            from extproc.store import Store  # time and memory that nobody pays who keeps nothing

            accounts = Accounts(config, Store.connect(store_url), settlement.counts_of, telemetry.metrics)
            accounts.on_lost = telemetry.emit
            accounts.shares.follow(policy)
            await accounts.ready()
            settlement._accounts = accounts
        return settlement

    def door(self, policy: Policy) -> Door | None:
        """The way to the limits of `policy`; None where there is no store to count in."""
        return Door(policy, self._accounts.gate) if self._accounts is not None and policy.limits else None

    @property
    def sessions(self) -> Sessions | None:
        """What conversations are remembered by; None where there is no store."""
        return self._accounts.sessions if self._accounts is not None else None

    @property
    def shares(self) -> Shares | None:
        """The shares of requests that are held; None where there is no store to count in."""
        return self._accounts.shares if self._accounts is not None else None

    @property
    def metrics(self) -> Metrics:
        """This worker's numbers."""
        return self._telemetry.metrics

    def counts_of(self, record: Record) -> str:
        """What counted a request when it was decided, for settling it where the store does not know its lease."""
        tab = tab_of(self._policy_of(record.policy_digest).limits, parse(record.scope), record.decided_at)
        return tab.text if tab else "[]"

    def know(self, policy: Policy) -> None:
        """Settle by `policy` what was decided by it."""
        self._current = policy
        if self._accounts is not None:
            self._accounts.shares.follow(policy)
        self._policies[policy.digest] = policy
        while len(self._policies) > _POLICIES_KEPT:
            del self._policies[next(iter(self._policies))]

    def settle(self, entries: Sequence[pb.HTTPAccessLogEntry]) -> None:
        """Take entries; they are settled soon, in order."""
        self._waiting.extend(entries)
        if len(self._waiting) > _MAX_WAITING:
            self._work_off(len(self._waiting))
        elif not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._slice)

    def metrics_page(self) -> bytes:
        """This worker's numbers in Prometheus' text format."""
        return self._telemetry.metrics_page()

    async def close(self) -> None:
        """Settle what waits and hand everything on."""
        self._work_off(len(self._waiting))
        if self._accounts is not None:
            await self._accounts.close(_STORE_PATIENCE_S)
        self._telemetry.close()

    def _slice(self) -> None:
        try:
            self._work_off(_SLICE)
        finally:  # whatever went wrong, what waits behind it is settled
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._slice)
            else:
                self._is_scheduled = False

    def _work_off(self, count: int) -> None:
        records: list[Record] = []
        while self._waiting and count > 0:
            count -= 1
            record = self._record(self._waiting.popleft())
            if record is not None:
                records.append(record)
        if not records:
            return
        lines = [record.line() for record in records]
        if self._accounts is not None:
            self._accounts.put(records, lines)
            _remember(records, self._accounts.sessions, self._current)
            self._accounts.shares.observe(records)
        try:
            self._telemetry.emit(records, lines)
            self.on_records(records)
        except Exception:
            log.exception("telemetry of %d requests is lost", len(records))

    def _record(self, entry: pb.HTTPAccessLogEntry) -> Record | None:
        # Whatever is wrong with one entry must not keep those behind it from being settled.
        try:
            return record_of(entry, self._policy_of)
        except Exception:
            log.exception("a request could not be settled")
            return None

    def _policy_of(self, digest: str) -> Policy:
        return self._policies.get(digest, self._current)


def _remember(records: Sequence[Record], sessions: Sessions, policy: Policy) -> None:
    """Where conversations are now, as only their ends tell: after a failover, and at an answer that the next turn may name."""
    for record in records:
        if not record.session or record.backend is None or record.outcome != "ok":
            continue
        scope = parse(record.scope)
        is_held = record.residency in (Action.ON_PREM, refusing.SPILLED)
        held = tuple(sorted({kind.rpartition(":")[0] for kind in record.kinds})) if is_held else ()
        memory = Memory(held, record.tier, record.backend, record.prompt_tokens, record.decided_at)
        session = session_from(scope[0], record.session)
        if len(record.attempts) > 1:
            sessions.remember_later(session, memory, policy.sessions)
        if record.api == Api.RESPONSES and record.response_id:
            for within in ("", session.digest):
                sessions.remember_later(session_of_answer(scope, record.response_id, within), memory, policy.sessions)


def store_url(config: Config, run_dir: Path) -> str:
    """Where the store is for workers in `run_dir`; "" for none."""
    from extproc.store import Access, with_access

    store = config.store
    if store.url == "embedded":
        return f"unix://{quote(str((run_dir / 'valkey.sock').absolute()))}"
    if store.url == "none":
        return ""
    access = Access(
        password_file=store.password_file,
        sentinel_username=store.sentinel_username,
        sentinel_password_file=store.sentinel_password_file,
        ca_file=store.ca_file,
        certificate_file=store.certificate_file,
        key_file=store.key_file,
    )
    return with_access(store.url, store.username, access)
