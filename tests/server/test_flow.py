"""Windows, of both directions (RFC 9113, 5.2 and 6.9)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.server import frames
from tests.server.peer import Outcome, Peer, message

OK = 0
BIG = 2**31 - 1


def test_a_window_that_shrinks_below_zero_holds_answers_back_until_it_is_positive_again() -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 100})
    peer.say(peer.call(1, "Fill", b"195"))  # 200 bytes with the prefix
    assert _sent(peer, 1) == 100
    peer.say(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 40}))  # now 60 below
    peer.say(frames.window_update(1, 60))
    assert _sent(peer, 1) == 100
    peer.say(frames.window_update(1, 1))
    assert _sent(peer, 1) == 101
    peer.say(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 90}))
    assert _sent(peer, 1) == 151
    peer.say(frames.window_update(1, 1000))
    assert peer.outcomes() == {1: Outcome([b"x" * 195], OK, None)}


def test_new_streams_begin_with_the_window_last_announced() -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 0})
    peer.say(peer.call(1, "Echo", b"a"))
    assert _sent(peer, 1) == 0
    peer.say(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 7}), peer.call(3, "Echo", b"abc"))
    assert (_sent(peer, 1), _sent(peer, 3)) == (6, 7)


def test_the_window_of_the_connection_is_shared() -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: BIG})
    peer.say(peer.call(1, "Fill", b"60000"), peer.call(3, "Fill", b"60000"), peer.call(5, "Fill", b"1"))
    assert _sent(peer, 1) + _sent(peer, 3) + _sent(peer, 5) == 65_535
    peer.say(frames.window_update(0, BIG - 65_535), *[frames.window_update(stream, 1) for stream in (1, 3, 5)])
    assert [len(outcome.messages[0]) for outcome in peer.outcomes().values()] == [60_000, 60_000, 1]
    assert {outcome.status for outcome in peer.outcomes().values()} == {OK}


@pytest.mark.parametrize("frame_bytes", [16_384, 20_000, 2**24 - 1])
def test_no_frame_is_larger_than_the_peer_takes(frame_bytes: int) -> None:
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: BIG, frames.SETTINGS_MAX_FRAME_SIZE: frame_bytes})
    peer.say(frames.window_update(0, 10**6), peer.call(1, "Fill", b"200000"))
    assert max(len(frame.payload) for frame in peer.of(frames.DATA)) <= frame_bytes
    assert peer.outcomes()[1] == Outcome([b"x" * 200_000], OK, None)


@settings(deadline=None)
@given(st.data())
def test_the_peers_windows_are_never_overrun(data: st.DataObject) -> None:
    initial = data.draw(st.integers(0, 300))
    peer = Peer().greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: initial})
    stream_ids = (1, 3, 5)
    sizes = {stream: data.draw(st.lists(st.integers(0, 200), max_size=4)) for stream in stream_ids}
    for stream, answers in sizes.items():
        peer.say(peer.call(stream, "Fill", *(b"%d" % size for size in answers)))
    granted = dict.fromkeys(stream_ids, 0)
    for _ in range(data.draw(st.integers(0, 8))):
        if data.draw(st.booleans()):
            initial = data.draw(st.integers(0, 300))
            before = {stream: _sent(peer, stream) for stream in stream_ids}
            peer.say(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: initial}))
            for stream in stream_ids:
                assert _sent(peer, stream) <= max(before[stream], initial + granted[stream])
        else:
            stream, more = data.draw(st.sampled_from(stream_ids)), data.draw(st.integers(1, 300))
            granted[stream] += more
            peer.say(frames.window_update(stream, more))
            assert _sent(peer, stream) <= max(300, initial) + granted[stream]
    peer.say(*[frames.window_update(stream, 10_000) for stream in stream_ids])
    outcomes = peer.outcomes()
    for stream, answers in sizes.items():
        assert [len(each) for each in outcomes[stream].messages] == answers
        assert outcomes[stream].status == OK


def test_window_is_given_back_for_what_was_read() -> None:
    peer = Peer(max_message_bytes=100_000).greet()
    peer.say(peer.headers(1, "Silent"))
    for _ in range(40):
        peer.say(peer.data(1, message(b"a" * 10_000)))
    given = [frames.read_u31(frame.payload) for frame in peer.of(frames.WINDOW_UPDATE) if frame.stream_id == 1]
    assert 400_000 - sum(given) < 165_536 // 2 + 16_384


def test_no_window_is_given_back_while_the_peer_does_not_take_its_answers() -> None:
    peer = Peer(max_message_bytes=100_000).greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    peer.say(peer.headers(1))
    for _ in range(20):
        peer.say(peer.data(1, message(b"a" * 10_000)))
    assert [frame for frame in peer.of(frames.WINDOW_UPDATE) if frame.stream_id == 1] == []
    peer.say(frames.window_update(1, BIG - 1000), frames.window_update(0, 10**6))
    assert len([frame for frame in peer.of(frames.WINDOW_UPDATE) if frame.stream_id == 1]) == 1


def _sent(peer: Peer, stream_id: int) -> int:
    return sum(len(frame.payload) for frame in peer.of(frames.DATA) if frame.stream_id == stream_id)
