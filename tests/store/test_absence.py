"""A server that dies, hangs, is not there yet or talks nonsense: a verdict in time, no waiting while it is away, and back again."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from extproc.local import free_port
from extproc.store import Script, Store, StoreError
from tests.store.servers import Server, connected

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
SLOW = Script("local x = 0 for i = 1, ARGV[1] * 100000 do x = x + i end return 1")  # about half a millisecond for each 1


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may harm."""
    with Server(tmp_path / "m", "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


async def _until(reached: Callable[[], Awaitable[object] | object], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while True:
            found = reached()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.01)


async def _failure(call: Awaitable[object]) -> StoreError:
    with pytest.raises(StoreError) as failed:
        await call
    return failed.value


async def test_a_server_that_was_killed_is_away_at_once_and_known_again_when_it_is_back(mortal: Server) -> None:
    async with connected(mortal.url) as store:
        assert await store.run(ADD, ["n"], [1]) == 1
        mortal.kill()
        await _until(lambda: store.health.is_away)
        assert (await _failure(store.run(ADD, ["n"], [1]))).reason == "away"
        mortal.start()
        await _until(lambda: not store.health.is_away)
        assert await store.run(ADD, ["n"], [1]) == 2  # the script is not known there any more
        assert store.health.failures == 1


async def test_a_call_on_its_way_when_the_server_dies_is_lost_and_may_have_run(mortal: Server) -> None:
    async with connected(mortal.url) as store:
        call = asyncio.create_task(store.run(SLOW, ["n"], [2000]))
        await asyncio.sleep(0.02)
        mortal.kill()
        failure = await _failure(call)
        assert (failure.reason, failure.may_have_run) == ("lost", True)


async def test_a_hung_server_costs_one_wait_and_then_none(mortal: Server) -> None:
    async with connected(mortal.url, timeout_s=0.02) as store:
        assert await store.run(ADD, ["n"], [1], timeout_s=2.0) == 1
        mortal.freeze()
        before = time.monotonic()
        failure = await _failure(store.run(ADD, ["n"], [10]))
        first_s = time.monotonic() - before
        assert (failure.reason, failure.may_have_run, store.health.is_away) == ("timeout", True, True)
        before = time.monotonic()
        for _ in range(200):
            failure = await _failure(store.run(ADD, ["n"], [100]))
            assert (failure.reason, failure.may_have_run) == ("away", False)
        # 200 waits would be 4 s. The machine may be busy; ten times as much is still a different thing.
        assert first_s < 0.2
        assert time.monotonic() - before < 0.4
        mortal.thaw()
        await _until(lambda: not store.health.is_away)
        # What was sent was done when the server went on; what was refused was not.
        assert await store.run(ADD, ["n"], [1000], timeout_s=2.0) == 1011


async def test_callers_with_more_patience_still_get_their_answer_when_another_has_given_up(mortal: Server) -> None:
    async with connected(mortal.url) as store:
        assert await store.run(ADD, ["n"], [0]) == 0
        mortal.freeze()
        patient = [asyncio.create_task(store.run(ADD, ["n"], [1], timeout_s=5.0)) for _ in range(3)]
        await asyncio.sleep(0)
        assert (await _failure(store.run(ADD, ["n"], [10], timeout_s=0.02))).reason == "timeout"
        mortal.thaw()
        assert await asyncio.gather(*patient) == [1, 2, 3]
        assert await store.ready(5)
        assert await store.run(ADD, ["n"], [0]) == 13


async def test_a_server_that_comes_later_is_found(tmp_path: Path) -> None:
    server = Server(tmp_path / "later")
    async with connected(server.url, is_ready=False) as store:
        assert (await _failure(store.run(ADD, ["n"], [1]))).reason == "away"
        assert not await store.ready(0.05)
        with server:
            assert await store.ready(5)
            assert await store.run(ADD, ["n"], [1]) == 1


async def test_a_connection_closed_while_nobody_waits_is_opened_again_before_anybody_notices(server: Server) -> None:
    async with connected(server.url) as store:
        await store.run(ADD, ["n"], [1])
        first = {client["id"] for client in server.ask("CLIENT LIST")}
        server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await _until(lambda: any(c["id"] not in first and c["name"] == "tiermesh" for c in server.ask("CLIENT LIST")))
        for _ in range(3):
            await store.run(ADD, ["n"], [1])
        assert store.health.failures == 0


async def test_a_server_that_greets_quickly_and_answers_slowly_is_tried_ever_less_often(server: Server) -> None:
    async with connected(server.url, timeout_s=0.02) as store:
        tried = 0
        started = time.monotonic()
        while time.monotonic() - started < 1.2:
            try:
                await store.run(SLOW, ["n"], [100])
            except StoreError as error:
                tried += error.reason == "timeout"
            await asyncio.sleep(0.005)
        assert 2 <= tried <= 6  # after 0, 0.1, 0.3, 0.7 s; without pauses it would be twenty


async def test_a_replica_is_no_place_to_be_until_it_is_a_master(tmp_path: Path) -> None:
    with Server(tmp_path / "a", "--repl-diskless-sync-delay", "0", port=free_port()) as master, Server(tmp_path / "b") as replica:
        replica.ask("REPLICAOF", "127.0.0.1", master.port)
        async with connected(replica.url) as store:
            failure = await _failure(store.run(ADD, ["n"], [1]))
            assert (failure.reason, failure.code, store.health.is_away) == ("refused", "READONLY", True)
            replica.ask("REPLICAOF", "NO", "ONE")
            await _until(lambda: not store.health.is_away)
            assert await store.run(ADD, ["n"], [1]) == 1


@asynccontextmanager
async def _peer(path: Path, says: bytes | None) -> AsyncIterator[str]:
    """Something that listens and answers each read with `says`; None: with nothing."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            if says is not None:
                writer.write(says)
        writer.close()

    server = await asyncio.start_unix_server(talk, path)
    try:
        yield f"unix://{path}"
    finally:
        server.close()


@pytest.mark.parametrize(
    "says",
    [
        None,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"+PONG\r\n" * 9,
        b"-ERR max number of clients reached\r\n",
        b"$5\r\nabc",
        b"*1000000\r\n",
        b"\x00",
    ],
)
async def test_who_talks_nonsense_or_nothing_is_away(tmp_path: Path, says: bytes | None) -> None:
    async with _peer(tmp_path / "p", says) as url, connected(url, is_ready=False, connect_timeout_s=0.1) as store:
        failure = await _failure(store.run(ADD, ["n"], [1], timeout_s=0.05))
        assert failure.reason in ("away", "lost", "timeout")
        await _until(lambda: store.health.is_away)
        assert (await _failure(store.run(ADD, ["n"], [1]))).reason == "away"
        assert not await store.ready(0.05)


async def test_a_machine_that_does_not_answer_is_away_in_time() -> None:
    with socket.socket() as full:
        # Nobody accepts: once the queue is full, connecting gets no answer at all.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.socket() as first, socket.socket() as second:
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            store = Store.connect(f"redis://127.0.0.1:{port}", timeout_s=0.05)
            before = time.monotonic()
            assert (await _failure(store.run(ADD, ["n"], [1]))).reason == "away"
            assert time.monotonic() - before < 0.5
            assert store.health.is_away
            await store.close()


async def test_commands_have_errors_of_the_same_kind(tmp_path: Path) -> None:
    async with connected(f"unix://{tmp_path}/nobody", is_ready=False) as store:
        assert (await _failure(store.command("PING"))).reason == "lost"
    async with _peer(tmp_path / "p", None) as url, connected(url, is_ready=False, patience_s=0.05) as store:
        assert (await _failure(store.command("PING"))).reason == "timeout"
