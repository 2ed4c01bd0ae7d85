"""A cluster of three masters: keys find theirs, moved slots are followed, and a master that is gone takes no other along."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from extproc.local import free_port
from extproc.store import Script, Store, StoreError
from extproc.store.resp import ReplyError
from extproc.store.slots import SLOTS, owners, redirection, slot_of
from tests.store.servers import Server, cluster, connected
from tests.store.test_access import rights

ADD = Script("redis.call('HINCRBY', KEYS[2], 'n', 1) return redis.call('INCRBY', KEYS[1], ARGV[1])")
# One organisation on each of the three.
ACME, HOOLI, UMBRELLA = "acme", "hooli", "umbrella"

Masters = tuple[Server, Server, Server]


@given(st.text(max_size=12) | st.from_regex(r"[{}a]{0,8}", fullmatch=True))
def test_a_keys_slot_is_the_servers(key: str) -> None:
    assert slot_of(key) == key_slot(key.encode())


def keys(organisation: str) -> list[str]:
    return [f"tiermesh:{{{organisation}}}:n", f"tiermesh:{{{organisation}}}:h"]


@pytest.mark.parametrize("reply", [[], None, b"OK", ReplyError("ERR", "no"), [[0, 1]], [[0, 16384, [b"h", 1]]], [[0, 1, [b"h"]]], [b"x"]])
def test_what_is_no_map_is_none(reply: object) -> None:
    assert owners(reply, ("asked", 1)) is None


def test_a_map_says_whose_each_slot_is() -> None:
    found = owners([[0, 1, [b"h", 7, b"id", []], [b"replica", 8, b"id"]], [3, 3, [b"", 9]], [4, 4, [None, 5]]], ("asked", 1))
    assert found is not None
    assert found[:6] == [("h", 7), ("h", 7), None, ("asked", 9), ("asked", 5), None]
    assert len(found) == SLOTS


@pytest.mark.parametrize(
    ("text", "node"),
    [("3999 127.0.0.1:6381", ("127.0.0.1", 6381)), ("1 ::1:7", ("::1", 7)), ("1 :7", ("asked", 7)), ("1 h:", None), ("", None)],
)
def test_a_redirection_names_a_server(text: str, node: tuple[str, int] | None) -> None:
    assert redirection(ReplyError("MOVED", text), ("asked", 1)) == node


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    with cluster(tmp_path_factory.mktemp("c") / "c") as nodes:
        for node in nodes:
            node.ask(*rights(), "+cluster|slots", "+asking", "+command")
        yield nodes


def _url(*nodes: Server) -> str:
    return "redis+cluster://tiermesh:hunter2%2F%40%3Ahunter2@127.0.0.1:1," + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


def _holder(masters: Masters, organisation: str) -> Server:
    slot = slot_of(keys(organisation)[0])
    return masters[0 if slot <= 5460 else 1 if slot <= 10922 else 2]


def test_the_organisations_of_these_tests_are_on_different_servers(masters: Masters) -> None:
    assert len({_holder(masters, name) for name in (ACME, HOOLI, UMBRELLA)}) == 3


async def _add(store: Store, organisation: str, amount: int = 1) -> int:
    answer: int = await store.run(ADD, keys(organisation), [amount])
    return answer


async def test_each_organisation_is_served_where_its_slot_is(masters: Masters) -> None:
    async with connected(_url(masters[0])) as store:
        names = [ACME, HOOLI, UMBRELLA] * 20
        before = {name: await _add(store, name, 0) for name in names[:3]}
        answers = await asyncio.gather(*[_add(store, name) for name in names])
        assert [answer - before[name] for name, answer in zip(names, answers, strict=True)] == [n // 3 + 1 for n in range(60)]
        for name in names[:3]:
            assert await store.command("GET", keys(name)[0]) == _holder(masters, name).ask("GET", keys(name)[0])
        assert (store.health.is_away, store.health.failures) == (False, 0)


async def test_keys_in_different_slots_are_refused(masters: Masters) -> None:
    async with connected(_url(masters[0])) as store:
        with pytest.raises(StoreError) as refused:
            await store.run(ADD, [keys(ACME)[0], keys(HOOLI)[0]], [1])
        assert refused.value.code == "CROSSSLOT"


async def test_a_slot_on_the_move_is_followed_and_so_is_one_that_has_moved(masters: Masters) -> None:
    old = _holder(masters, ACME)
    new = _holder(masters, HOOLI)
    slot = slot_of(keys(ACME)[0])
    async with connected(_url(*masters)) as store:
        before = await _add(store, ACME)
        identities = {node: node.ask("CLUSTER", "MYID").decode() for node in (old, new)}
        new.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", identities[old])
        old.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", identities[new])
        assert await _add(store, ACME) == before + 1  # still all here
        for key in keys(ACME):
            old.ask("MIGRATE", "127.0.0.1", new.port, key, 0, 5000)
        assert await _add(store, ACME) == before + 2  # asked for there
        for node in (new, old, *masters):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", identities[new])
        assert await asyncio.gather(*[_add(store, ACME) for _ in range(20)]) == list(range(before + 3, before + 23))
        assert await store.command("GET", keys(ACME)[0]) == str(before + 22).encode()
        assert store.health.failures == 0
        calls = new.ask("INFO", "commandstats")["cmdstat_evalsha"]["calls"]
        await asyncio.sleep(0.3)  # the map is read anew meanwhile
        assert await _add(store, ACME) == before + 23
        assert new.ask("INFO", "commandstats")["cmdstat_evalsha"]["calls"] == calls + 1


async def test_a_master_that_hangs_is_away_for_its_own_organisations_only(masters: Masters) -> None:
    async with connected(_url(*masters)) as store:
        mine, others = _holder(masters, UMBRELLA), HOOLI
        await asyncio.gather(_add(store, UMBRELLA), _add(store, others))
        mine.freeze()
        try:
            with pytest.raises(StoreError) as late:
                await store.run(ADD, keys(UMBRELLA), [1], timeout_s=0.05)
            assert late.value.reason == "timeout"
            for _ in range(20):
                with pytest.raises(StoreError, match="away"):
                    await _add(store, UMBRELLA)
                assert await _add(store, others) > 0
            assert store.health.is_away
        finally:
            mine.thaw()
        assert await store.ready(10)
        async with asyncio.timeout(10):
            while True:  # the others may have to forgive it first
                try:
                    assert await _add(store, UMBRELLA) > 0
                    break
                except StoreError:
                    await asyncio.sleep(0.05)


async def test_a_cluster_that_is_not_there_is_away_in_time() -> None:
    async with connected("redis+cluster://127.0.0.1:1", is_ready=False) as store:
        with pytest.raises(StoreError) as failed:
            await store.run(ADD, keys(ACME), [1], timeout_s=0.05)
        assert (failed.value.reason, failed.value.may_have_run, store.health.is_away) == ("away", False, True)
        before = time.monotonic()
        for _ in range(20):
            with pytest.raises(StoreError, match="away"):
                await store.run(ADD, keys(ACME), [1], timeout_s=0.5)
        assert time.monotonic() - before < 5  # none of them has waited
        assert not await store.ready(0.05)
        with pytest.raises(StoreError):
            await store.command("GET", keys(ACME)[0])


async def test_a_server_that_is_no_cluster_is_away(tmp_path: Path) -> None:
    with Server(tmp_path / "s", port=free_port()) as single:
        async with connected(f"redis+cluster://127.0.0.1:{single.port}", is_ready=False) as store:
            with pytest.raises(StoreError) as failed:
                await store.run(ADD, keys(ACME), [1], timeout_s=0.2)
            assert (failed.value.reason, store.health.is_away) == ("away", True)
