"""HTTP/2 as a connection speaks it, frame by frame (RFC 9113), from the first frame to the last."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from extproc.server import frames
from tests.server.peer import Outcome, Peer, message

OK = 0
INTERNAL = 13
BIG = 2**31 - 1


def test_the_server_announces_what_it_wants_first() -> None:
    first, second = Peer(max_message_bytes=1_000_000).frames
    assert (first.kind, first.stream_id, first.flags) == (frames.SETTINGS, 0, 0)
    assert frames.read_settings(first.payload) == {1: 0, 3: 65_536, 4: 1_065_536}
    assert (second.kind, second.stream_id) == (frames.WINDOW_UPDATE, 0)


def test_a_whole_call_in_one_read() -> None:
    peer = Peer().greet()
    peer.say(peer.call(1, "Echo", b"one", b"", b"three"))
    assert peer.outcomes() == {1: Outcome([b"one", b"", b"three"], OK, None)}
    assert [(call.ended, call.closings) for call in peer.service.calls] == [(1, 1)]


def test_frames_may_be_split_at_every_byte() -> None:
    whole = Peer()
    said = (
        frames.PREFACE
        + frames.settings({4: 1000})
        + whole.headers(1)
        + whole.data(1, message(b"a" * 50))
        + frames.frame(frames.PING, 0, 0, b"12345678")
        + whole.data(1, message(b"b" * 20)[:7])
        + whole.data(1, message(b"b" * 20)[7:], frames.END_STREAM)
    )
    whole.say(said)
    expected = whole.outcomes()
    assert expected == {1: Outcome([b"a" * 50, b"b" * 20], OK, None)}
    for cut in range(1, len(said)):
        peer = Peer()
        peer.say(said[:cut])
        peer.say(said[cut:])
        assert peer.outcomes() == expected
        assert peer.frames == whole.frames
    bytewise = Peer()
    for number in range(len(said)):
        bytewise.say(said[number : number + 1])
    assert bytewise.frames == whole.frames


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(1, 60), min_size=1, max_size=10))
def test_messages_may_be_split_over_data_frames_anywhere(messages: list[bytes], sizes: list[int]) -> None:
    peer = Peer().greet()
    said = b"".join(message(each) for each in messages)
    peer.say(peer.headers(1))
    turn = 0
    while said:
        size = sizes[turn % len(sizes)]
        peer.say(peer.data(1, said[:size]))
        said = said[size:]
        turn += 1
    peer.say(peer.data(1, b"", frames.END_STREAM))
    assert peer.outcomes()[1] == Outcome(messages, OK, None)


def test_padding_and_priority_are_not_content() -> None:
    peer = Peer().greet()
    block = peer.block()
    flags = frames.END_HEADERS | frames.PADDED | frames.HAS_PRIORITY
    peer.say(
        frames.frame(frames.HEADERS, flags, 1, b"\x03" + b"\x00\x00\x00\x00\x10" + block + b"\x00" * 3),
        frames.frame(frames.PRIORITY, 0, 1, b"\x00\x00\x00\x00\x10"),
        peer.data(1, b"\x04" + message(b"hi") + b"\x00" * 4, frames.PADDED),
        peer.data(1, b"\x02\x00\x00", frames.PADDED | frames.END_STREAM),
    )
    assert peer.outcomes() == {1: Outcome([b"hi"], OK, None)}


def test_a_header_block_may_be_continued() -> None:
    peer = Peer().greet()
    block = peer.block(extra=[("x-long", "v" * 5000)])
    parts = [block[start : start + 700] for start in range(0, len(block), 700)]
    peer.say(frames.frame(frames.HEADERS, 0, 1, parts[0]))
    for part in parts[1:-1]:
        peer.say(frames.frame(frames.CONTINUATION, 0, 1, part))
    peer.say(frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, parts[-1]), peer.data(1, message(b"a"), frames.END_STREAM))
    assert peer.outcomes() == {1: Outcome([b"a"], OK, None)}
    assert peer.service.calls[0].metadata["x-long"] == "v" * 5000


def test_calls_interleave() -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1), peer.headers(3, "Sum"), peer.data(3, message(b"x")), peer.data(1, message(b"a")), peer.headers(5, "Refuse"))
    peer.say(peer.data(5, message(b"14")), peer.data(3, b"", frames.END_STREAM), peer.data(1, message(b"b"), frames.END_STREAM))
    assert peer.outcomes() == {1: Outcome([b"a", b"b"], OK, None), 3: Outcome([b"1"], OK, None), 5: Outcome([], 14, 0)}
    assert [call.closings for call in peer.service.calls] == [1, 1, 1]


def test_pings_and_settings_are_acknowledged_once() -> None:
    peer = Peer().greet()
    peer.say(frames.frame(frames.PING, 0, 0, b"abcdefgh"), frames.frame(frames.PING, frames.ACK, 0, b"abcdefgh"))
    assert [(frame.flags, frame.payload) for frame in peer.of(frames.PING)] == [(frames.ACK, b"abcdefgh")]
    assert [frame.flags for frame in peer.of(frames.SETTINGS)] == [0, frames.ACK]


def test_frames_of_unknown_kinds_and_unknown_settings_are_skipped() -> None:
    peer = Peer().greet({99: 7, 6: 10})
    peer.say(frames.frame(0x42, 0xFF, 9, b"whatever"), peer.call(1, "Echo", b"a"))
    assert peer.outcomes()[1].status == OK


def test_a_message_that_is_cut_short_is_an_error() -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1), peer.data(1, message(b"abc")[:-1], frames.END_STREAM))
    assert peer.outcomes() == {1: Outcome([], INTERNAL, None)}


def test_a_failed_call_hears_no_more_and_holds_no_more() -> None:
    peer = Peer(max_message_bytes=1000).greet()
    peer.say(peer.headers(1), peer.data(1, message(b"a") + b"\x00\x00\x00\x10\x00" + b"x" * 100))
    assert peer.outcomes() == {1: Outcome([b"a"], 8, frames.NO_ERROR)}
    for _ in range(100):
        peer.say(peer.data(1, b"y" * 16_000))
    assert (peer.service.calls[0].heard, peer.service.calls[0].closings) == ([b"a"], 1)
    assert peer.goaway is None


def test_an_unknown_method_need_not_be_sent_in_full() -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1, "Nothing"), peer.data(1, message(b"a"), frames.END_STREAM), peer.call(3, "Echo", b"b"))
    assert peer.outcomes() == {1: Outcome([], 12, frames.NO_ERROR), 3: Outcome([b"b"], OK, None)}


def test_trailers_from_the_peer_end_its_side() -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1), peer.data(1, message(b"a")), peer.headers(1, flags=frames.END_STREAM))
    assert peer.outcomes() == {1: Outcome([b"a"], OK, None)}


def test_data_after_the_end_of_a_stream_that_still_sends_is_a_stream_error() -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    peer.say(peer.call(1, "Fill", b"100"), peer.data(1, message(b"100")))
    assert peer.of(frames.RST_STREAM)[0].payload == b"\x00\x00\x00\x05"
    assert [call.heard for call in peer.service.calls] == [[b"100"]]
    assert peer.goaway is None


# ---- draining ----


def test_draining_announces_the_end_and_still_takes_what_is_on_its_way() -> None:
    peer = Peer().greet()
    peer.say(peer.headers(1), peer.headers(3, "Last"), peer.data(3, message(b"1")))
    peer.connection.drain()
    peer.connection.drain()
    assert [frames.read_u31(frame.payload) for frame in peer.of(frames.GOAWAY)] == [BIG]
    assert peer.outcomes() == {3: Outcome([b"1"], OK, None)}
    peer.say(peer.data(3, message(b"2")), peer.data(1, message(b"a"), frames.END_STREAM), peer.call(5, "Echo", b"new"))
    peer.say(peer.headers(7, "Last"), peer.data(7, message(b"late")), peer.data(3, message(b"3"), frames.END_STREAM))
    outcomes = peer.outcomes()
    assert (outcomes[1], outcomes[5]) == (Outcome([b"a"], OK, None), Outcome([b"new"], OK, None))
    assert (outcomes[3], outcomes[7]) == (Outcome([b"1"], OK, None), Outcome([b"0"], OK, None))
    heard = {call.path.rpartition("/")[2] + str(number): call.heard for number, call in enumerate(peer.service.calls)}
    assert (heard["Last1"], heard["Last3"]) == ([b"1", b"2", b"3"], [b"late"])
    assert peer.connection.pending_calls == 0
    assert [call.ended for call in peer.service.calls] == [1, 1, 1, 1]
    peer.connection.close()
    peer.connection.connection_lost(None)
    assert [call.closings for call in peer.service.calls] == [1, 1, 1, 1]


def test_a_lasting_call_whose_messages_turn_bad_after_its_end_is_dropped() -> None:
    peer = Peer(max_message_bytes=1000).greet()
    peer.say(peer.headers(1, "Last"))
    peer.connection.drain()
    peer.say(peer.data(1, b"\x01" + b"x" * 100), peer.data(1, b"y" * 100))
    assert peer.outcomes() == {1: Outcome([b"0"], OK, None)}
    assert [(call.ended, call.closings) for call in peer.service.calls] == [(1, 1)]


async def test_a_failure_behind_held_back_answers_is_the_only_end() -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 3})
    peer.say(peer.call(1, "RefuseLater", b"a"))
    peer.say(peer.headers(3, "FillLater"), peer.data(3, message(b"10")), peer.data(3, message(b"none"), frames.END_STREAM))
    for _ in range(10):
        await asyncio.sleep(0)
    peer.say(frames.window_update(3, 1000))
    assert peer.outcomes() == {1: Outcome([], 14, None), 3: Outcome([b"x" * 10], INTERNAL, None)}
    assert [(call.ended, call.closings) for call in peer.service.calls] == [(0, 1), (0, 1)]


def test_a_connection_that_never_was_can_be_drained_and_closed() -> None:
    peer = Peer()
    peer.connection.connection_lost(None)
    peer.connection.drain()
    peer.connection.close()
    peer.connection.abort()
    assert len(peer.frames) == 2  # what it announced at first
