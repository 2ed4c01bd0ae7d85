"""What is billed when the store, a worker or Envoy dies under load: what was served, once, or what is marked as an estimate."""

from __future__ import annotations

import pytest

from extproc.bench.faults import Options, run
from extproc.bench.faults.report import Outcome

pytestmark = pytest.mark.dataplane

SHORT = {"seconds": 1.5, "lease_s": 1.0, "quiet_s": 0.7, "rate": 150.0}


def play(name: str) -> Outcome:
    (outcome,) = run(Options(only=(name,), **SHORT)).outcomes
    ledger = outcome.after
    assert outcome.before.is_right, outcome.before
    assert ledger.is_right, ledger
    assert ledger.served > outcome.before.served > 50
    return outcome


def test_a_store_that_is_killed_is_done_without_and_told_later() -> None:
    outcome = play("store-killed-open")
    seen = outcome.phases["meanwhile"]
    assert seen.ok > 0.8 * seen.sent
    assert seen.ok + seen.limited + seen.unavailable == seen.sent
    assert (outcome.after.lost, outcome.after.undecided) == (0, 0)


def test_while_a_store_does_not_answer_nothing_passes_where_that_is_said() -> None:
    seen = play("store-stopped-closed").phases["meanwhile"]
    assert seen.unavailable >= seen.sent - 5  # those on their way at that moment
    assert seen.none == 0


def test_the_embedded_store_is_started_again() -> None:
    seen = play("embedded-store-killed").phases["meanwhile"]
    assert seen.ok + seen.limited + seen.unavailable == seen.sent


@pytest.mark.parametrize("name", ["worker-killed", "workers-killed-waiting"])
def test_what_a_killed_worker_knew_is_charged_once(name: str) -> None:
    seen = play(name).phases["meanwhile"]
    assert seen.none == 0


def test_what_envoy_takes_with_it_is_charged_as_estimated() -> None:
    outcome = play("envoy-killed")
    assert outcome.after.lost == outcome.after.estimated
