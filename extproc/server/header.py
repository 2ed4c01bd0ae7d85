"""Header blocks of one connection, read into mappings of names to values.

We announce a dynamic table of 0. Once the peer has adopted that, a block means the same whenever it comes again, so the
reading of whole blocks is remembered: Envoy sends the same one for every request. Where it traces, each block holds a
`traceparent` of its own; those are read by `read_stateless`, which is several times as fast as the full decoder because
it has no table to keep and remembers strings it has seen.

Values are octets: each becomes the character of that number (latin-1), so none is lost and none can fail to decode.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from hpack import Decoder, HPACKError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from extproc.server import frames

MAX_BLOCK_BYTES = 64 * 1024
_MAX_REMEMBERED_BLOCKS = 256
_MAX_REMEMBERED_BLOCK_BYTES = 2048
_MAX_REMEMBERED_STRINGS = 1024
_MAX_REMEMBERED_STRING_BYTES = 128
_TRACE_HEADER = "traceparent"

_STATIC = ((), *((name.decode("latin-1"), value.decode("latin-1")) for name, value in HeaderTable.STATIC_TABLE))


class HeaderReader:
    """Reads the header blocks of one peer, in the order in which they came."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_BLOCK_BYTES)
        self._known: dict[bytes, Mapping[str, str]] = {}  # empty while the peer has a dynamic table

    def acknowledged(self) -> None:
        """The peer has read our settings: from here on it may not use a dynamic table."""
        self._decoder.max_allowed_table_size = 0

    def read(self, block: bytes) -> Mapping[str, str]:
        """The fields of the block; of a repeated name the last. Raises BrokenError (RFC 9113, 4.3: nothing can be read after that)."""
        known = self._known.get(block)
        return known if known is not None else self._read_new(block)

    def _read_new(self, block: bytes) -> Mapping[str, str]:
        table = self._decoder.header_table
        fields = read_stateless(block) if table.maxsize == 0 else None
        if fields is None:
            try:
                pairs = self._decoder.decode(block, raw=True)
            except HPACKError as error:
                raise frames.BrokenError(frames.COMPRESSION_ERROR) from error
            fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        if table.maxsize != 0:
            self._known.clear()  # blocks may depend on those before them, or be depended on
        elif _TRACE_HEADER not in fields and len(block) <= _MAX_REMEMBERED_BLOCK_BYTES:
            if len(self._known) >= _MAX_REMEMBERED_BLOCKS:
                self._known.clear()
            self._known[block] = fields
        return fields


def read_stateless(block: bytes) -> dict[str, str] | None:
    """The fields of a block for a dynamic table of 0; None where the full decoder has to look: at errors, and at what is rare."""
    fields: dict[str, str] = {}
    position, size = 0, len(block)
    if size > _MAX_REMEMBERED_BLOCK_BYTES:
        return None
    try:
        while position < size:
            first = block[position]
            position += 1
            if first & 0x80:  # an indexed field (RFC 7541, 6.1)
                name, value = _STATIC[first & 0x7F]
                fields[name] = value
                continue
            # A literal: with indexing, which a table of 0 makes the same as without (6.2); 001xxxxx changes the table (6.3).
            mask = 0x3F if first & 0x40 else 0x0F
            if not first & 0x40 and first & 0x20:
                return None
            index = first & mask
            if index == mask:
                if block[position] & 0x80:
                    return None
                index += block[position]
                position += 1
            if index:
                name = _STATIC[index][0]
            else:
                name, position = _read_string(block, position)
            fields[name], position = _read_string(block, position)
    except (IndexError, ValueError, HPACKError):
        return None
    return fields


def _read_string(block: bytes, position: int) -> tuple[str, int]:
    """A string (RFC 7541, 5.2) and where it ends. Raises IndexError, ValueError or HPACKError where the full decoder has to look."""
    first = block[position]
    length = first & 0x7F
    position += 1
    if length == 0x7F:
        low, high = block[position], block[position + 1] if block[position] & 0x80 else 0
        if high & 0x80:
            raise ValueError(length)
        length += (low & 0x7F) + (high << 7)
        position += 2 if low & 0x80 else 1
    end = position + length
    if end > len(block):
        raise IndexError(end)
    data = block[position:end]
    if not first & 0x80:
        return data.decode("latin-1"), end
    return (_remembered if length <= _MAX_REMEMBERED_STRING_BYTES else _plain)(data), end


def _plain(data: bytes) -> str:
    return bytes(decode_huffman(data)).decode("latin-1")


_remembered = lru_cache(_MAX_REMEMBERED_STRINGS)(_plain)
