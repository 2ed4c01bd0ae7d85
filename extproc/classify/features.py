"""What the shape of a request says beside its words: sizes, punctuation, scripts, turns, tools.

Each feature is a number of about 0 to 3. None of them sees upper or lower case. All are counted on the window, except
lengths, which are known without reading, so a feature costs the same for any request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log1p

from extproc.classify.window import Readable, Turn, Window

NAMES = (
    "ask_length",
    "ask_words",
    "word_length",
    "lines",
    "questions",
    "commas",
    "stops",
    "colons",
    "quotes",
    "digits",
    "operators",
    "brackets",
    "code_marks",
    "fences",
    "bullets",
    "choices",
    "pipes",
    "placeholders",
    "non_ascii",
    "cjk",
    "cyrillic",
    "other_script",
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
)

_CODE_MARKS = re.compile(r"(?<![a-z_])[a-z_]\w*+\(|::|=>|->|==|</|/>|;\s*\n|\b(?:def|return|import|func|const|select|void)\b")
_BULLETS = re.compile(r"^\s*(?:[-*•]|0+[.)])\s", re.MULTILINE)
_CHOICES = re.compile(r"^\s*\(?[a-e][.)]\s?\S", re.MULTILINE)
_OPERATORS = re.compile(r"[=+^<>√∑∫≤≥≠\u00d7÷$\\]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u03ff\u0590-\u0e7f]")


def of(request: Readable, window: Window) -> list[float]:
    """The features of `request`, one for each of `NAMES`, in that order."""
    return [*_of_ask(request.ask, window.ask), *_of_script(window.ask), *_of_frame(request, window)]


def _of_ask(full: str, text: str) -> list[float]:
    words = len(text.split())
    chars = len(text)
    count = text.count
    return [
        log1p(len(full)) / 4,
        log1p(words) / 3,
        min(chars / (words + 1), 24) / 8,
        log1p(count("\n")) / 2,
        log1p(count("?") + count("¿") + count("؟")),
        log1p(count(",") + count("\uff0c") + count("、")) / 2,
        log1p(count(".") + count("。")) / 2,
        log1p(count(":")) / 2,
        log1p(count('"') + count("'") + count("“") + count("「")) / 2,
        log1p(count("0")) / 3,
        log1p(len(_OPERATORS.findall(text))) / 2,
        log1p(count("(") + count("[") + count("{")) / 2,
        log1p(len(_CODE_MARKS.findall(text))) / 2,
        log1p(count("```")),
        log1p(len(_BULLETS.findall(text))) / 2,
        log1p(len(_CHOICES.findall(text))) / 2,
        log1p(count("|")) / 2,
        log1p(count("{")) / 2,
    ]


def _of_script(text: str) -> list[float]:
    if text.isascii():
        return [0.0, 0.0, 0.0, 0.0, float(len(text) < 16)]
    chars = len(text)
    cjk = len(_CJK.findall(text))
    ascii_chars = len(text.encode("ascii", "ignore"))
    return [
        1 - ascii_chars / chars,
        cjk / chars,
        len(_CYRILLIC.findall(text)) / chars,
        len(_OTHER_SCRIPT.findall(text)) / chars,
        float(chars + 2 * cjk < 16),
    ]


def _of_frame(request: Readable, window: Window) -> list[float]:
    turns = request.turns
    after: Sequence[Turn] = turns[window.ask_at + 1 :]
    results = [turn for turn in after if turn.role == "tool"]
    return [
        log1p(len(turns)) / 3,
        float(0 < window.ask_at < len(turns)),
        float(bool(request.system)),
        log1p(request.tool_count) / 2,
        log1p(sum(turn.tool_calls for turn in after)),
        log1p(len(results)),
        log1p(len(results[-1].text)) / 8 if results else 0.0,
        float(bool(turns) and turns[-1].role == "tool"),
        float(request.schema_chars > 0),
        log1p(request.schema_chars) / 8,
    ]
