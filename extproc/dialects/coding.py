"""From the bytes of a body to its text: content-encoding undone, within bounds, and UTF-8 decoded."""

from __future__ import annotations

import zlib

from extproc.dialects.refusal import Refusal

_IDENTITY = ("", "identity")
_GZIP = ("gzip", "x-gzip")
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def is_identity(content_encoding: str) -> bool:
    """Whether this content-encoding leaves the body as it is."""
    return content_encoding.strip().lower() in _IDENTITY


def decompress(raw: bytes, content_encoding: str, max_body_bytes: int) -> bytes | Refusal:
    """The body without its content-encoding: at most `max_body_bytes`, however much is packed into it."""
    coding = content_encoding.strip().lower()
    if coding in _IDENTITY:
        return raw if len(raw) <= max_body_bytes else too_large(max_body_bytes)
    if len(raw) > max_body_bytes:
        return too_large(max_body_bytes)
    if coding in _GZIP:
        return _inflate(raw, _GZIP_WINDOW, max_body_bytes)
    if coding == "deflate":
        # The standard means zlib's format by this name; some clients send the bare stream inside it.
        is_zlib = len(raw) >= 2 and raw[0] & 0x0F == zlib.DEFLATED and (raw[0] << 8 | raw[1]) % 31 == 0
        return _inflate(raw, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, max_body_bytes)
    return Refusal(
        415,
        "request_body_encoding_unsupported",
        "This content-encoding of the request body is not supported. Send the body as it is, or with gzip or deflate.",
    )


def too_large(max_body_bytes: int) -> Refusal:
    """The answer to a body of more than `max_body_bytes`."""
    return Refusal(413, "request_too_large", f"The request body is larger than {max_body_bytes} bytes.")


def _inflate(packed: bytes, window_bits: int, max_body_bytes: int) -> bytes | Refusal:
    inflater = zlib.decompressobj(window_bits)
    try:
        body = inflater.decompress(packed, max_body_bytes + 1)
    except zlib.error:
        return _broken("does not decompress")
    if len(body) > max_body_bytes:
        return Refusal(
            413, "request_body_too_large_after_decoding", f"The request body is larger than {max_body_bytes} bytes once decompressed."
        )
    if not inflater.eof:
        return _broken("ends too early")
    if inflater.unused_data:
        # A second gzip member is legal, but no client sends one, and a chain of millions of empty ones is an attack.
        return _broken("is followed by other data")
    return body


def _broken(why: str) -> Refusal:
    return Refusal(400, "request_body_encoding_invalid", f"The compressed request body {why}.")
