"""Both transports, serving a scripted service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.scripted import Served, serve


@pytest.fixture(params=["native", "grpcio"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    """Each test runs against both."""
    running = await serve(request.param, tmp_path / "worker.sock")
    yield running
    await running.server.drain(0.1)


@pytest.fixture
async def native(tmp_path: Path) -> AsyncIterator[Served]:
    running = await serve("native", tmp_path / "worker.sock")
    yield running
    await running.server.drain(0.1)
