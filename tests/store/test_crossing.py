"""Whatever callers, the server and time do to each other, nobody gets another's answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.store import Script, StoreError
from tests.store.servers import Server, connected

ECHO = Script("local x = 0 for i = 1, ARGV[2] * 100000 do x = x + i end return {ARGV[1], KEYS[1]}")
OTHER = Script("return {ARGV[1], KEYS[1]} -- the same, known by another digest")


@dataclass(frozen=True)
class Caller:
    starts_ms: int
    works: int
    timeout_ms: int
    cancelled_after_ms: int | None
    script: Script


CALLERS = st.builds(
    Caller,
    starts_ms=st.integers(0, 60),
    works=st.sampled_from((0, 0, 0, 1, 5, 20)),
    timeout_ms=st.sampled_from((2, 10, 20, 50, 1000)),
    cancelled_after_ms=st.none() | st.integers(0, 20),
    script=st.sampled_from((ECHO, OTHER)),
)
EVENTS = st.sampled_from(("flush", "kill", "pause", "freeze"))


def _happen(server: Server, event: str) -> None:
    match event:
        case "flush":
            server.ask("SCRIPT", "FLUSH")
        case "kill":
            server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        case "pause":
            server.ask("CLIENT", "PAUSE", "15")
        case _:
            server.freeze()


def test_every_caller_gets_its_own_answer_or_an_error(tmp_path: Path) -> None:
    with Server(tmp_path / "x") as server:

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(CALLERS, min_size=5, max_size=40), st.lists(st.tuples(st.integers(0, 60), EVENTS), max_size=3))
        def scenario(callers: list[Caller], events: list[tuple[int, str]]) -> None:
            uvloop.run(_play(server, callers, events))

        scenario()


async def _play(server: Server, callers: list[Caller], events: list[tuple[int, str]]) -> None:
    loop = asyncio.get_running_loop()
    async with connected(server.url) as store:

        async def call(number: int, caller: Caller) -> None:
            await asyncio.sleep(caller.starts_ms / 1000)
            mine = [b"%d" % number, b"{k}%d" % number]
            assert await store.run(caller.script, [f"{{k}}{number}"], [number, caller.works], timeout_s=caller.timeout_ms / 1000) == mine

        async def disturb(after_ms: int, event: str) -> None:
            await asyncio.sleep(after_ms / 1000)
            await asyncio.to_thread(_happen, server, event)
            if event == "freeze":
                await asyncio.sleep(0.03)
                server.thaw()

        calls = [asyncio.create_task(call(number, caller)) for number, caller in enumerate(callers)]
        for task, caller in zip(calls, callers, strict=True):
            if caller.cancelled_after_ms is not None:
                loop.call_later((caller.starts_ms + caller.cancelled_after_ms) / 1000, task.cancel)
        others = asyncio.gather(*[store.command("ECHO", f"c{n}", timeout_s=0.05) for n in range(8)], return_exceptions=True)
        disturbed = asyncio.gather(*[disturb(*event) for event in events])
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await disturbed
        assert [outcome for outcome in outcomes if not isinstance(outcome, StoreError | asyncio.CancelledError | None)] == []
        for number, answer in enumerate(await others):
            assert isinstance(answer, StoreError) or answer == f"c{number}".encode()
        # And whatever it was, the store is well again.
        assert await store.ready(5)
        assert await store.run(OTHER, ["k"], ["at last"], timeout_s=5.0) == [b"at last", b"k"]
