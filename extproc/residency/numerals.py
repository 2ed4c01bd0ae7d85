"""Numbers that are written in words or in numerals that are letters, taken out with their line, in figures.

"My social is zero seven eight, zero five ..." and 一三八〇〇... are read by people as the number. Which number it is, the detectors
say; here words become figures, where four or more stand in a row.
"""

# ruff: noqa: RUF001 - punctuation of other languages
from __future__ import annotations

import re

from extproc.residency.detectors.spelled import LANGUAGES, digits_in_words
from extproc.residency.engine import Engine, Pattern

_REACH_BYTES = 160
_MAX_PLACES = 32
_JOINT = r"[ ,.\-/\n]{1,3}"
_CJK = {
    char: str(digit)
    for digit, chars in enumerate(("〇零", "一壱壹", "二弐贰", "三参叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"))
    for char in chars
}
_CJK |= {"幺": "1", "两": "2"}
_HANGUL = dict(zip("공일이삼사오육칠팔구", "0123456789", strict=True)) | {"영": "0", "륙": "6"}
_TO_FIGURES = str.maketrans(_CJK | _HANGUL)


def _bytes_class(chars: str) -> str:
    return "(?:" + "|".join("".join(f"\\x{byte:02x}" for byte in char.encode()) for char in chars) + ")"


_SPACED = tuple(rf"(?:^|[^a-z])(?:{words})(?:{_JOINT}(?:{words})){{3}}" for words in LANGUAGES)
_UNSPACED = tuple(rf"{_bytes_class(chars)}(?:[ .\-]?{_bytes_class(chars)}){{5}}" for chars in ("".join(_CJK), "".join(_HANGUL)))
WORDS = Engine([Pattern(pattern) for pattern in (*_SPACED, *_UNSPACED)], is_deferred=True)
_ANY_WORD = re.sub(r"(?:\\x[0-9a-f]{2})+", lambda code: bytes.fromhex(code[0].replace("\\x", "")).decode(), "|".join(LANGUAGES))
_RUN = re.compile(rf"(?<![^\W\d_])(?:{_ANY_WORD})(?:[\s,.\-/–]{{1,3}}(?:(?:{_ANY_WORD})(?![^\W_])|\d\b)){{3,}}", re.IGNORECASE)
_UNSPACED_RUN = re.compile(rf"[{''.join(_CJK)}](?:[ .-]?[{''.join(_CJK)}]){{5,}}|[{''.join(_HANGUL)}](?:[ .-]?[{''.join(_HANGUL)}]){{5,}}")


def figures(data: bytes) -> list[str]:
    """What is near numbers written in words, with those in figures."""
    pieces: list[str] = []
    done = -1
    for found in sorted(WORDS.find(data, 4 * _MAX_PLACES).candidates, key=lambda found: found.start)[:_MAX_PLACES]:
        if found.start < done:
            continue
        done = found.end + _REACH_BYTES
        text = data[max(0, found.start - _REACH_BYTES) : done].decode(errors="ignore")
        changed = _UNSPACED_RUN.sub(lambda run: run[0].translate(_TO_FIGURES), _RUN.sub(_in_figures, text))
        if changed != text:
            pieces.append(changed)
    return pieces


def _in_figures(run: re.Match[str]) -> str:
    return digits_in_words(run[0]) or run[0]
