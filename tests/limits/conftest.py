"""One real server for all of them, as the embedded store runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from extproc.local.valkey import ValkeyProcess
from extproc.store import Store


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
