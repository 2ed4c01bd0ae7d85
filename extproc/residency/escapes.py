"""Escapes undone: backslashes (JSON, Python, C), percent (RFC 3986), HTML's references, quoted-printable (RFC 2045), spelling.

Each decoder does nothing to text without its escape. Those that may be nested in themselves (`\\\\\\"`, `%2540`, `&amp;#64;`) undo all
their layers at once.
"""

from __future__ import annotations

import html
import re
from binascii import a2b_qp
from collections.abc import Callable, Collection
from urllib.parse import unquote_to_bytes

_MAX_ROUNDS = 4

_SIMPLE = ((b'\\"', b'"'), (b"\\n", b"\n"), (b"\\/", b"/"), (b"\\t", b"\t"), (b"\\r", b"\n"), (b"\\'", b"'"))
_UTF16 = re.compile(rb"(?:\\u[0-9a-fA-F]{4})+")
_CODE_POINT = re.compile(rb"\\(?:u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8}))")
_BYTES = re.compile(rb"(?:\\x[0-9a-fA-F]{2})+")
_TAG = re.compile(rb"<!--.{0,80}?-->|</?[a-zA-Z][^<>]{0,80}>")
_CONTROLS = bytes((*range(9), *range(14, 32), 127))

# Single characters with one separator between all of them, at least seven: `j o h n @`, `4-1-1-1`.
_SPELLED = re.compile(rb"(?<![\w@])[\w@.+-]([ ._|,*/\n\t-])[ \n]?[\w@.+-](?:\1[ \n]{0,2}[\w@.+-](?![\w@])){5,}")

# What says that words may be spelled, and, below, what says that a decoder has something to do, as Hyperscan looks for it.
SPELLING = r"(?:^|[^a-z0-9@])(?:[a-z0-9@.+_-][ ._|,*/\n\t-][ \n]{0,2}){6}[a-z0-9@]"
TRIGGERS = (
    (r"\\(?:[\"'/nrt]|u[0-9a-f]{4}|u\{[0-9a-f]|x[0-9a-f]{2})", "backslash"),
    (r"%[0-9a-f]{2}", "percent"),
    (r"&(?:#x?[0-9a-f]{2}|[a-z]{2,8};)", "reference"),
    # `status=404` is none: figures follow only between figures.
    (r"=(?:3d|40|20|2e|2d)[a-z=\r\n]|[0-9]=2[0de][0-9]|=[c-f][0-9a-f]=[89ab]|[^=\s]=\r?\n", "quoted"),
    (r"[a-z0-9@](?:</?[a-z]{1,6}>|<!--[^>]{0,40}-->)[a-z0-9@]", "tag"),
    (r"[\x00-\x08\x0e-\x1f\x7f]", "control"),
)


def unescaped(data: bytes, which: Collection[str]) -> str | None:
    """`data` with the escapes of the kinds `which` undone; None if that changes nothing."""
    decoded = data
    for name, decode in _DECODERS.items():
        if name in which:
            decoded = decode(decoded)
    return None if decoded == data else decoded.decode(errors="ignore")


def _backslash(data: bytes) -> bytes:
    while b"\\\\" in data:
        data = data.replace(b"\\\\", b"\\")
    if b"\\u" in data or b"\\U" in data:
        data = _CODE_POINT.sub(_code_point, _UTF16.sub(_utf16, data))
    if b"\\x" in data:
        data = _BYTES.sub(_hex_bytes, data)
    for escape, char in _SIMPLE:
        data = data.replace(escape, char)
    return data


def _utf16(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"\\u", b"").decode()).decode("utf-16-be", "replace").encode(errors="replace")


def _code_point(match: re.Match[bytes]) -> bytes:
    code = int(match[1] or match[2], 16)
    return chr(code).encode(errors="replace") if code < 0x110000 else match[0]


def _hex_bytes(match: re.Match[bytes]) -> bytes:
    # `\xe9` is a character to some languages and half of one to others.
    raw = bytes.fromhex(match[0].replace(b"\\x", b"").decode())
    try:
        return raw.decode().encode()
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode()


def _percent(data: bytes) -> bytes:
    return _repeated(unquote_to_bytes, data)


def _reference(data: bytes) -> bytes:
    return _repeated(lambda raw: html.unescape(raw.decode(errors="replace")).encode(errors="replace"), data)


def _repeated(decode: Callable[[bytes], bytes], data: bytes) -> bytes:
    for _ in range(_MAX_ROUNDS):
        decoded = decode(data)
        if decoded == data:
            break
        data = decoded
    return data


def _tag(data: bytes) -> bytes:
    return _TAG.sub(b"", data)


def _control(data: bytes) -> bytes:
    return data.translate(None, _CONTROLS)


def _spelled(data: bytes) -> bytes:
    return _SPELLED.sub(_joined, data)


def _joined(match: re.Match[bytes]) -> bytes:
    mark = match[1]
    if mark != b" ":
        return re.sub(re.escape(mark) + rb"[ \n]*(?=.)", b"", match[0], flags=re.DOTALL)
    # More than one space between letters that have one is the end of a word.
    return b" ".join(word.replace(b" ", b"") for word in re.split(rb" [ \n]+", match[0]))


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "control": _control,
    "backslash": _backslash,
    "quoted": a2b_qp,
    "percent": _percent,
    "reference": _reference,
    "tag": _tag,
    "spelled": _spelled,
}
ESCAPES = frozenset(_DECODERS) - {"spelled"}
SPELLED = frozenset(("spelled",))
