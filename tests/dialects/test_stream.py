"""The usage chunk taken out of a stream: that one event, and not a byte else, however the stream is cut up."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.dialects import UsageStrip

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

CHUNK = b'{"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":null}'
USAGE = b'{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
DONE = b"[DONE]"


def strip(pieces: list[bytes], max_event_bytes: int = 64 * 1024) -> bytes:
    filter_ = UsageStrip(max_event_bytes)
    return b"".join(filter_.feed(piece, end=index == len(pieces) - 1) for index, piece in enumerate(pieces))


def events(*blocks: bytes, line_end: bytes = b"\n", prefix: bytes = b"data: ") -> bytes:
    return b"".join(prefix + block + 2 * line_end for block in blocks)


LINE_ENDS = [b"\n", b"\r\n", b"\r"]

# name: (stream, what is left of it)
STREAMS: dict[str, tuple[bytes, bytes]] = {
    **{
        f"line end {line_end!r}, prefix {prefix!r}": (
            events(CHUNK, CHUNK, USAGE, DONE, line_end=line_end, prefix=prefix),
            events(CHUNK, CHUNK, DONE, line_end=line_end, prefix=prefix),
        )
        for line_end, prefix in itertools.product(LINE_ENDS, [b"data: ", b"data:", b"data:  "])
    },
    "mixed line ends": (
        b"data: " + CHUNK + b"\n\r\ndata: " + USAGE + b"\r\n\ndata: [DONE]\r\r",
        b"data: " + CHUNK + b"\n\r\ndata: [DONE]\r\r",
    ),
    "a comment and an id around it": (b": ping\n\nid: 1\ndata: " + USAGE + b"\nretry: 5\n\n: ping\n\n", b": ping\n\n: ping\n\n"),
    "blank lines before it are not part of it": (
        b"data: 1\n\n\n" + b"data: " + USAGE + b"\n\n\n\ndata: 2\n\n",
        b"data: 1\n\n\n\n\ndata: 2\n\n",
    ),
    "blank lines before it, CR": (b"data: 1\r\r\rdata: " + USAGE + b"\r\r\rdata: 2\r\r", b"data: 1\r\r\r\rdata: 2\r\r"),
    "data over several lines": (b'data: {"choices":\ndata: [\ndata:],\ndata: "usage":{"a":1}}\n\ndata: x\n\n', b"data: x\n\n"),
    "white space in the JSON": (b'data: { "usage" : {"a": 1}, "choices" :\t[ ] }\n\n', b""),
    "no blank line at the end": (events(CHUNK) + b"data: " + USAGE, events(CHUNK)),
    "one line end at the end": (events(CHUNK) + b"data: " + USAGE + b"\r\n", events(CHUNK)),
    "alone": (events(USAGE), b""),
    "only the first of two": (events(USAGE, USAGE), events(USAGE)),
}
KEPT: dict[str, bytes] = {
    "nothing": b"",
    "no usage chunk": events(CHUNK, DONE),
    "usage null": events(b'{"choices":[],"usage":null}'),
    "no usage member, as a content filter's first chunk": events(b'{"choices":[],"prompt_filter_results":[]}'),
    "usage beside choices": events(b'{"choices":[{"index":0,"delta":{}}],"usage":{"a":1}}'),
    "choices that are no list": events(b'{"choices":null,"usage":{"a":1}}', b'{"choices":{},"usage":{"a":1}}'),
    "an error": events(b'{"error":{"message":"x"}}'),
    "not JSON": events(b'"choices":[] usage', b'{"choices":[],"usage":{}', b"\xff" + USAGE),
    "the chunk quoted in content": events(json.dumps({"choices": [{"delta": {"content": USAGE.decode()}}]}).encode()),
    "the chunk in an array": events(b"[" + USAGE + b"]"),
    "another field": events(USAGE, prefix=b"event: ") + events(USAGE, prefix=b": ") + events(USAGE, prefix=b"Data: "),
    "two chunks in one event": b"data: " + USAGE + b"\ndata: " + USAGE + b"\n\n",
    "deep nesting": events(b'{"choices":[],"usage":' + b"[" * 3000 + b"]" * 3000 + b"}"),
    "not a stream at all": b'{"choices":[],"usage":{"prompt_tokens":1}}',
    "only line ends": b"\n\r\n\r\r\n\n",
}
CASES = STREAMS | {name: (stream, stream) for name, stream in KEPT.items()}


@pytest.mark.parametrize(("stream", "left"), CASES.values(), ids=CASES.keys())
def test_a_stream_comes_out_without_the_usage_chunk(stream: bytes, left: bytes) -> None:
    assert strip([stream]) == left


@pytest.mark.parametrize(("stream", "left"), [case for case in CASES.values() if len(case[0]) < 2000])
def test_it_does_not_matter_where_a_stream_is_cut(stream: bytes, left: bytes) -> None:
    for cut in range(len(stream) + 1):
        assert strip([stream[:cut], stream[cut:]]) == left
        assert strip([stream[:cut], stream[cut:], b""]) == left
    assert strip([bytes([byte]) for byte in stream] or [b""]) == left


pieces_of_streams = st.sampled_from(
    [CHUNK, USAGE, DONE, b"data:", b"data: ", b"\n", b"\r\n", b"\r", b"\n\n", b": x", b"id: 1", b" ", b"z" * 50]
)


@on_a_busy_machine
@given(st.lists(pieces_of_streams, max_size=14), st.lists(st.integers(0, 400), max_size=6), st.sampled_from([20, 150, 1000]))
def test_any_cut_of_any_stream_gives_the_same_and_only_drops_one_event(parts: list[bytes], cuts: list[int], cap: int) -> None:
    stream = b"".join(parts)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    whole = strip([stream], cap)
    assert strip([stream[a:b] for a, b in itertools.pairwise(bounds)], cap) == whole
    assert strip([bytes([byte]) for byte in stream] or [b""], cap) == whole
    gone = len(stream) - len(whole)
    if gone:
        assert USAGE in stream
        assert any(stream[:at] + stream[at + gone :] == whole and USAGE in stream[at : at + gone] for at in range(len(stream) - gone + 1))


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_whole_events_are_passed_on_at_once(line_end: bytes) -> None:
    filter_ = UsageStrip()
    event = events(CHUNK, line_end=line_end)
    for _ in range(3):
        assert filter_.feed(event) == event
    assert filter_.feed(event + event[:20]) == event
    assert filter_.feed(event[20:]) == event
    assert not filter_.has_stripped
    assert filter_.feed(events(USAGE, line_end=line_end)) == b""
    assert filter_.has_stripped
    assert filter_.feed(b"anything") == b"anything"


def test_the_last_byte_of_an_events_end_is_passed_on_at_once_too() -> None:
    for cap in (1000, 20):  # held whole, and skipped over
        filter_ = UsageStrip(cap)
        event = events(CHUNK, line_end=b"\r\n")
        passed = filter_.feed(event[:30]) + filter_.feed(event[30:-1])
        assert passed == event[:-1]
        assert filter_.feed(event[-1:]) == b"\n"


def test_an_event_over_the_cap_is_passed_through_unread_and_the_next_one_is_read() -> None:
    for line_end in LINE_ENDS:
        long = events(b'{"choices":[],"usage":{"a":"' + b"x" * 300 + b'"}}', line_end=line_end)
        stream = long + events(USAGE, DONE, line_end=line_end)
        for size in (1, 7, 100, 1000):
            cut = [stream[at : at + size] for at in range(0, len(stream), size)]
            assert strip(cut, max_event_bytes=200) == long + events(DONE, line_end=line_end)


def test_no_more_than_the_cap_is_held_back() -> None:
    filter_ = UsageStrip(max_event_bytes=100)
    passed = 0
    for fed in range(1, 1001):
        passed += len(filter_.feed(b"x"))
        assert fed - passed <= 100
    assert len(filter_.feed(b"", end=True)) + passed == 1000
