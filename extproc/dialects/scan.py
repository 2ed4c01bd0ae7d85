"""JSON text walked member by member, so that it can be edited without being written anew.

The walk over an object's own members is done here, on the decoded text; each value is handed whole to the standard
library's C scanner, which says where it ends. What is known afterwards is the parsed value and its place in the text,
and an edit is a splice at that place: whitespace, key order, escapes and the spelling of numbers survive.

Stricter than `json.loads`, because whatever two parsers read differently can be smuggled past one of them: no object at
any depth has the same key twice, no NaN or Infinity, no nesting beyond `MAX_DEPTH`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Schemas and messages stay far below 128 levels. A fixed bound, rather than the interpreter's own, makes the answer the
# same however deep the caller's stack is, and lets everyone else recurse over parsed values without fear.
MAX_DEPTH = 128

# A short key in an object takes thirty times its text in memory. Real bodies are large because their strings are long, not
# because they have many; the largest batch of token numbers OpenAI embeds is 300,000.
MAX_VALUES = 500_000

_KEY = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_QUOTE = re.compile(r'[ \t\n\r]*(?=")')
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_NEXT = re.compile(r"[ \t\n\r]*([,}])")
_OPEN = re.compile(r"[ \t\n\r]*\{")
_SPACE = re.compile(r"[ \t\n\r]*")


def _all_but(kept: bytes) -> bytes:
    return bytes(set(range(256)) - set(kept))


_NOT_OPENING = _all_but(b"{[")
_NOT_BRACKET = _all_but(b'{}[]"')
_NOT_BEFORE_VALUE = _all_but(b'{[,"')
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_STRING = re.compile(rb'"[^"]*"')


class UnreadableError(ValueError):
    """The text is not JSON as we read it. The message says why without quoting it; `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_shape(raw: bytes) -> None:
    """Raises `UnreadableError` for JSON nested too deeply or made of too many values, before memory is spent on it.

    Says nothing about bytes that are not JSON: those may pass, and fail in the parser.
    """
    if len(raw) > MAX_VALUES:
        _check_values(raw)
    # Brackets inside strings are counted too, so this is an upper bound; nearly every body without tools ends here.
    if len(raw.translate(None, _NOT_OPENING)) > MAX_DEPTH:
        _check_depth(_outside_strings(raw, _NOT_BRACKET).translate(_ONE_KIND))


def _check_values(raw: bytes) -> None:
    # Every value but the outermost follows a comma or is the first of its object or array.
    if len(raw.translate(None, _NOT_BEFORE_VALUE)) > MAX_VALUES and len(_outside_strings(raw, _NOT_BEFORE_VALUE)) > MAX_VALUES:
        raise _too_complex()


def _check_depth(brackets: bytes) -> None:
    # Every round removes the innermost level all over the text, so as many rounds empty it as it has levels.
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            return
        brackets = fewer
    if brackets:
        raise _too_deep()


def _outside_strings(raw: bytes, unwanted: bytes) -> bytes:
    """The bytes of `raw` that stand outside strings, less the `unwanted` ones; these must leave the quote alone."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = raw.translate(None, unwanted)
    if marks.count(b'"') > 4 * MAX_VALUES:  # a key and a value have two each
        raise _too_complex()
    # Two quotes side by side are an empty string, or one string's end and the next one's start: either way, what stands
    # inside and outside strings does not change when both go.
    marks = marks.replace(b'""', b"")
    return _STRING.sub(b"", marks) if b'"' in marks else marks


def _too_complex() -> UnreadableError:
    return UnreadableError("too_complex", f"The request body has more than {MAX_VALUES} JSON values.")


def _too_deep() -> UnreadableError:
    return UnreadableError("too_deep", f"The request body is nested more than {MAX_DEPTH} levels deep.")


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableError("duplicate_key", "The request body has a JSON object with the same key twice.")
    return members


def _refuse_constant(_: str) -> None:
    raise UnreadableError("invalid_json", "The request body is not valid JSON: NaN and Infinity are not JSON numbers.")


# The hook costs about 0.2 µs an object, a fifth of the parse of a chat and two fifths of that of many tools: the price of
# seeing keys that a plain parse would drop in silence.
_decoder = json.JSONDecoder(object_pairs_hook=_unique_members, parse_constant=_refuse_constant)


def _not_json(why: str, position: int) -> UnreadableError:
    return UnreadableError("invalid_json", f"The request body is not valid JSON: {why} at character {position}.")


def read_object(source: str) -> tuple[dict[str, Any], dict[str, tuple[int, int]]]:
    """The members of the one JSON object that `source` is, and where in `source` each value stands, in source order.

    Raises `UnreadableError`, and nothing else, for any other text.
    """
    opened = _OPEN.match(source)
    if opened is None:
        raise _not_an_object(source)
    try:
        members, spans, end = _walk(source, opened.end())
    except json.JSONDecodeError as error:
        raise _not_json(error.msg, error.pos) from None
    except RecursionError:
        raise _too_deep() from None
    except UnreadableError:
        raise
    except ValueError:  # the interpreter's limit on the digits of an integer
        raise UnreadableError("invalid_json", "The request body has a number with too many digits.") from None
    trailing = _SPACE.match(source, end)
    if trailing is not None and trailing.end() != len(source):
        raise _not_json("more text follows the object", trailing.end())
    return members, spans


def _not_an_object(source: str) -> UnreadableError:
    if source.startswith("\ufeff"):
        return UnreadableError("invalid_json", "The request body begins with a byte order mark; JSON has none.")
    if not source.strip():
        return UnreadableError("empty_body", "The request has no body; a JSON object is expected.")
    return UnreadableError("invalid_json", "The request body is not a JSON object.")


def _walk(source: str, at: int) -> tuple[dict[str, Any], dict[str, tuple[int, int]], int]:
    members: dict[str, Any] = {}
    spans: dict[str, tuple[int, int]] = {}
    follows = _NEXT.match(source, at)
    if follows is not None and follows[1] == "}":
        return members, spans, follows.end()
    while True:
        key, start = _read_key(source, at)
        if key in spans:
            raise UnreadableError("duplicate_key", "The request body has the same top-level key twice.")
        value, end = _decoder.raw_decode(source, start)
        members[key] = value
        spans[key] = (start, end)
        follows = _NEXT.match(source, end)
        if follows is None:
            raise _not_json("',' or '}' was expected", end)
        at = follows.end()
        if follows[1] == "}":
            return members, spans, at


def _read_key(source: str, at: int) -> tuple[str, int]:
    """The key at `at`, and where its value starts."""
    plain = _KEY.match(source, at)
    if plain is not None:
        return plain[1], plain.end()
    quote = _QUOTE.match(source, at)
    if quote is None:
        raise _not_json("a key in double quotes was expected", at)
    key, end = _decoder.raw_decode(source, quote.end())
    colon = _COLON.match(source, end)
    if colon is None:
        raise _not_json("':' was expected", end)
    return key, colon.end()


def cuts(source: str, spans: Mapping[str, tuple[int, int]], edits: Mapping[str, str | None]) -> list[tuple[int, int, str]]:
    """What to put where: `[start, end)` of `source` and the text that takes its place, in order and without overlaps.

    Each member of `edits` is set to the given JSON text, or removed where that is None. Members that are not there yet are
    added at the end; removing an absent one changes nothing. `source` and `spans` are as `read_object` reads them.
    """
    made: list[tuple[int, int, str]] = []
    body_start = previous_end = source.index("{") + 1
    has_member = False
    for name, (start, end) in spans.items():
        if name in edits and edits[name] is None:
            made.append((previous_end, end, ""))
        else:
            if not has_member and previous_end != body_start:  # its predecessors are gone, so their comma goes too
                made.append((previous_end, source.index(",", previous_end) + 1, ""))
            if (text := edits.get(name)) is not None:
                made.append((start, end, text))
            has_member = True
        previous_end = end
    for name, text in edits.items():
        if name not in spans and text is not None:
            made.append((previous_end, previous_end, f"{',' if has_member else ''}{json.dumps(name)}:{text}"))
            has_member = True
    return made


def splice(source: str, spans: Mapping[str, tuple[int, int]], edits: Mapping[str, str | None]) -> str:
    """`source` with the members of `edits` set or removed, as `cuts` says, and nothing else changed."""
    pieces: list[str] = []
    at = 0
    for start, end, text in cuts(source, spans, edits):
        pieces += source[at:start], text
        at = end
    return "".join((*pieces, source[at:]))
