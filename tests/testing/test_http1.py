"""However the bytes are cut, the same messages come out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.testing.http1 import Body, MalformedError, RequestReader


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def chunked(parts: list[bytes]) -> bytes:
    return b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\ntrailer: 1\r\n\r\n"


cuts = st.lists(st.integers(0, 10_000), max_size=12)
parts = st.lists(st.binary(max_size=40), max_size=5)


@given(parts, cuts, st.booleans())
def test_requests_survive_any_cut(parts: list[bytes], cuts: list[int], is_chunked: bool) -> None:
    body = b"".join(parts)
    framed = chunked(parts) if is_chunked else body
    length = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(body)
    message = b"POST /v1/x?y=1 HTTP/1.1\r\nA: 1\r\na: 2\r\n" + length + b"\r\n\r\n" + framed
    reader = RequestReader()
    arrivals = []
    for piece in pieces(message * 2, cuts):
        arrival = reader.feed(piece)
        while arrival is not None:
            arrivals.append(arrival)
            arrival = reader.feed(b"")
    assert [(each.method, each.path, each.headers["a"], each.body) for each in arrivals] == [("POST", "/v1/x?y=1", "1, 2", body)] * 2


@given(parts, cuts, st.binary(max_size=5))
def test_what_follows_a_body_is_given_back(parts: list[bytes], cuts: list[int], rest: bytes) -> None:
    body = Body(None)
    given_back = b"".join(piece if body.is_complete else body.feed(piece) for piece in pieces(chunked(parts) + rest, cuts))
    assert (bytes(body.payload), body.is_complete, given_back) == (b"".join(parts), True, rest)


@pytest.mark.parametrize("framed", [b"zz\r\n", b"1" * 2000])
def test_a_broken_chunk_is_malformed(framed: bytes) -> None:
    with pytest.raises(MalformedError):
        Body(None).feed(framed)


def test_an_endless_head_is_malformed() -> None:
    with pytest.raises(MalformedError):
        RequestReader().feed(b"x" * 300_000)
