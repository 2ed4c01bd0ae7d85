"""A request's body with some members set, and not a byte changed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from extproc.dialects import scan
from extproc.dialects.view import Request


def edit(request: Request, members: Mapping[str, str | None]) -> bytes:
    """The body with each top-level member set to the given JSON text, or removed where that is None.

    Absent members are added at the end. With no edits, and if it did not come compressed, the body is what came.
    """
    pieces: list[bytes] = []
    at = 0
    for start, end, text in scan.cuts(request.source, request.spans, members):
        # A lone surrogate cannot be encoded, but written as Python escapes it (\\ud800) it is the JSON escape for itself.
        pieces += request.body[at : _byte_offset(request, start)], text.encode(errors="backslashreplace")
        at = _byte_offset(request, end)
    return b"".join((*pieces, request.body[at:])) if pieces else request.body


def _byte_offset(request: Request, char_offset: int) -> int:
    """Where in the body the character at `char_offset` of the text starts.

    Counted from the nearer end: edits are made beside the messages, and messages, which may be megabytes, never encoded.
    """
    source = request.source
    if source.isascii():
        return char_offset
    if 2 * char_offset < len(source):
        return len(source[:char_offset].encode())
    return len(request.body) - len(source[char_offset:].encode())


def usage_asked(request: Request) -> str:
    """The JSON text of `stream_options` with `include_usage` true and its other members as they are.

    A `stream_options` that is neither an object nor null is returned as it is: its error is the backend's to report.
    """
    options = request.members.get("stream_options")
    if options is None:
        return '{"include_usage":true}'
    start, end = request.spans["stream_options"]
    text = request.source[start:end]
    if not isinstance(options, dict):
        return text
    _, spans = scan.read_object(text)
    return scan.splice(text, spans, {"include_usage": "true"})
