"""The normal form that text is searched in: what a reader takes for the same letter is the same letter.

Compatibility forms (full-width, mathematical, circled, ligatures: Unicode's NFKC) become plain ones, digits of any script
ASCII's, dashes, spaces and quotation marks their ASCII likes; characters nobody sees (zero-width, bidirectional marks, soft
hyphens, fillers) go, and tag characters (U+E0020 to U+E007E), which models read though nobody sees them, become what they stand
for. In a word of Latin letters, Cyrillic and Greek look-alikes (Unicode's confusables, UTS 39) become Latin.

Text in ASCII is in normal form already. Other text pays for the different characters it has, not for each of them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np

from extproc.residency.engine import Engine, Pattern

_TAGS = range(0xE0020, 0xE007F)
_TAG_OFFSET = 0xE0000
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
_LIKE = {
    **dict.fromkeys("\u2212\u2043\u02d7\u2796", "-"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u301d\u301e", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc", "'"),
    **dict.fromkeys("\u2028\u2029\x85", "\n"),
    "\u2800": " ",
    "\u2044": "/",
    "\u2215": "/",
    "\u2236": ":",
    "\u3002": ".",  # what domain names may have for a dot (UTS 46)
    # White on black, in three fonts: they have no compatibility form.
    **{chr(first + n): str(n + 1) for first in (0x2776, 0x2780, 0x278A) for n in range(9)},
    **{chr(first + n): chr(65 + n) for first in (0x1F150, 0x1F170, 0x1F1E6) for n in range(26)},
    "\u24ff": "0",
}
_SPACE, _DASH, _FORMAT = "Zs", "Pd", "Cf"

# Marks that a base letter takes up (composition), or that only decorate it, as a strike-through does a digit.
_MARK = re.compile("[\u0300-\u036f\u3099\u309a]")
_DECORATION = re.compile("[\u0300-\u036f]")
_RARE_CHAR = re.compile("[\U00010000-\U0010ffff]")

# In the order of the Latin letters they look like. Written as escapes, because they look like Latin.
_LOOKALIKES = (
    # Cyrillic
    (
        "aceopxyijsdqhlwnvkmtr",
        "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u0501\u051b\u04bb\u04cf\u051d\u043f\u0475\u043a\u043c\u0442\u0433",
    ),
    (
        "ABCEHIJKMOPSTXYYGVWQ",
        "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u0423\u04ae\u050c\u0474\u051c\u051a",
    ),
    # Greek
    ("aovikptuwyx", "\u03b1\u03bf\u03bd\u03b9\u03ba\u03c1\u03c4\u03c5\u03c9\u03b3\u03c7"),
    ("ABEZHIKMNOPTYX", "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"),
    # IPA
    ("agii", "\u0251\u0261\u0269\u026a"),
)
_TO_LATIN = {ord(like): latin for letters, likes in _LOOKALIKES for latin, like in zip(letters, likes, strict=True)}
_FOREIGN = re.compile("[\u0250-\u02af\u0370-\u052f]")
# A Latin letter or a digit beside the first byte of an IPA, Greek or Cyrillic one.
_MIXED = (r"[a-z0-9@][\xc9\xca\xcd-\xd4]", r"[\xc9\xca\xcd-\xd4][\x80-\xbf][a-z0-9@]")

_MAX_REPLACED = 24  # different characters; beyond, one pass over the text is cheaper than one for each of them
_MAX_REMEMBERED = 8_192

# What a character below U+10000 asks for. Beyond, each different one is looked at.
_BEYOND = 0x10000
_PLAIN, _CHANGES, _MARKS, _LOOKS, _RARE = range(5)
_ALL_PLAIN = (range(0x80), range(0x3400, 0xA000), range(0xAC00, 0xD7A4), range(0xD800, 0xF900))

_mixed = Engine([Pattern(pattern) for pattern in _MIXED])
_forms: dict[str, str] = {}


def joined(pieces: list[str]) -> bytes:
    """`pieces` one below the other, in normal form, as UTF-8."""
    return normal("\n".join(pieces)).encode(errors="replace")


def normal(text: str) -> str:
    """The normal form of `text`, which is its own normal form."""
    if text.isascii():
        return text
    units = np.minimum(np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32), _BEYOND)
    asked = _table()[units]
    present = np.bincount(asked, minlength=5)
    is_marked, is_foreign = bool(present[_MARKS]), bool(present[_LOOKS])
    if present[_CHANGES] or present[_RARE]:
        changes = _changes(text, units[asked == _CHANGES], has_rare=bool(present[_RARE]))
        text = _changed(text, changes)
        made = "".join(changes.values())
        is_marked, is_foreign = is_marked or bool(_MARK.search(made)), is_foreign or bool(_FOREIGN.search(made))
    if is_marked:
        text = _DECORATION.sub("", unicodedata.normalize("NFC", text))
    return _without_lookalikes(text) if is_foreign else text


@cache
def _table() -> np.ndarray[Any, np.dtype[np.uint8]]:
    table = np.zeros(_BEYOND + 1, dtype=np.uint8)
    plain = {code for codes in _ALL_PLAIN for code in codes}
    for code in range(_BEYOND):
        if code not in plain:
            table[code] = _asks(chr(code))
    table[_BEYOND] = _RARE
    return table


def _asks(char: str) -> int:
    if _MARK.match(char):
        return _MARKS
    form = _found_form(char)
    if form != char:
        return _CHANGES
    return _LOOKS if _FOREIGN.match(char) else _PLAIN


def origins(text: str) -> list[int]:
    """For each character of `normal(text)`, and for its end, about where in `text` it comes from. Slow: for tools."""
    places: list[int] = []
    at = 0
    for index in range(len(text)):
        reached = len(normal(text[: index + 1]))
        places += [index] * (reached - at)
        at = max(at, reached)
    return [*places[: len(normal(text))], len(text)]


def _changes(text: str, units: np.ndarray[Any, np.dtype[np.uint32]], *, has_rare: bool) -> dict[str, str]:
    """What becomes of the characters among `units`, and of those beyond the table if there are any."""
    is_present = np.zeros(_BEYOND + 1, dtype=np.bool_)
    is_present[units] = True
    chars = {chr(code) for code in np.flatnonzero(is_present)}
    if has_rare:
        chars.update(_RARE_CHAR.findall(text))
    return {char: form for char in chars if (form := _form(char)) != char}


def _changed(text: str, changes: dict[str, str]) -> str:
    if len(changes) > _MAX_REPLACED:
        return text.translate({ord(char): form for char, form in changes.items()})
    for char, form in changes.items():
        text = text.replace(char, form)
    return text


def _form(char: str) -> str:
    form = _forms.get(char)
    if form is None:
        if len(_forms) >= _MAX_REMEMBERED:
            _forms.clear()
        form = _forms[char] = _found_form(char)
    return form


def _found_form(char: str) -> str:
    if ord(char) in _TAGS:
        return chr(ord(char) - _TAG_OFFSET)
    if char in _LIKE:
        return _LIKE[char]
    category = unicodedata.category(char)
    if "\x80" <= char < "\xa0":
        return ""
    if category == _FORMAT or char in _INVISIBLE:
        return ""
    if category == _SPACE:
        return " "
    if category == _DASH:
        return "-"
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain == char else "".join(part if part.isascii() else _found_form(part) for part in plain)


def _without_lookalikes(text: str) -> str:
    data = text.encode(errors="replace")
    found = _mixed.find(data).candidates
    if not found:
        return text
    pieces: list[str] = []
    done = 0
    for at in sorted({hit.start for hit in found}):
        if at < done:
            continue
        start, end = _word(data, at, done)
        pieces += data[done:start].decode(errors="replace"), _latin(data[start:end].decode(errors="replace"))
        done = end
    return "".join((*pieces, data[done:].decode(errors="replace")))


_LETTER = re.compile(rb"[\w@.+\x80-\xff-]{0,256}")


def _word(data: bytes, at: int, least: int) -> tuple[int, int]:
    """The ends of the word around `at`, not before `least`."""
    before = data[max(least, at - 256) : at]
    backwards = _LETTER.match(before[::-1])
    behind = _LETTER.match(data, at)
    start = at - (backwards.end() if backwards else 0)
    while start < at and data[start] & 0xC0 == 0x80:  # not in the middle of a character
        start += 1
    end = behind.end() if behind else at
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, max(end, at + 1)


def _latin(word: str) -> str:
    """`word` with its look-alikes as Latin, unless it also has letters that look like none."""
    mapped = word.translate(_TO_LATIN)
    return word if _FOREIGN.search(mapped) else mapped
