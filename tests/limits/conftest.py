"""One real server for all of them, as the embedded store runs it, and what stands before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import redis

from extproc.config import Limit
from extproc.config.compiled import Admission
from extproc.config.limits import Measure, Per
from extproc.local.valkey import ValkeyProcess
from extproc.scope import pattern_of
from extproc.store import Store
from tests.limits.worker import LEASE_S, Worker
from tests.limits.world import World

NOON_US = 1_924_948_800_000_000  # 2030-12-31T12:00:00Z, a Tuesday


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    with ValkeyProcess(tmp_path_factory.mktemp("v")) as running:
        yield running


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[redis.Redis]:
    """Sees what is in the store, which is empty at first."""
    with redis.Redis(unix_socket_path=str(valkey.socket_path)) as client:
        client.flushdb()
        yield client


@pytest.fixture
async def store(valkey: ValkeyProcess, client: redis.Redis) -> AsyncIterator[Store]:
    store = Store.connect(valkey.url, timeout_s=5.0)
    yield store
    await store.close()


@pytest.fixture
def limited() -> Callable[..., Limit]:
    """A limit of 1000 micro-USD a day for all of acme; keywords replace fields. `scope` is its pattern as text."""

    def build(name: str = "purse", *, scope: str = "acme", **fields: Any) -> Limit:
        usual: dict[str, Any] = {
            "of": Measure.USD,
            "amount": 1_000,
            "per": Per.DAY,
            "timezone": "UTC",
            "is_enforced": True,
            "thresholds": (),
            "downgrade_at": 0,
            "downgrade_rank": 0,
        }
        values = {**usual, **fields}
        return Limit(name=name, pattern=pattern_of(scope), **{"burst": values["amount"], **values})

    return build


@pytest.fixture
def admission() -> Callable[..., Admission]:
    """Open while the store is away, for 10 percent; keywords replace fields."""

    def build(**fields: Any) -> Admission:
        usual: dict[str, Any] = {
            "is_open": True,
            "blind_percent": 10,
            "store_timeout_s": 1.0,
            "lease_s": LEASE_S,
            "output_tokens": 100,
        }
        return Admission(**{**usual, **fields})

    return build


@pytest.fixture
def world(store: Store, client: redis.Redis) -> World:
    """At noon, with no limits yet. Every step taken in it is compared with the reference."""
    return World(store, client, "acme", NOON_US)


@pytest.fixture
def worker(world: World, admission: Callable[..., Admission]) -> Callable[..., Worker]:
    """Workers before `world`, whose limits are those given last."""

    def build(*limits: Limit, skew_us: int = 0, **fields: Any) -> Worker:
        if limits or not world.policies:
            world.policies.append(limits)
        return Worker(world, admission(**fields), skew_us)

    return build
