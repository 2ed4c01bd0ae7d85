"""Conversations in a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from extproc.config.compiled_residency import Sessions as Settings
from extproc.local.valkey import ValkeyProcess
from extproc.session import Memory, Session, Sessions, Unknown
from extproc.store import Store

SETTINGS = Settings(timeout_s=2.0)
HERE = Session("acme", "0123", may_have_past=True)


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


async def test_what_is_remembered_is_recalled_by_anybody(store: Store) -> None:
    memory = Memory(("email", "iban"), "standard", "mid", 1200, 1_700_000_000.5)
    assert await Sessions(store).recall(HERE, SETTINGS) is None
    assert await Sessions(store).remember(HERE, memory, SETTINGS)
    assert await Sessions(store).recall(HERE, SETTINGS) == memory
    assert await Sessions(store).recall(Session("acme", "4567", may_have_past=True), SETTINGS) is None
    assert await Sessions(store).recall(Session("other", "0123", may_have_past=True), SETTINGS) is None


async def test_it_is_forgotten_in_time(store: Store) -> None:
    await Sessions(store).remember(HERE, Memory(("email",)), SETTINGS)
    assert 0 < await store.command("TTL", "tiermesh:{acme}:session:0123") <= SETTINGS.kept_s


async def test_what_was_held_stays_held(store: Store) -> None:
    sessions = Sessions(store)
    await sessions.remember(HERE, Memory(("email",)), SETTINGS)
    await Sessions(store).remember(HERE, Memory((), "simple", "local"), SETTINGS)
    recalled = await Sessions(store).recall(HERE, SETTINGS)
    assert recalled == Memory(("email",), "simple", "local")


async def test_a_store_that_lost_it_does_not_let_it_go(store: Store) -> None:
    sessions = Sessions(store)
    await sessions.remember(HERE, Memory(("email",)), SETTINGS)
    await store.command("FLUSHALL")
    assert await sessions.recall(HERE, SETTINGS) == Memory(("email",))


async def test_without_the_store_only_what_was_seen_here_is_known(tmp_path: Path) -> None:
    away = Store.connect(f"unix://{tmp_path}/nobody.sock")
    sessions = Sessions(away)
    assert await sessions.recall(HERE, SETTINGS) is Unknown.UNKNOWN
    assert not await sessions.remember(HERE, Memory(("email",)), SETTINGS)
    assert await sessions.recall(HERE, SETTINGS) == Memory(("email",))
    await away.close()


async def test_what_is_written_behind_the_back_is_waited_for(store: Store) -> None:
    sessions = Sessions(store)
    sessions.remember_later(HERE, Memory(("email",)), SETTINGS)
    await sessions.close(2.0)
    assert await Sessions(store).recall(HERE, SETTINGS) == Memory(("email",))


async def test_what_is_held_is_not_lost_to_a_turn_beside_it(store: Store) -> None:
    sessions = Sessions(store)
    sessions.remember_later(HERE, Memory(("email",)), SETTINGS)
    sessions.remember_later(HERE, Memory((), "simple", "local"), SETTINGS)
    await sessions.close(2)
    assert await Sessions(store).recall(HERE, SETTINGS) == Memory(("email",), "simple", "local")


async def test_threads_share_what_was_carried_and_not_who_answers(store: Store) -> None:
    one, other = (Session("acme", "89ab", may_have_past=True, opening=opening) for opening in ("aa", "bb"))
    sessions = Sessions(store)
    await sessions.remember(one, Memory((), "complex", "big", 10, 5.0), SETTINGS)
    await sessions.remember(other, Memory(("email",), "simple", "local", 20, 6.0), SETTINGS)
    assert await Sessions(store).recall(one, SETTINGS) == Memory(("email",), "complex", "big", 10, 5.0)
    assert await Sessions(store).recall(other, SETTINGS) == Memory(("email",), "simple", "local", 20, 6.0)


async def test_what_could_not_be_written_is_written_with_the_next_that_can_be(store: Store, tmp_path: Path) -> None:
    sessions = Sessions(Store.connect(f"unix://{tmp_path}/nobody.sock"))
    assert not await sessions.remember(HERE, Memory(("email",)), SETTINGS)
    away, sessions._store = sessions._store, store
    await sessions.remember(Session("other", "cdef", may_have_past=True), Memory(), SETTINGS)
    await sessions.close(2.0)
    assert await Sessions(store).recall(HERE, SETTINGS) == Memory(("email",))
    await away.close()
