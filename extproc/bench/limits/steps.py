"""The steps in the store by themselves: how long a round trip takes, and how long of it the store was at work."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from extproc.bench import proc, valkey
from extproc.bench.limits.gateways import HEADERS
from extproc.bench.sample import quantile
from extproc.config import Policy, compile_config, parse
from extproc.limits import Ask, Expected, Occasion, Settler, ask_of, tab_of
from extproc.limits.script import RESERVE, lease_key
from extproc.local.valkey import ValkeyProcess
from extproc.scope import Scope, scope_of
from extproc.store import Store
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line

_TIMEOUT_S = 2.0
_LARGE, _SMALL = 25, 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how long a caller waits for it, the server's own time for it, and the server's processor time. µs."""

    name: str
    calls: int
    round_trip_us: float | None
    server_us: float
    cpu_us: float


def measure(limited: str, directory: Path, *, calls: int) -> tuple[Step, ...]:
    """Reserving, and settling alone and in batches, in a store of their own. `limited` is a configuration with limits."""
    with ValkeyProcess(directory) as server:
        return asyncio.run(_measure(compile_config(parse(limited)), server, calls))


async def _measure(policy: Policy, server: ValkeyProcess, calls: int) -> tuple[Step, ...]:
    store = Store.connect(server.url)
    await store.ready(_TIMEOUT_S)
    try:
        # Each settlement ends a lease, so there are as many of the one as of the other.
        asks = _asks(policy, 2 * calls)
        await _reserve(store, server, asks[:_LARGE])
        reserve, sequences = await _reserve(store, server, asks[_LARGE:])
        records = [_record(policy, ask, sequence) for ask, sequence in zip(asks[_LARGE:], sequences, strict=True)]
        settler = Settler(store, lambda _: "[]", interval_s=0.0)
        settling = asyncio.create_task(settler.run())
        alone = await _settle(settler, server, records[:calls], _SMALL)
        together = await _settle(settler, server, records[calls:], _LARGE)
        settler.close()
        await settling
        return reserve, alone, together
    finally:
        await store.close()


async def _reserve(store: Store, server: ValkeyProcess, asks: list[Ask]) -> tuple[Step, list[int]]:
    before, cpu_s = valkey.scripts(server.socket_path), proc.cpu_s([server.process.pid])
    took_s, sequences = [], []
    for ask in asks:
        began = time.perf_counter()
        (reply,) = await store.run(RESERVE, (lease_key(ask.organisation),), ("0", *ask.args), timeout_s=_TIMEOUT_S)
        took_s.append(time.perf_counter() - began)
        sequences.append(reply[2])
    after, cpu_s = valkey.scripts(server.socket_path) - before, proc.cpu_s([server.process.pid]) - cpu_s
    step = Step("reserve", len(asks), quantile(took_s, 0.5) * 1e6, after.took_us / len(asks), cpu_s * 1e6 / len(asks))
    return step, sequences


async def _settle(settler: Settler, server: ValkeyProcess, records: list[Record], batch: int) -> Step:
    before, cpu_s = valkey.scripts(server.socket_path), proc.cpu_s([server.process.pid])
    for start in range(0, len(records), batch):
        settler.put(records[start : start + batch])
        while settler.waiting:  # noqa: ASYNC110 - it tells nobody when it is done
            await asyncio.sleep(0)
    after, cpu_s = valkey.scripts(server.socket_path) - before, proc.cpu_s([server.process.pid]) - cpu_s
    count = len(records)
    return Step("settle" if batch == 1 else f"settle, {batch} at a time", count, None, after.took_us / count, cpu_s * 1e6 / count)


def _asks(policy: Policy, count: int) -> list[Ask]:
    scope, wall_s = scope_of(HEADERS.values()), time.time()
    tab = tab_of(policy.limits, scope, wall_s)
    if tab is None:
        raise ValueError("no limit applies")
    backend = policy.baseline
    line = Line(*scope[1:], "auto", backend.model, "standard", backend.name, "on_prem", "code", "chat")
    expected = Expected(line, Tokens(1000, completion=300), 4_000, 9_000)
    about = Occasion("", "4cdbe6c8-4f5e-43f1-94ac-6a3b2d4a3b2d", wall_s, policy.digest, "")
    return [
        ask_of(scope, tab, [expected], replace(about, lease=f"0123456789ab-{number:x}"), policy.admission.lease_s)
        for number in range(count + _LARGE)
    ]


def _record(policy: Policy, ask: Ask, sequence: int) -> Record:
    scope: Scope = scope_of(HEADERS.values())
    return Record(
        request_id="4cdbe6c8-4f5e-43f1-94ac-6a3b2d4a3b2d",
        stream_id=ask.lease,
        started_at=time.time(),
        kind="routed",
        outcome="ok",
        status=200,
        api="chat",
        asked_model="auto",
        scope="/".join(scope),
        tier="standard",
        task="code",
        backend=policy.baseline.name,
        model=policy.baseline.model,
        location="on_prem",
        prompt_tokens=1000,
        completion_tokens=200,
        cost_micro_usd=3_000,
        asked_cost_micro_usd=8_000,
        lease=ask.lease,
        lease_sequence=sequence,
    )
