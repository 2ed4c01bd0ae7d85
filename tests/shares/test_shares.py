"""Scores in a real store, and the thresholds that come of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from extproc.config import Policy, compile_config, parse
from extproc.local.valkey import ValkeyProcess
from extproc.routing.share import threshold
from extproc.scope import scope_of
from extproc.shares import Shares
from extproc.store import Store
from extproc.usage import Record

HERE = scope_of(["acme", "legal", "search"])
KEY = "tiermesh:{acme}:scores:fifth|acme/legal"
CONFIG = """
backends:
  local: {tier: simple, url: "http://127.0.0.1:1", model: a, location: on_prem}
  top: {tier: complex, url: "https://top.example", model: c}
routing: {shares: {fifth: {scope: "acme/*", tier: complex, percent: %s, window_s: %s, min_requests: 50}}}
"""


def policy(percent: int = 20, window_s: int = 3600) -> Policy:
    return compile_config(parse(CONFIG % (percent, window_s)))


def record(score: float | None, scope: str = "acme/legal/search", kind: str = "routed") -> Record:
    return Record("r", "s", 0.0, kind, "ok", 200, scope=scope, score=score)


EVEN = [record((place + 0.5) / 100) for place in range(100)]


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    with ValkeyProcess(tmp_path_factory.mktemp("v")) as running:
        yield running


@pytest.fixture
async def store(valkey: ValkeyProcess) -> AsyncIterator[Store]:
    connected = Store.connect(valkey.url)
    await connected.command("FLUSHALL")
    yield connected
    await connected.close()


def shares_of(store: Store, *, percent: int = 20, window_s: int = 3600) -> Shares:
    made = Shares(store)
    made.follow(policy(percent, window_s))
    return made


async def test_what_one_worker_counts_another_goes_by(store: Store) -> None:
    one, other = shares_of(store), shares_of(store)
    assert other.held(HERE) is None
    one.observe(EVEN)
    await one.exchange()
    await other.exchange()
    found = other.held(HERE)
    assert found is not None
    assert found.names == ("fifth",)
    assert found.up_to[:2] == (pytest.approx(0.35 * found.up_to[1] / 0.7, abs=0.01), pytest.approx(0.8, abs=0.01))
    assert 0 < await store.command("TTL", KEY) <= 4 * 3600


async def test_only_what_was_routed_and_scored_in_its_scope_counts(store: Store) -> None:
    shares = shares_of(store)
    shares.observe([record(0.5, "other/legal"), record(None), record(0.5, kind="refused"), record(0.5, kind="passed")])
    await shares.exchange()
    assert not await store.command("KEYS", "*scores*")


async def test_counts_of_several_turns_add_up_whatever_window_they_were_counted_in(store: Store) -> None:
    one = shares_of(store)
    for _ in range(3):
        one.observe(EVEN)
        await one.exchange()
    one.follow(policy(window_s=60))
    one.observe(EVEN[:50])
    await one.exchange()
    found = one.held(HERE)
    assert found is not None
    counts = [0.0] * 128
    for done in [*EVEN * 3, *EVEN[:50]]:
        assert done.score is not None
        counts[int(done.score * 128)] += 1
    assert found.up_to[-2] == pytest.approx(threshold(counts, 20), abs=0.005)


async def test_a_weight_that_outgrew_its_number_is_scaled_back(store: Store) -> None:
    shares = shares_of(store, window_s=60)
    shares.observe(EVEN)
    await shares.exchange()
    long_ago = float(await store.command("HGET", KEY, "at")) - 2000
    await store.command("HSET", KEY, "at", str(long_ago))
    shares.observe([record(0.25)] * 60)
    await shares.exchange()
    assert float(await store.command("HGET", KEY, "at")) > long_ago + 1900
    assert set(await store.command("HKEYS", KEY)) == {b"at", b"half", b"32"}


async def test_while_the_store_is_away_the_last_thresholds_go_on(store: Store, tmp_path: Path) -> None:
    shares = shares_of(store)
    shares.observe(EVEN)
    await shares.exchange()
    before = shares.held(HERE)
    shares._store = away = Store.connect(f"unix://{tmp_path}/nobody.sock")
    shares.observe(EVEN)
    await shares.exchange()
    assert before is not None
    assert (shares.held(HERE), shares.failures) == (before, 1)
    await away.close()
    shares._store = store
    await shares.exchange()
    assert await store.command("HLEN", KEY) > 2
    after = shares.held(HERE)
    assert after is not None
    assert sum(shares._counts["fifth", "acme/legal"].counts) == pytest.approx(200, rel=0.01)  # nothing told is lost


async def test_a_changed_percentage_holds_at_once(store: Store) -> None:
    shares = shares_of(store)
    shares.observe(EVEN)
    await shares.exchange()
    shares.follow(policy(percent=50))
    found = shares.held(HERE)
    assert found is not None
    assert found.up_to[-2] == pytest.approx(0.5, abs=0.01)


async def test_more_scopes_than_are_kept_here_are_still_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extproc.shares.shares._MOST_KEYS", 10)
    shares = shares_of(store)
    for place in range(30):
        shares.observe([record(0.5, f"acme/d{place}")])
        await shares.exchange()
    assert len(shares._counts) == 10
    assert len(await store.command("KEYS", "tiermesh:{acme}:scores:*")) == 30


async def test_scopes_of_several_organisations_are_kept_apart(store: Store) -> None:
    shares = Shares(store)
    shares.follow(compile_config(parse(CONFIG.replace("acme/*", "*") % (20, 3600))))
    shares.observe([record(0.1, "one/x"), record(0.9, "two/x"), record(0.9, "")])
    await shares.exchange()
    keys = {key.decode() for key in await store.command("KEYS", "*scores*")}
    assert keys == {"tiermesh:{one}:scores:fifth|one", "tiermesh:{two}:scores:fifth|two", "tiermesh:{-}:scores:fifth|"}
