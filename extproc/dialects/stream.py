"""Server-sent events on their way back, where we asked for usage and the caller did not.

A chat or completions stream with `include_usage` ends in one extra chunk that has no choices and all of the usage. The
caller did not ask for it, and clients that read `choices[0]` of every chunk break on it, so it is taken out again. With
the same option servers also write `"usage":null` into every other chunk. That stays: it harms nobody, and removing it
would mean rewriting every chunk.

Events end with a blank line; a line ends with LF, CRLF or CR (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

import json
import re

# Far above any usage chunk. A longer event is somebody's content, and holding it would delay the caller's tokens.
MAX_EVENT_BYTES = 64 * 1024

_LINE_END = rb"(?:\r\n?+|\n)"  # possessive, or a CRLF could be read as two line ends
_EVENT_END = re.compile(_LINE_END + _LINE_END)
_LINES = re.compile(_LINE_END)

_BLANK_LINES = (b"\n\n", b"\r\n\r\n")

# What the chunk we look for must contain. JSON may be broken over several data lines.
_CANDIDATE = re.compile(rb'"choices"(?:\s|data:)*:(?:\s|data:)*\[(?:\s|data:)*\]')


class UsageStrip:
    """Takes the one usage chunk out of a stream that is fed to it piece by piece, split anywhere.

    Whole events come out with the piece that completes them; only the beginning of an unfinished one is held back, at
    most `max_event_bytes` of it. All other bytes come out as they went in.
    """

    __slots__ = ("_dropped_at_cr", "_ended_at_cr", "_held", "_is_skipping", "_max_event_bytes", "has_stripped")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.has_stripped = False
        self._max_event_bytes = max_event_bytes
        self._held = b""  # the unfinished event; while skipping, the last byte of what was let through
        self._is_skipping = False  # inside an event too long to hold
        self._ended_at_cr = False  # an LF that comes next belongs to the event before it,
        self._dropped_at_cr = False  # and that event is gone

    def feed(self, piece: bytes, end: bool = False) -> bytes:
        """What may go on to the caller now. `end` says that nothing comes after `piece`."""
        passed = b""
        if self._ended_at_cr and piece:
            passed, piece = self._finish_cr(piece)
        if self.has_stripped:
            return passed + piece if passed else piece
        if self._is_skipping:
            skipped, piece = self._skip(piece)
            passed += skipped
        if not self._is_skipping:
            passed += self._take_events(piece)
            if end:
                passed += self._take_rest()
            elif len(self._held) > self._max_event_bytes:
                passed += self._held
                self._held = self._held[-1:]
                self._is_skipping = True
        return passed

    def _finish_cr(self, piece: bytes) -> tuple[bytes, bytes]:
        """What goes on of an LF whose CR was the last byte of the piece before, and the rest of the piece."""
        self._ended_at_cr = False
        if piece[:1] != b"\n":
            return b"", piece
        return b"" if self._dropped_at_cr else b"\n", piece[1:]

    def _skip(self, piece: bytes) -> tuple[bytes, bytes]:
        """The rest of an event that is too long, as far as it is here, and what follows it."""
        window = self._held + piece
        ended = _EVENT_END.search(window)
        if ended is None:
            self._held = window[-1:]
            return piece, b""
        cut = ended.end() - len(self._held)
        self._held = b""
        self._is_skipping = False
        self._ended_at_cr = cut == len(piece) and piece.endswith(b"\r")
        return piece[:cut], piece[cut:]

    def _take_events(self, piece: bytes) -> bytes:
        """The events that `piece` completes, less the usage chunk; what it begins is held."""
        if not piece:
            return b""
        window = self._held + piece
        if window.endswith(_BLANK_LINES) and not _CANDIDATE.search(window):  # nearly every piece of nearly every stream
            self._held = b""
            return window
        # One byte back: a line end that was held may be the first half of a blank line.
        ends = [ended.end() for ended in _EVENT_END.finditer(window, max(0, len(self._held) - 1))]
        if not ends:
            self._held = window
            return b""
        self._held = window[ends[-1] :]
        self._ended_at_cr = not self._held and window.endswith(b"\r")
        whole = window[: ends[-1]]
        return self._without_usage(window, ends) if _CANDIDATE.search(whole) else whole

    def _without_usage(self, window: bytes, ends: list[int]) -> bytes:
        start = 0
        for end in ends:
            event = window[start:end]
            if self._is_usage(event):
                self.has_stripped = True
                self._dropped_at_cr = self._ended_at_cr and end == ends[-1]
                self._held = b""
                return window[: start + _blank_bytes(event)] + window[end:]
            start = end
        return window[:start]

    def _take_rest(self) -> bytes:
        """What is held when the stream ends. Some clients take an event without its blank line, so it may be the one."""
        rest, self._held = self._held, b""
        if _CANDIDATE.search(rest) and self._is_usage(rest):
            self.has_stripped = True
            return rest[: _blank_bytes(rest)]
        return rest

    def _is_usage(self, event: bytes) -> bool:
        if len(event) > self._max_event_bytes:
            return False
        # A field's value begins after the colon and one optional space.
        data = [line[5:].removeprefix(b" ") for line in _LINES.split(event) if line.startswith(b"data:")]
        try:
            chunk = json.loads(b"\n".join(data).decode())
        except (ValueError, RecursionError):
            return False
        return isinstance(chunk, dict) and chunk.get("choices") == [] and chunk.get("usage") is not None


def _blank_bytes(event: bytes) -> int:
    """How many bytes of blank lines stand before the event; they are not part of it."""
    return len(event) - len(event.lstrip(b"\r\n"))
