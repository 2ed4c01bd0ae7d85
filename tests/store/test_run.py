"""Scripts and commands on a server that is well."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from extproc.local import free_port
from extproc.store import Health, Script, Store, StoreError
from tests.store.servers import Server, connected

ECHO = Script("return {ARGV[1], KEYS[1], #ARGV, tonumber(ARGV[2])}")
ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
SLOW = Script(
    "local x = 0 for i = 1, ARGV[1] * 100000 do x = x + i end return 1"
)  # about a millisecond for each 1; a script's clock stands still


def _calls(server: Server, name: str) -> int:
    return int(server.ask("INFO", "commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"])


async def test_arguments_go_in_and_answers_come_out(store: Store) -> None:
    assert await store.run(ECHO, ["k"], ["text ä", 7]) == ["text ä".encode(), b"k", 2, 7]
    assert await store.run(ECHO, ["k"], [b"\x00\r\n\xff", b"-3"]) == [b"\x00\r\n\xff", b"k", 2, -3]
    assert await store.run(Script("return {1, false, {'a', {}}}"), []) == [1, None, [b"a", []]]
    assert await store.run(Script("return redis.status_reply('FINE')"), []) == b"FINE"


async def test_a_large_answer_arrives_whole(store: Store) -> None:
    big = await store.run(Script("local t = {} for i = 1, 2000 do t[i] = string.rep('x', 1000) end return t"), [])
    assert (len(big), len(b"".join(big))) == (2000, 2_000_000)


async def test_a_script_is_shown_once_a_connection_and_called_by_its_digest_after(store: Store, server: Server) -> None:
    server.ask("CONFIG", "RESETSTAT")
    for _ in range(5):
        await store.run(ADD, ["once"], [1])
    assert (_calls(server, "eval"), _calls(server, "evalsha")) == (1, 4)


async def test_a_server_that_forgot_a_script_is_shown_it_again(store: Store, server: Server) -> None:
    server.ask("DEL", "forgot")
    await store.run(ADD, ["forgot"], [1])
    server.ask("SCRIPT", "FLUSH")
    assert await asyncio.gather(*[store.run(ADD, ["forgot"], [1]) for _ in range(20)]) == list(range(2, 22))
    assert store.health.failures == 0


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script("return redis.call('HGET', KEYS[1])"), "ERR"),
        (Script("redis.call('SET', KEYS[1], 'x') return redis.call('HGET', KEYS[1], 'f')"), "WRONGTYPE"),
        (Script("return redis.error_reply('LIMIT over it')"), "LIMIT"),
        (Script("this is no Lua"), "ERR"),
    ],
)
async def test_a_refusal_has_the_servers_code_and_closes_nothing(store: Store, script: Script, code: str) -> None:
    with pytest.raises(StoreError) as refused:
        await store.run(script, ["refused"])
    assert (refused.value.reason, refused.value.code, refused.value.may_have_run) == ("refused", code, False)
    assert (store.health.is_away, store.health.failures) == (False, 1)
    assert await store.run(ECHO, ["k"], ["a", 1])


async def test_a_full_server_refuses_and_is_not_away(store: Store, server: Server) -> None:
    write = Script("return redis.call('SET', KEYS[1], ARGV[1])")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreError) as refused:
            await store.run(write, ["oom"], ["x"])
    finally:
        server.ask("CONFIG", "SET", "maxmemory", "0")
    assert (refused.value.code, store.health.is_away) == ("OOM", False)
    assert await store.run(write, ["oom"], ["x"]) == b"OK"


async def test_what_waits_is_bounded(store: Store) -> None:
    assert await store.ready(5)
    answers = await asyncio.gather(*[store.run(ADD, ["bounded"], [0]) for _ in range(1500)], return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, StoreError)]
    assert len(refused) == 1500 - 1024
    assert {(error.reason, error.may_have_run) for error in refused} == {("busy", False)}
    assert await store.run(ECHO, ["k"], ["a", 1])


async def test_all_callers_share_one_connection(store: Store, server: Server) -> None:
    await asyncio.gather(*[store.run(ADD, ["shared"], [1]) for _ in range(50)])
    ours = [client for client in server.ask("CLIENT LIST") if client["name"] == "tiermesh" and client["cmd"] in ("eval", "evalsha")]
    assert len(ours) == 1


async def test_a_late_look_at_an_answer_that_is_there_is_no_failure(server: Server) -> None:
    async with connected(server.url) as store:
        for stall_s in (0.0, 0.005, 0.015, 0.019):  # the loop is held up at different moments of the call's time
            call = asyncio.create_task(store.run(ECHO, ["k"], ["a", 1], timeout_s=0.02))
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(stall_s, time.sleep, 0.06)
            time.sleep(0.03)  # noqa: ASYNC251 - holding up the loop is the point
            assert (await call)[0] == b"a"
            await asyncio.sleep(0.08)
        assert (store.health.failures, store.health.is_away) == (0, False)


class _HoldsUp(asyncio.Protocol):
    """Takes its time over what it gets."""

    def data_received(self, data: bytes) -> None:
        time.sleep(0.06)


async def test_an_answer_that_came_while_another_sockets_was_worked_off_is_no_failure(server: Server) -> None:
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(_HoldsUp, sock=ours)
    with closing(theirs), closing(transport):
        async with connected(server.url) as store:
            await store.run(SLOW, ["k"], [0])
            call = asyncio.create_task(store.run(SLOW, ["k"], [12], timeout_s=0.02))
            await asyncio.sleep(0)
            theirs.send(b"x")
            assert await call == 1


async def test_a_caller_who_gave_up_leaves_the_connection_to_the_others(store: Store, server: Server) -> None:
    assert await store.ready(5)
    server.ask("DEL", "gave-up")
    gone = asyncio.create_task(store.run(ADD, ["gave-up"], [5]))
    stays = asyncio.create_task(store.run(ADD, ["gave-up"], [1]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 6  # what the first one had sent was done all the same
    assert gone.cancelled()


async def test_health_counts(store: Store) -> None:
    assert (store.health.calls, store.health.round_trip_s) == (0, 0.0)
    await store.run(ECHO, ["k"], ["a", 1])
    health = store.health
    assert (health.is_away, health.calls, health.failures, health.waiting) == (False, 1, 0, 0)
    assert 0 < health.round_trip_s < 2


async def test_commands_answer_as_redis_py_does(store: Store) -> None:
    await store.command("DEL", "h", "s")
    assert await store.command("HSET", "h", "a", 1, "b", b"\xff") == 2
    assert await store.command("HGETALL", "h") == {b"a": b"1", b"b": b"\xff"}
    assert await store.command("SADD", "s", "x") == 1
    assert await store.command("SMEMBERS", "s") == {b"x"}
    assert sorted(await asyncio.gather(*[store.command("HINCRBY", "h", "a", 1) for _ in range(40)])) == list(range(2, 42))


async def test_a_command_may_be_refused_and_may_be_late(store: Store) -> None:
    with pytest.raises(StoreError) as refused:
        await store.command("HGET", "h")
    assert refused.value.reason == "refused"
    with pytest.raises(StoreError) as late:
        await store.command("BLPOP", "nothing-here", 5, timeout_s=0.05)
    assert (late.value.reason, late.value.may_have_run) == ("timeout", True)
    assert await store.command("SET", "after", "x") in (True, b"OK")


async def test_a_closed_store_says_so_to_those_who_wait_and_those_who_come(store: Store) -> None:
    assert await store.ready(5)
    await store.command("PING")
    waiting = asyncio.create_task(store.run(SLOW, ["k"], [100]))
    await asyncio.sleep(0.01)
    await store.close()
    await store.close()
    for call in (waiting, store.run(ECHO, ["k"]), store.command("PING"), store.ready(1)):
        with pytest.raises(StoreError):
            await call


async def test_a_store_that_was_never_used_closes(server: Server) -> None:
    before = len(server.ask("CLIENT LIST"))
    async with connected(server.url, is_ready=False) as store:
        assert store.health == Health(False, 0, 0, 0, 0.0)
        assert len(server.ask("CLIENT LIST")) == before


async def test_a_database_of_its_own_is_kept_to(tmp_path: Path) -> None:
    with Server(tmp_path / "n", port=free_port()) as numbered:
        async with connected(f"redis://127.0.0.1:{numbered.port}/3") as store:
            await store.run(ADD, ["here"], [1])
            assert await store.command("GET", "here") == b"1"
        assert numbered.ask("INFO", "keyspace").keys() == {"db3"}
