"""A real Valkey, and a store with the spending of a company that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from extproc.local import ValkeyProcess


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyProcess]:
    with TemporaryDirectory(prefix="tm-", dir="/tmp") as directory, ValkeyProcess(Path(directory) / "run") as process:
        yield process
