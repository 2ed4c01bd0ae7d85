"""Header blocks, held against the full decoder."""

from __future__ import annotations

import os
from collections.abc import Mapping

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.server import frames
from extproc.server.frames import BrokenError
from extproc.server.header import HeaderReader, read_stateless
from tests.server.peer import Peer

FIELDS = [(":method", "POST"), (":path", "/a.B/C"), (":authority", "tiermesh"), ("content-type", "application/grpc"), ("te", "trailers")]
UPDATE_TO_0 = b"\x20"

_octets = st.binary(max_size=30) | st.binary(min_size=100, max_size=300)
_names = st.sampled_from([b":path", b"content-type", b"accept", b"te", b"x-a", b"x-b"]) | _octets
_pairs = st.lists(st.tuples(_names, _octets), max_size=8)


def encoder(table_bytes: int = 0) -> hpack.Encoder:
    """An encoder that has already told of its table."""
    made = hpack.Encoder()
    made.header_table_size = table_bytes
    made.encode([])
    made.table_size_changes = []
    return made


def full(block: bytes) -> Mapping[str, str] | None:
    """What the full decoder reads, for a table of 0; None where it fails."""
    decoder = hpack.Decoder()
    decoder.header_table_size = 0
    decoder.max_allowed_table_size = 0
    try:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in decoder.decode(block, raw=True)}
    except hpack.HPACKError:
        return None


@given(_pairs, st.booleans())
def test_what_an_encoder_without_a_table_writes_is_read_without_the_full_decoder(pairs: list[tuple[bytes, bytes]], huffman: bool) -> None:
    block = encoder().encode(pairs, huffman=huffman)
    expected = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
    assert read_stateless(block) == (expected if len(block) <= 2048 else None)


@settings(max_examples=400)
@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"\x82", b"\x0f\x10\x01a", b"\x40\x81\x1f\x01b", b"\x7f\x00\x7f\x01"]), max_size=6)
)
def test_of_any_bytes_it_reads_what_the_full_decoder_reads_or_leaves_them_to_it(parts: list[bytes]) -> None:
    block = b"".join(parts)
    read = read_stateless(block)
    assert read is None or read == full(block)


def test_values_are_octets_and_none_is_refused() -> None:
    pairs = [(b"tracestate", bytes(range(1, 256)))]
    for reader in (HeaderReader(), stateless_reader()):
        for huffman in (True, False):
            read = reader.read(encoder().encode(pairs, huffman=huffman))
            assert read["tracestate"].encode("latin-1") == bytes(range(1, 256))


def stateless_reader() -> HeaderReader:
    reader = HeaderReader()
    reader.acknowledged()
    reader.read(UPDATE_TO_0)
    return reader


def test_a_block_that_comes_again_is_not_read_again() -> None:
    reader, block = stateless_reader(), encoder().encode(FIELDS)
    assert reader.read(block) is reader.read(block)
    assert dict(reader.read(block)) == dict(FIELDS)


def test_while_the_peer_has_a_table_every_block_is_read() -> None:
    """The same bytes mean different fields before and after another entry: the newest has index 62."""
    reader = HeaderReader()
    writer = hpack.Encoder()
    assert dict(reader.read(writer.encode([("x-a", "1")]))) == {"x-a": "1"}
    newest = b"\xbe"
    assert dict(reader.read(newest)) == {"x-a": "1"}
    reader.read(writer.encode([("x-b", "2")]))
    assert dict(reader.read(newest)) == {"x-b": "2"}


def test_a_table_that_comes_back_before_the_acknowledgement_forgets_what_was_remembered() -> None:
    reader = HeaderReader()
    reader.read(UPDATE_TO_0)
    block = b"\x40\x03x-a\x011"  # a literal that goes into the table, where there is one
    assert reader.read(block) is reader.read(block)
    reader.read(b"\x3f\xe1\x1f")  # 4096
    reader.read(block)
    assert dict(reader.read(b"\xbe")) == {"x-a": "1"}


def test_after_the_acknowledgement_a_peer_must_give_its_table_up() -> None:
    reader = HeaderReader()
    reader.read(hpack.Encoder().encode(FIELDS))
    reader.acknowledged()
    with pytest.raises(BrokenError) as broken:
        reader.read(hpack.Encoder().encode(FIELDS))
    assert broken.value.error == frames.COMPRESSION_ERROR


@pytest.mark.parametrize("is_told", [False, True])
def test_blocks_sent_before_our_settings_arrive_use_the_usual_table(is_told: bool) -> None:
    peer = Peer()
    peer.say(frames.PREFACE, frames.settings({}))
    for stream_id in (1, 3):  # the second block refers to entries of the first
        peer.say(peer.call(stream_id, "Echo", b"a"))
    peer.encoder.header_table_size = 0
    if is_told:
        peer.say(frames.frame(frames.SETTINGS, frames.ACK, 0))
    for stream_id in (5, 7, 9):
        peer.say(peer.call(stream_id, "Echo", b"a"))
    assert peer.goaway is None
    assert [dict(call.metadata) == dict(peer.service.calls[0].metadata) for call in peer.service.calls] == [True] * 5


def test_traced_blocks_and_long_ones_do_not_fill_the_memory() -> None:
    reader, writer = stateless_reader(), encoder()
    block = writer.encode(FIELDS)
    first = reader.read(block)
    for _ in range(600):
        traced = [*FIELDS, ("traceparent", f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01")]
        assert dict(reader.read(writer.encode(traced))) == dict(traced)
    reader.read(writer.encode([("x-long", "v" * 5000)], huffman=False))
    assert len(reader._known) == 2  # the plain block, and the change of the table
    for number in range(600):
        reader.read(writer.encode([("x-number", str(number))]))
        assert len(reader._known) <= 256
    assert dict(reader.read(block)) == dict(first)


@pytest.mark.parametrize(
    "block", [b"\x80", b"\xff\xff\xff\xff\xff\xff", b"\x00", b"\x00\x05ab", b"\x00\x01a\x7f\xff\xff\xff", b"\x00\x81\xff\x00"]
)
def test_a_block_that_is_no_block_breaks_the_connection(block: bytes) -> None:
    for reader in (HeaderReader(), stateless_reader()):
        with pytest.raises(BrokenError):
            reader.read(block)


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=300), st.text(max_size=300))
def test_our_own_blocks_are_read_by_the_full_decoder_and_announce_no_table(value: str, said: str) -> None:
    decoder = hpack.Decoder()
    assert decoder.decode(frames.literal("x-name", value)) == [("x-name", value)]
    decoder.max_allowed_table_size = 0  # a peer whose settings leave us no table
    assert decoder.decode(frames.RESPONSE_HEADERS) == [(":status", "200"), ("content-type", "application/grpc")]
    fields = dict(decoder.decode(frames.trailers(13, said)))
    assert fields["grpc-status"] == "13"
    assert all(" " <= character <= "~" for character in fields.get("grpc-message", ""))
