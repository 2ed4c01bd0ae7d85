"""What a gRPC client sees of a transport: the same of both."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import grpc
import grpc.aio
import pytest

from extproc.server.native import NativeServer
from tests.server.scripted import MAX_MESSAGE_BYTES, ScriptedService, Served, listen

LARGE_BYTES = 20 * 1024 * 1024


async def ask(channel: grpc.aio.Channel, method: str, message: bytes, **more: Any) -> bytes:
    answer: bytes = await channel.unary_unary(f"/test.Service/{method}")(message, timeout=20, **more)
    return answer


def converse(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.stream_stream(f"/test.Service/{method}")(timeout=20)


async def status_of(channel: grpc.aio.Channel, method: str, message: bytes = b"") -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await ask(channel, method, message)
    return failed.value.code(), failed.value.details() or ""


@pytest.mark.parametrize("message", [b"", b"a", b"x" * 16_379, b"x" * 16_380, b"x" * 100_000])
async def test_a_message_comes_back(served: Served, message: bytes) -> None:
    async with served.channel() as channel:
        assert await ask(channel, "Echo", message) == message
    await served.all_closed()


async def test_metadata_and_path_reach_the_service(served: Served) -> None:
    async with served.channel() as channel:
        await ask(channel, "Echo", b"", metadata=(("x-tiermesh-phase", "request"), ("traceparent", "00-ab-cd-01")))
        await ask(channel, "Echo", b"", metadata=(("x-tiermesh-phase", "answer"), ("traceparent", "00-ef-cd-01")))
    seen = [(call.path, call.metadata["x-tiermesh-phase"], call.metadata["traceparent"]) for call in served.service.calls]
    assert seen == [("/test.Service/Echo", "request", "00-ab-cd-01"), ("/test.Service/Echo", "answer", "00-ef-cd-01")]


async def test_messages_go_both_ways_in_turns(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Echo")
        for number in range(20):
            await talk.write(b"%d" % number)
            assert await talk.read() == b"%d" % number
        await talk.done_writing()
        assert await talk.read() is grpc.aio.EOF
        assert await talk.code() is grpc.StatusCode.OK
    await served.all_closed()


async def test_large_messages_go_both_ways_at_once(served: Served) -> None:
    message = bytes(range(256)) * (LARGE_BYTES // 256)
    async with served.channel() as channel:
        answers = await asyncio.gather(*(ask(channel, "Echo", message) for _ in range(2)))
    assert [answer == message for answer in answers] == [True, True]
    await served.all_closed()


async def test_a_large_answer_waits_for_a_reader_with_a_small_window(served: Served) -> None:
    async with served.channel(("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535)) as channel:
        talk = converse(channel, "Fill")
        for _ in range(3):
            await talk.write(b"1000000")
        await talk.done_writing()
        await asyncio.sleep(0.05)
        assert [len(answer) async for answer in talk] == [1_000_000] * 3
    await served.all_closed()


async def test_many_calls_run_at_once(served: Served) -> None:
    messages = [b"%d" % number for number in range(500)]
    async with served.channel() as channel:
        assert await asyncio.gather(*(ask(channel, "Slow", message) for message in messages)) == messages
    await served.all_closed()


async def test_a_call_may_answer_once_everything_is_said(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Sum")
        for _ in range(3):
            await talk.write(b"a")
        await talk.done_writing()
        assert await talk.read() == b"3"
        assert await talk.code() is grpc.StatusCode.OK
    await served.all_closed()


async def test_a_call_may_say_nothing_at_all(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Silent")
        await talk.done_writing()
        assert await talk.read() is grpc.aio.EOF
        assert await talk.code() is grpc.StatusCode.OK


async def test_awaited_answers_keep_the_order_of_their_questions(served: Served) -> None:
    messages = [b"a" * size for size in range(12)]
    async with served.channel() as channel:
        talk = converse(channel, "Slow")
        for message in messages:
            await talk.write(message)
        await talk.done_writing()
        assert [answer async for answer in talk] == messages
    await served.all_closed()


@pytest.mark.parametrize("method", ["Silent", "Never"])
async def test_a_cancelled_call_is_closed(served: Served, method: str) -> None:
    async with served.channel() as channel:
        talk = converse(channel, method)
        await talk.write(b"a")
        await served.heard(1)
        talk.cancel()
        await served.all_closed()
        assert await ask(channel, "Echo", b"still here") == b"still here"
    if served.kind == "native":  # grpcio does not tell the end of the messages from the end of the call
        assert served.service.calls[0].ended == 0


async def test_a_lost_connection_closes_its_calls(served: Served) -> None:
    channel = served.channel()
    talks = [converse(channel, method) for method in ("Silent", "Never", "Last")]
    for talk in talks:
        await talk.write(b"a")
    await served.heard(3)
    await channel.close()
    await served.all_closed()


async def test_an_unknown_method_is_unimplemented(served: Served) -> None:
    async with served.channel() as channel:
        assert (await status_of(channel, "Nothing"))[0] is grpc.StatusCode.UNIMPLEMENTED
        assert await ask(channel, "Echo", b"a") == b"a"


@pytest.mark.parametrize("method", ["Raise", "RaiseLater", "Broken", "BrokenEnd"])
async def test_what_a_call_raises_is_an_internal_error_that_tells_nothing(served: Served, method: str) -> None:
    async with served.channel() as channel:
        assert await status_of(channel, method, b"secret") == (grpc.StatusCode.INTERNAL, "internal error")
        assert await ask(channel, "Echo", b"a") == b"a"
    await served.all_closed()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (b"3", grpc.StatusCode.INVALID_ARGUMENT),
        (b"8", grpc.StatusCode.RESOURCE_EXHAUSTED),
        (b"12", grpc.StatusCode.UNIMPLEMENTED),
        (b"13", grpc.StatusCode.INTERNAL),
        (b"14", grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_call_ends_with_the_status_it_chose(served: Served, number: bytes, code: grpc.StatusCode) -> None:
    async with served.channel() as channel:
        assert await status_of(channel, "Refuse", number) == (code, f"no {number.decode()}: 100% \u00e9")
    await served.all_closed()


async def test_a_status_may_be_awaited(served: Served) -> None:
    async with served.channel() as channel:
        assert await status_of(channel, "RefuseLater") == (grpc.StatusCode.UNAVAILABLE, "not now")
    await served.all_closed()


async def test_what_was_answered_before_a_failure_arrives(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Fill")
        for message in (b"100000", b"10", b"not a number"):
            await talk.write(message)
        assert [len(await talk.read()) for _ in range(2)] == [100_000, 10]
        with contextlib.suppress(grpc.aio.AioRpcError):  # the client may know by now that nobody listens
            await talk.write(b"10")
        assert await talk.code() is grpc.StatusCode.INTERNAL
    await served.all_closed()
    assert len(served.service.calls[0].heard) == 3


async def test_a_message_that_is_too_long_is_refused(served: Served) -> None:
    async with served.channel() as channel:
        assert (await status_of(channel, "Echo", bytes(MAX_MESSAGE_BYTES + 1)))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await ask(channel, "Echo", b"a") == b"a"
    await served.all_closed()


async def test_a_compressed_message_is_not_understood(native: Served) -> None:
    async with native.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ask(channel, "Echo", b"a" * 1000, compression=grpc.Compression.Gzip)
        assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_draining_finishes_calls_that_run(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Echo")
        await talk.write(b"before")
        assert await talk.read() == b"before"
        draining = asyncio.ensure_future(served.server.drain(5))
        await asyncio.sleep(0.1)
        await talk.write(b"after")
        assert await talk.read() == b"after"
        await talk.done_writing()
        assert await talk.code() is grpc.StatusCode.OK
        await draining
    await served.all_closed()


async def test_draining_ends_lasting_calls_and_reads_them_out(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Last")
        await talk.write(b"1")
        await served.heard(1)
        draining = asyncio.ensure_future(served.server.drain(5))
        # Sent before the client can have learned of the drain.
        await talk.write(b"2")
        assert int(await talk.read()) in (1, 2)
        assert await talk.code() is grpc.StatusCode.OK
        async with asyncio.timeout(3):  # a lasting call is not waited for
            await draining
    await served.all_closed()
    assert served.service.calls[0].heard == [b"1", b"2"]
    assert served.service.calls[0].ended == 1


async def test_draining_gives_up_on_calls_that_never_end(served: Served) -> None:
    async with served.channel() as channel:
        talk = converse(channel, "Never")
        await talk.write(b"a")
        await served.heard(1)
        async with asyncio.timeout(3):
            await served.server.drain(0.1)
        assert await talk.code() is not grpc.StatusCode.OK
    await served.all_closed()


async def test_a_successor_takes_over_the_socket(native: Served) -> None:
    path = native.path.with_name("shared.sock")
    listening = listen(path)
    services = [ScriptedService(), ScriptedService()]
    servers = [NativeServer(service, MAX_MESSAGE_BYTES) for service in services]
    await servers[0].start(listening.dup())
    taken = Served("native", servers[0], services[0], path)
    async with taken.channel() as channel:
        assert await ask(channel, "Echo", b"first") == b"first"
        await servers[1].start(listening.dup())
        await servers[0].drain(1)
        assert await ask(channel, "Echo", b"second", wait_for_ready=True) == b"second"
    assert servers[0].is_idle
    assert [len(service.calls) for service in services] == [1, 1]
    await servers[1].drain(0.1)
    listening.close()
