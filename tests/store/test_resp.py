"""Commands and replies survive the way, however they are cut; nonsense is found out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.store.resp import ProtocolBrokenError, ReplyError, pack, parse

REPLIES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)


def written(reply: Any) -> bytes:
    match reply:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
    return b"*%d\r\n%b" % (len(reply), b"".join(map(written, reply)))


@given(REPLIES, st.binary(max_size=5))
def test_a_reply_is_read_as_written_and_no_further(reply: Any, rest: bytes) -> None:
    data = written(reply)
    assert parse(b"xyz" + data + rest, 3) == (reply, 3 + len(data))


@given(REPLIES)
def test_a_reply_cut_off_anywhere_is_not_read_yet(reply: Any) -> None:
    data = written(reply)
    assert [parse(data[:cut], 0) for cut in range(len(data))] == [None] * len(data)


@given(st.lists(st.text(max_size=20) | st.binary(max_size=20) | st.integers(), min_size=1, max_size=8))
def test_a_command_is_an_array_of_its_arguments_as_bytes(arguments: list[str | bytes | int]) -> None:
    as_bytes = [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]
    packed = pack(arguments)
    assert parse(packed, 0) == (as_bytes, len(packed))


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"+OK\r\n", b"OK"),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"-READONLY You can't write.\r\n", ReplyError("READONLY", "You can't write.")),
        (b"-ERR\r\n", ReplyError("ERR", "")),
        (b"*2\r\n-NOPERM no\r\n:1\r\n", [ReplyError("NOPERM", "no"), 1]),
    ],
)
def test_other_kinds_of_reply(data: bytes, reply: Any) -> None:
    assert parse(data, 0) == (reply, len(data))


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\n", b":one\r\n", b"$3\r\nabcde\r\n", b"$x\r\n", b"*1\r\n?\r\n", b"_\r\n", b"+" + b"x" * 70_000]
)
def test_what_is_no_reply_is_found_out(data: bytes) -> None:
    with pytest.raises(ProtocolBrokenError):
        parse(data, 0)


@given(st.binary(max_size=30))
def test_nonsense_never_raises_anything_else(data: bytes) -> None:
    try:
        parse(data, 0)
    except (ProtocolBrokenError, IndexError):
        return
