"""One server that most tests share, and the event loop that workers run on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop

from extproc.store import Store
from tests.store.servers import Server, connected

_BOTH_LOOPS = ("test_connection.py", "test_run.py")


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    both: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return both if item.path.name in _BOTH_LOOPS else {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that every test leaves running."""
    with Server(tmp_path_factory.mktemp("s"), "--enable-debug-command", "yes") as running:
        yield running


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """On `server`; not connected yet."""
    async with connected(server.url, is_ready=False) as store:
        yield store
