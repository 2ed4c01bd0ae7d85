"""What a peer must not do, and how much of what it may do (RFC 9113, 5.4 and 10.5)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.server import frames
from tests.server.peer import Outcome, Peer, message

OK = 0
BIG = 2**31 - 1


_PING = b"12345678"
_U32 = b"\x00\x00\x00\x01"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        pytest.param(frames.frame(frames.DATA, 0, 0, b"a"), frames.PROTOCOL_ERROR, id="data on the connection"),
        pytest.param(frames.frame(frames.DATA, 0, 9, b"a"), frames.PROTOCOL_ERROR, id="data on an idle stream"),
        pytest.param(frames.frame(frames.DATA, 0, 2, b"a"), frames.PROTOCOL_ERROR, id="data on an even stream"),
        pytest.param(frames.frame(frames.HEADERS, 4, 0, b"\x88"), frames.PROTOCOL_ERROR, id="headers on the connection"),
        pytest.param(frames.frame(frames.HEADERS, 4, 8, b"\x88"), frames.PROTOCOL_ERROR, id="headers on an even stream"),
        pytest.param(frames.frame(frames.HEADERS, 4 | 8, 9, b"\x05\x88"), frames.PROTOCOL_ERROR, id="padding past the end"),
        pytest.param(frames.frame(frames.HEADERS, 4 | 8, 9, b""), frames.PROTOCOL_ERROR, id="padding without its length"),
        pytest.param(frames.frame(frames.HEADERS, 4 | 32, 9, b"\x00"), frames.PROTOCOL_ERROR, id="priority past the end"),
        pytest.param(frames.frame(frames.HEADERS, 4, 9, b"\xff\xff\xff"), frames.COMPRESSION_ERROR, id="a broken header block"),
        pytest.param(frames.frame(frames.HEADERS, 4, 9, b"\xbe"), frames.COMPRESSION_ERROR, id="an index into an empty table"),
        pytest.param(frames.frame(frames.HEADERS, 4, 9, b"\x3f\xe1\x1f\x88"), frames.COMPRESSION_ERROR, id="a larger table than announced"),
        pytest.param(frames.frame(frames.CONTINUATION, 4, 1, b"\x88"), frames.PROTOCOL_ERROR, id="a continuation of nothing"),
        pytest.param(
            frames.frame(frames.HEADERS, 0, 9, b"\x88") + frames.frame(frames.PING, 0, 0, _PING),
            frames.PROTOCOL_ERROR,
            id="another frame inside a header block",
        ),
        pytest.param(
            frames.frame(frames.HEADERS, 0, 9, b"\x88") + frames.frame(frames.CONTINUATION, 4, 11, b"\x88"),
            frames.PROTOCOL_ERROR,
            id="a continuation of another stream",
        ),
        pytest.param(frames.frame(frames.RST_STREAM, 0, 0, _U32), frames.PROTOCOL_ERROR, id="a reset of the connection"),
        pytest.param(frames.frame(frames.RST_STREAM, 0, 9, _U32), frames.PROTOCOL_ERROR, id="a reset of an idle stream"),
        pytest.param(frames.frame(frames.RST_STREAM, 0, 1, b"\x00"), frames.FRAME_SIZE_ERROR, id="a short reset"),
        pytest.param(frames.frame(frames.SETTINGS, 0, 1, b""), frames.PROTOCOL_ERROR, id="settings of a stream"),
        pytest.param(frames.frame(frames.SETTINGS, 0, 0, b"12345"), frames.FRAME_SIZE_ERROR, id="ragged settings"),
        pytest.param(frames.frame(frames.SETTINGS, 1, 0, b"123456"), frames.FRAME_SIZE_ERROR, id="an acknowledgement that says something"),
        pytest.param(frames.settings({frames.SETTINGS_ENABLE_PUSH: 2}), frames.PROTOCOL_ERROR, id="half a push"),
        pytest.param(frames.settings({frames.SETTINGS_MAX_FRAME_SIZE: 16_383}), frames.PROTOCOL_ERROR, id="frames too small"),
        pytest.param(frames.settings({frames.SETTINGS_MAX_FRAME_SIZE: 2**24}), frames.PROTOCOL_ERROR, id="frames too large"),
        pytest.param(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 2**31}), frames.FLOW_CONTROL_ERROR, id="a window too large"),
        pytest.param(frames.frame(frames.PING, 0, 1, _PING), frames.PROTOCOL_ERROR, id="a ping of a stream"),
        pytest.param(frames.frame(frames.PING, 0, 0, b"1234567"), frames.FRAME_SIZE_ERROR, id="a short ping"),
        pytest.param(frames.frame(frames.GOAWAY, 0, 1, _PING), frames.PROTOCOL_ERROR, id="a goodbye of a stream"),
        pytest.param(frames.frame(frames.GOAWAY, 0, 0, b"1234567"), frames.FRAME_SIZE_ERROR, id="a short goodbye"),
        pytest.param(frames.frame(frames.PRIORITY, 0, 0, b"12345"), frames.PROTOCOL_ERROR, id="a priority of the connection"),
        pytest.param(frames.frame(frames.PRIORITY, 0, 1, b"1234"), frames.FRAME_SIZE_ERROR, id="a short priority"),
        pytest.param(frames.frame(frames.PUSH_PROMISE, 4, 1, b"\x00\x00\x00\x02\x88"), frames.PROTOCOL_ERROR, id="a promise of a client"),
        pytest.param(frames.window_update(0, 0), frames.PROTOCOL_ERROR, id="no more of the connection's window"),
        pytest.param(frames.window_update(0, BIG), frames.FLOW_CONTROL_ERROR, id="too much of the connection's window"),
        pytest.param(frames.window_update(9, 1), frames.PROTOCOL_ERROR, id="more window of an idle stream"),
        pytest.param(frames.frame(frames.WINDOW_UPDATE, 0, 1, b"\x00\x01"), frames.FRAME_SIZE_ERROR, id="a short window update"),
        pytest.param(frames.pack_header(64, 1, frames.DATA, 0, 1), frames.FRAME_SIZE_ERROR, id="a frame too large"),
    ],
)
def test_a_breach_ends_the_connection_and_closes_its_calls(said: bytes, error: int) -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1), peer.data(1, message(b"before")), said, peer.call(11, "Echo", b"after"))
    assert peer.goaway == error
    assert frames.read_u31(peer.of(frames.GOAWAY)[-1].payload) == 1
    assert peer.outcomes()[1].messages == [b"before"]
    peer.say(peer.call(13, "Echo", b"later"))
    assert len(peer.service.calls) == 1
    peer.connection.connection_lost(None)
    assert [call.closings for call in peer.service.calls] == [1]
    assert peer.losses == [peer.connection]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", b"\x00", b"\x16\x03\x01\x02\x00"])
def test_a_peer_that_does_not_speak_http2_is_sent_away(said: bytes) -> None:
    peer = Peer()
    for number in range(len(said)):
        peer.say(said[number : number + 1])
    assert peer.goaway == frames.PROTOCOL_ERROR


@pytest.mark.parametrize(("increment", "error"), [(0, frames.PROTOCOL_ERROR), (BIG, frames.FLOW_CONTROL_ERROR)])
def test_an_impossible_window_update_ends_its_stream_alone(increment: int, error: int) -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1), frames.window_update(1, increment), peer.call(3, "Echo", b"a"))
    assert peer.outcomes() == {1: Outcome([], None, error), 3: Outcome([b"a"], OK, None)}
    assert [call.closings for call in peer.service.calls] == [1, 1]


def test_settings_that_make_a_window_overflow_end_the_connection() -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    peer.say(peer.headers(1), frames.window_update(1, BIG - 10), frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 11}))
    assert peer.goaway == frames.FLOW_CONTROL_ERROR


def test_frames_of_streams_that_are_over_are_skipped() -> None:
    peer = Peer().greet()
    peer.say(peer.call(1, "Echo", b"a"), peer.headers(3), frames.reset(3, frames.CANCEL), frames.reset(3, frames.CANCEL))
    peer.say(peer.data(1, b"zzz"), peer.data(3, b"zzz"), frames.window_update(1, 5), frames.window_update(3, 0), peer.headers(3))
    peer.say(peer.call(5, "Echo", b"b"))
    assert peer.outcomes() == {1: Outcome([b"a"], OK, None), 5: Outcome([b"b"], OK, None)}
    assert [call.closings for call in peer.service.calls] == [1, 1, 1]


# ---- bounds ----


def test_a_header_block_has_a_largest_size() -> None:
    peer = Peer().greet()
    peer.say(frames.frame(frames.HEADERS, 0, 1, b"\x00" * 16_000))
    for _ in range(5):
        peer.say(frames.frame(frames.CONTINUATION, 0, 1, b"\x00" * 16_000))
    assert peer.goaway == frames.ENHANCE_YOUR_CALM


def test_a_header_block_may_not_inflate_without_end() -> None:
    peer = Peer().greet()
    peer.say(frames.frame(frames.HEADERS, 4, 1, b"\x90" * 16_000))  # 16,000 times `accept-encoding: gzip, deflate`
    assert peer.goaway == frames.COMPRESSION_ERROR


def test_streams_that_are_reset_at_once_leave_nothing_behind() -> None:
    peer = Peer().greet()
    for number in range(2000):
        peer.say(peer.headers(2 * number + 1), frames.reset(2 * number + 1, frames.CANCEL))
    assert peer.connection.pending_calls == 0
    assert {call.closings for call in peer.service.calls} == {1}
    assert peer.goaway is None


def test_more_streams_than_announced_are_refused() -> None:
    peer = Peer().greet()
    block = peer.block("Silent")
    peer.say(*[frames.frame(frames.HEADERS, frames.END_HEADERS, 2 * number + 1, block) for number in range(65_537)])
    assert [frame.stream_id for frame in peer.of(frames.RST_STREAM)] == [2 * 65_536 + 1]
    peer.say(frames.reset(1, frames.CANCEL), peer.call(2 * 65_537 + 1, "Echo", b"a"))
    assert peer.outcomes()[2 * 65_537 + 1].status == OK


def test_a_peer_that_does_not_read_is_not_read() -> None:
    peer = Peer().greet()
    high, _low = peer.wire.limits
    assert high is not None
    assert high <= 16 * 1024 * 1024
    peer.connection.pause_writing()
    assert not peer.wire.is_reading
    peer.connection.resume_writing()
    assert peer.wire.is_reading
    peer.connection.close()
    peer.connection.pause_writing()
    assert peer.wire.is_reading


async def test_messages_ahead_of_an_awaited_answer_are_limited() -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1, "Never"), *[peer.data(1, message(b"a"))] * 65)
    assert peer.outcomes() == {}
    peer.say(peer.data(1, message(b"a")))
    assert peer.outcomes() == {1: Outcome([], 8, frames.NO_ERROR)}
    await asyncio.sleep(0)
    assert peer.service.calls[0].closings == 1


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=5), st.booleans())
def test_no_bytes_at_all_make_a_connection_raise(pieces: list[bytes], has_greeted: bool) -> None:
    peer = Peer()
    if has_greeted:
        peer.greet()
    for piece in pieces:
        peer.say(piece)
    assert len(peer.connection._unread) <= 9 + frames.DEFAULT_FRAME_BYTES
    peer.connection.connection_lost(None)


_frames = st.builds(
    frames.frame,
    st.integers(0, 11),
    st.integers(0, 255),
    st.sampled_from([0, 1, 1, 1, 3, 3, 5, 2, BIG]),
    st.one_of(
        st.binary(max_size=30),
        st.binary(max_size=20).map(message),
        st.sampled_from([b"", b"\x88", b"\x00\x00\x00\x00", b"\x00\x00\x00\x01", b"\x7f\xff\xff\xff", b"\x00\x04\x00\x00\x00\x00"]),
        st.sampled_from(["Echo", "Silent", "Last", "Raise", "Refuse", "BrokenEnd", "Broken"]).map(lambda method: Peer().block(method)),
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_frames, max_size=12), st.booleans())
def test_no_frames_at_all_make_a_connection_raise_or_a_call_close_twice(said: list[bytes], drains: bool) -> None:
    peer = Peer().greet()
    for number, frame in enumerate(said):
        if drains and number == len(said) // 2:
            peer.connection.drain()
        peer.say(frame)
    peer.outcomes()
    peer.connection.close()
    peer.connection.connection_lost(None)
    assert [call.closings for call in peer.service.calls] == [1] * len(peer.service.calls)
    assert peer.connection.pending_calls == 0
