"""What the shape of a request says beside its words: sizes, punctuation, scripts, turns, tools.

Each feature is a number of about 0 to 3. None of them sees upper or lower case. All are counted on the window, except
lengths, which are known without reading, so a feature costs the same for any request. They are counts of fixed strings: a
pattern of some freedom costs ten to a hundred times as much, and the network sees the words anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p

from extproc.classify.window import Readable, Turn, Window

NAMES = (
    "ask_length",
    "ask_tokens",
    "token_length",
    "lines",
    "questions",
    "commas",
    "stops",
    "colons",
    "semicolons",
    "quotes",
    "digits",
    "equals",
    "operators",
    "round_brackets",
    "square_brackets",
    "braces",
    "calls",
    "arrows",
    "underscores",
    "ticks",
    "pipes",
    "bullets",
    "choices",
    "non_ascii",
    "three_bytes",
    "cyrillic",
    "is_tiny",
    "turns",
    "has_before",
    "has_system",
    "tools",
    "calls_after",
    "results_after",
    "result_length",
    "ends_with_result",
    "has_schema",
    "schema_length",
    "options",
    "is_exam",
    "numbers",
    "first_line",
    "last_line",
    "ends_with_question",
)

_MAX_AFTER = 64  # turns after the ask that are looked at
# What is taken out of UTF-8 to be left with its ASCII characters, or with the first bytes of characters of three.
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_NOT_FIRST_OF_THREE = bytes(set(range(0x100)) - set(range(0xE0, 0xF0)))


def of(request: Readable, window: Window, tokens: int) -> list[float]:
    """The features of `request`, one for each of `NAMES`, in that order; `tokens` is the number of the ask's tokens."""
    chars = len(window.ask) if window.is_whole else len(request.ask)
    return [
        *_of_ask(chars, window.ask, tokens),
        *_of_lines(window.ask),
        *_of_script(window.ask),
        *_of_frame(request, window),
        *_of_exercise(window.ask),
    ]


def _of_ask(chars: int, text: str, tokens: int) -> list[float]:
    count = text.count
    questions, commas, stops, quotes = count("?"), count(","), count("."), count('"') + count("'")
    if not text.isascii():
        questions += count("¿") + count("؟")
        commas += count("、") + count("،")
        stops += count("。")
        quotes += count("“") + count("「") + count("«")
    return [
        log1p(chars) / 4,
        log1p(tokens) / 3,
        len(text) / (tokens + 1) / 4 if len(text) < 12 * tokens else 3.0,
        log1p(count("\n")) / 2,
        log1p(questions),
        log1p(commas) / 2,
        log1p(stops) / 2,
        log1p(count(":")) / 2,
        log1p(count(";")) / 2,
        log1p(quotes) / 2,
        log1p(count("0")) / 3,
        log1p(count("=")) / 2,
        log1p(count("+") + count("^") + count("<") + count("\\") + count("$")) / 2,
        log1p(count("(")) / 2,
        log1p(count("[")) / 2,
        log1p(count("{")) / 2,
        log1p(count("()") + count("::")) / 2,
        log1p(count("->") + count("=>")) / 2,
        log1p(count("_")) / 2,
        log1p(count("`")) / 2,
        log1p(count("|")) / 2,
    ]


def _of_lines(text: str) -> list[float]:
    count = text.count
    if not count("\n"):
        return [0.0, 0.0]
    bullets = count("\n-") + count("\n*") + count("\n•") + count("\n0.")
    choices = count("\nb.") + count("\nb)") + count("\nc.") + count("\nc)") + count("\n(b")
    return [log1p(bullets) / 2, log1p(choices)]


def _of_exercise(text: str) -> list[float]:
    """What tells exam questions with options and word problems, and where the instruction stands in a text of several lines."""
    dotted = text.count("\na.") + text.count("\nb.") + text.count("\nc.") + text.count("\nd.")
    bare = text.count("\na ") + text.count("\nb ") + text.count("\nc ") + text.count("\nd ")
    closed = text.count(" a)") + text.count(" b)") + text.count(" c)") + text.count(" d)")
    starting = text.count("\na)") + text.count("\nb)") + text.count("\nc)") + text.count("\nd)")
    bracketed = text.count("(a)") + text.count("(b)") + text.count("(c)") + text.count("(d)")
    options = min(max(dotted, bare, closed + starting, bracketed), 6)
    first, last = text.find("\n"), text.rfind("\n")
    return [
        options / 2,
        float(options >= 3),
        log1p(text.count(" 0") + text.count("$0") + text.count("\n0")) / 1.5,
        log1p(first if first >= 0 else len(text)) / 4,
        log1p(len(text) - last - 1) / 4,
        float("?" in text[-3:]),
    ]


def _of_script(text: str) -> list[float]:
    chars = len(text)
    if text.isascii():
        return [0.0, 0.0, 0.0, float(chars < 16)]
    raw = text.encode()
    of_three = len(raw.translate(None, _NOT_FIRST_OF_THREE))
    return [
        1 - len(raw.translate(None, _BEYOND_ASCII)) / chars,
        of_three / chars,
        (raw.count(b"\xd0") + raw.count(b"\xd1")) / chars,
        float(chars + 2 * of_three < 16),
    ]


def _of_frame(request: Readable, window: Window) -> list[float]:
    turns = request.turns
    after: Sequence[Turn] = turns[max(window.ask_at + 1, len(turns) - _MAX_AFTER) :]
    results = [turn for turn in after if turn.role == "tool"] if after else []
    schema_chars = request.schema_chars
    return [
        log1p(len(turns)) / 3,
        float(0 < window.ask_at < len(turns)),
        float(bool(request.system)),
        log1p(request.tool_count) / 2,
        log1p(sum(turn.tool_calls for turn in after)) if after else 0.0,
        log1p(len(results)),
        log1p(len(results[-1].text)) / 8 if results else 0.0,
        float(bool(results) and turns[-1].role == "tool"),
        float(schema_chars > 0),
        log1p(schema_chars) / 8,
    ]
