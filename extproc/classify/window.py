"""Which text of a request the model reads: bounded, and always with what is asked now in it.

The cost of a score must not depend on how much a client sends, so only three short pieces are read. The ask (the last user
text) is read from both ends, because an instruction stands before or after the material it is about. The context is what the
ask refers to: the turn before it, or the newest tool result in an agent's loop. Of the system prompt only the beginning is
read, where it says what kind of task follows; its length says little about the difficulty.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from extproc.classify import courtesy

# Numbers differ in every request: their length is a sign, their digits are not. Tables of bytes, because a table of
# characters is asked about each of them by a call; digits and ASCII letters are the same bytes in UTF-8.
_ZEROES = bytes.maketrans(b"123456789", b"000000000")
_LOWER_ZEROES = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", b"abcdefghijklmnopqrstuvwxyz000000000")
_GAP = "\n"


class Turn(Protocol):
    """The part of `dialects.Turn` that is read here."""

    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def tool_calls(self) -> int: ...


class Readable(Protocol):
    """The part of `dialects.Request` that is read here."""

    @property
    def ask(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def turns(self) -> Sequence[Turn]: ...
    @property
    def tool_count(self) -> int: ...
    @property
    def schema_chars(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Said:
    """A turn, for requests that come from no wire: tests, training, a bare prompt."""

    role: str
    text: str
    tool_calls: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request that comes from no wire. Satisfies `Readable`."""

    ask: str
    system: str = ""
    turns: tuple[Said, ...] = ()
    tool_count: int = 0
    schema_chars: int = 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many characters of each piece are read. They belong to a model: it was trained on windows of these sizes."""

    ask_head: int = 400
    ask_tail: int = 260
    before: int = 200
    result: int = 120
    system: int = 160


class Window(NamedTuple):
    """The text that is read, canonical (see `canonical`), and where the ask stands among the turns."""

    ask: str
    context: str
    system: str
    ask_at: int  # index of the asking turn, or the number of turns if none of them is it
    is_whole: bool = True  # whether nothing of the ask was left out


def cut(request: Readable, sizes: Sizes) -> Window:
    """The window on `request`: at most as many characters as `sizes` allows, and the whole ask if it fits."""
    at = _ask_at(request.turns)
    return Window(
        ask=courtesy.without(canonical(ends(request.ask, sizes.ask_head, sizes.ask_tail))),
        context=canonical(_context(request.turns, at, sizes)) if at or len(request.turns) > 1 else "",
        system=canonical(request.system[: sizes.system]),
        ask_at=at,
        is_whole=len(request.ask) <= sizes.ask_head + sizes.ask_tail,
    )


def ends(text: str, head: int, tail: int) -> str:
    """`text` if it has at most `head` + `tail` characters, otherwise its first `head` and its last `tail`."""
    if len(text) <= head + tail:
        return text
    return f"{text[:head]}{_GAP}{text[-tail:]}"


def canonical(text: str) -> str:
    """`text` in folded case and compatibility form, with digits as 0 and one space or one line break for each run of white space.

    Case, full-width forms, indentation and the digits of a number do not change how hard a request is, so they cannot change its
    score. Lone surrogates, which no tokenizer takes, become `?`. At most 64 characters longer than `text`: one character in
    compatibility form can be eighteen, and the cost must stay bounded.
    """
    if text.isascii():
        return _spaced(text.encode("ascii").translate(_LOWER_ZEROES).decode("ascii"))
    limit = len(text) + 64
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode())[:limit].casefold()
    text = text.replace("\u0131", "i").replace("\u0307", "")  # what upper case does to the two i of Turkish
    return _spaced(text.encode().translate(_ZEROES).decode()[:limit])


def _spaced(text: str) -> str:
    if "\n" not in text:
        return " ".join(text.split())
    return "\n".join([line for line in [" ".join(line.split()) for line in text.split("\n")] if line])


def _ask_at(turns: Sequence[Turn]) -> int:
    for index in range(len(turns) - 1, -1, -1):
        turn = turns[index]
        if turn.role == "user" and turn.text:
            return index
    return len(turns)


def _context(turns: Sequence[Turn], at: int, sizes: Sizes) -> str:
    """The newest text after the ask, then the two newest before it; empty for a first question."""
    half = sizes.before // 2
    pieces = [turn.text[: sizes.result] for turn in _newest(turns, at + 1, len(turns), 1)]
    pieces += [ends(turn.text, half // 2, half // 2) for turn in _newest(turns, 0, at, 2)]
    return _GAP.join(pieces)


def _newest(turns: Sequence[Turn], start: int, end: int, count: int) -> list[Turn]:
    found: list[Turn] = []
    for index in range(end - 1, start - 1, -1):
        if turns[index].text:
            found.append(turns[index])
            if len(found) == count:
                break
    return found
