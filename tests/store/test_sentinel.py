"""Behind a sentinel: the master is found, a replica never taken for one, and the next master found when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from extproc.local import free_port
from extproc.store import Access, Script, Store, StoreError
from tests.store.servers import Server, connected, sentinel, until
from tests.store.test_access import rights

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
KEY = "tiermesh:{acme}:n"
OURS = "tiermesh:hunter2%2F%40%3Ahunter2"


class Watched(NamedTuple):
    master: Server
    replica: Server
    sentinel: tuple[str, int]

    def url(self, end: str = "mymaster") -> str:
        host, port = self.sentinel
        # One that is not there, to be passed over.
        return f"redis+sentinel://{OURS}@127.0.0.1:1,{host}:{port}/{end}"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A master that lets in the documented user, its replica, and a sentinel with a password of its own."""
    at_once = ("--repl-diskless-sync-delay", "0")
    master, replica = (Server(tmp_path / name, *at_once, port=free_port()) for name in ("m", "r"))
    with master, replica:
        for server in (master, replica):
            server.ask(*rights(), "+role")
        replica.ask("REPLICAOF", *master.node)
        until(lambda: replica.ask("ROLE")[3] == b"connected")
        with sentinel(tmp_path / "s", master, lines=("requirepass watchman",)) as address:
            yield Watched(master, replica, address)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    file = tmp_path / "watchman"
    file.write_text("watchman")
    return Access(sentinel_password_file=str(file))


async def test_calls_go_to_the_next_master_when_one_dies(watched: Watched, access: Access) -> None:
    async with connected(watched.url(), access, connect_timeout_s=2.0) as store:
        assert await store.run(ADD, [KEY], [1]) == 1
        assert await store.command("GET", KEY) == b"1"
        await asyncio.to_thread(until, lambda: watched.replica.ask("GET", KEY) == b"1")
        watched.master.kill()
        reasons = set()
        async with asyncio.timeout(20):
            while True:
                try:
                    answer = await store.run(ADD, [KEY], [1], timeout_s=0.05)
                    break
                except StoreError as error:
                    reasons.add(error.reason)
                    await asyncio.sleep(0.05)
        assert answer == 2  # what the first one knew
        assert "away" in reasons
        assert watched.replica.ask("ROLE")[0] == b"master"
        assert await _patiently(store, "GET", KEY) == b"2"


async def _patiently(store: Store, *command: str) -> object:
    """The answer, once the sentinel is done with what a failover leaves to do."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await store.command(*command)
            except StoreError:
                await asyncio.sleep(0.05)


async def test_a_master_made_a_replica_is_left(watched: Watched, access: Access) -> None:
    async with connected(watched.url(), access, connect_timeout_s=2.0) as store:
        assert await store.run(ADD, [KEY], [1]) == 1
        # Unknown to the sentinel, which still calls it the master; its connections are not closed by this either.
        watched.master.ask("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(StoreError) as refused:
            await store.run(ADD, [KEY], [1])
        assert refused.value.code == "READONLY"
        assert store.health.is_away
        with pytest.raises(StoreError, match=r"no master|READONLY"):
            await store.run(ADD, [KEY], [1])
        watched.master.ask("REPLICAOF", "NO", "ONE")
        assert await store.ready(10)
        assert await store.run(ADD, [KEY], [1]) == 2


async def test_a_master_that_nobody_knows_and_a_sentinel_that_lets_nobody_in(watched: Watched, access: Access) -> None:
    for url, how in ((watched.url("stranger"), access), (watched.url(), Access())):
        async with connected(url, how, is_ready=False) as store:
            with pytest.raises(StoreError) as failed:
                await store.run(ADD, [KEY], [1])
            assert failed.value.reason == "away"
            assert "hunter2" not in str(failed.value)
            with pytest.raises(StoreError):
                await store.command("GET", KEY)
