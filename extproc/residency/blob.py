"""What some bytes are: text, a file that cannot be read here, or neither.

Told by the first bytes, as `file` does: a name or a media type that came with them is a claim of the sender's.
"""

from __future__ import annotations

from typing import NamedTuple

_NOT_TEXT = bytes((*range(9), *range(14, 27), *range(28, 32), 127))
_SAMPLE_BYTES = 512
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "encoding"),  # gzip
    (b"BZh", "encoding"),
    (b"\xfd7zXZ\x00", "encoding"),
    (b"\x28\xb5\x2f\xfd", "encoding"),  # Zstandard
    (b"7z\xbc\xaf\x27\x1c", "encoding"),
    (b"Rar!\x1a", "encoding"),
    (b"PK\x03\x04", "file"),  # ZIP, and so Office documents
    (b"%PDF", "file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file"),  # Office, before 2007
    (b"SQLite format 3\x00", "file"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"ID3", "audio"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"\xff\xfb", "audio"),
)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class Blob(NamedTuple):
    """`text` if the bytes are text; otherwise `media`, a word of `config.kinds.UNREAD`, or "" for bytes of no known kind."""

    text: str | None
    media: str


def read(raw: bytes) -> Blob:
    """What `raw` is."""
    text = _text(raw)
    return Blob(text, "") if text is not None else Blob(None, _media(raw))


def _text(raw: bytes) -> str | None:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if len(raw) >= 8 and raw[1:_SAMPLE_BYTES:2].count(0) * 10 > len(raw[1:_SAMPLE_BYTES:2]) * 9:
        return raw.decode("utf-16-le", "replace")
    sample = raw[:_SAMPLE_BYTES]
    if len(sample.translate(None, _NOT_TEXT)) != len(sample):
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        # Cut off within its last character, or Latin-1: mostly ASCII with single bytes beyond it.
        if error.start >= len(raw) - 3:
            return raw[: error.start].decode()
    beyond = sum(byte > 0x7F for byte in sample)
    return raw.decode("latin-1") if beyond * 8 <= len(sample) else None


def _media(raw: bytes) -> str:
    if raw[:4] == b"RIFF":
        return "image" if raw[8:12] == b"WEBP" else "audio"
    if raw[4:8] == b"ftyp":
        return "image" if raw[8:12] in (b"avif", b"heic", b"mif1") else "audio"
    if raw[:2] in _ZLIB and len(raw) > 64:
        return "encoding"
    return next((word for magic, word in _MAGIC if raw.startswith(magic)), "")
