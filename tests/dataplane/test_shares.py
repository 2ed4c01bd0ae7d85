"""A share of requests held on live traffic: through real Envoy, counted in a real store, by several workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dataplane.harness import Stack, running, until

pytestmark = pytest.mark.dataplane

EXTRA = """
identity:
  sources: [header]
  headers: {organisation: x-org}
  trusted_peers: [any]
routing: {sticky: false, shares: {half: {scope: busy, tier: complex, percent: 50, min_requests: 20}}}
"""
BUSY, CALM = {"x-org": "busy"}, {"x-org": "calm"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(extra=EXTRA) as stack:
        yield stack


def reasons(stack: Stack, headers: dict[str, str]) -> tuple[str, ...]:
    return stack.record(stack.chat("a medium one", headers=headers).id).reasons


def _answering(stack: Stack) -> str:
    for _ in range(3):
        stack.chat("an easy one", headers=BUSY)
    return stack.arrival(stack.chat("a medium one", headers=BUSY).id)[0]


def _among_easy_ones(stack: Stack) -> str:
    """What is said of the next request of medium difficulty, which must not become the usual one by being asked about."""
    for _ in range(3):
        stack.chat("an easy one", headers=BUSY)
    return reasons(stack, BUSY)[0]


def test_where_most_is_easy_the_harder_half_gets_the_best_model(stack: Stack) -> None:
    assert reasons(stack, BUSY)[0] == "score<=0.7"
    for _ in range(30):
        assert stack.chat("an easy one", headers=BUSY).status == 200
    for _ in range(6):
        assert stack.chat("a medium one", headers=BUSY).status == 200
    until(lambda: _among_easy_ones(stack) == "score:top(share:half)", "the threshold does not follow")
    until(lambda: _answering(stack) == "frontier", "what is among the harder half does not get the best model")
    assert reasons(stack, CALM)[0] == "score<=0.7"
