"""One gateway for all tests that do not break it, and everybody's logs beside a failure."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from extproc.testing import Behaviour
from tests.dataplane.harness import Stack, running

# Longer than a stand-in needs to answer on a busy machine, short enough to wait for where one hangs.
_HANG_PATIENCE_S = 1.5


@pytest.fixture(scope="session")
def shared_stack() -> Iterator[Stack]:
    with running(patience_s=_HANG_PATIENCE_S) as stack:
        yield stack
        stack.count_records()
        doubled = {request_id for request_id, records in stack.records.items() if len(records) != 1}
        assert not doubled, "these have more than one record"


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The shared gateway, its stand-ins well-behaved again afterwards."""
    yield shared_stack
    for standin in shared_stack.standins.values():
        standin.behaviour = Behaviour()
        standin._next.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        stacks = {id(value): value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Stack)}
        for value in stacks.values():
            report.sections.extend(value.logs())
    return report
