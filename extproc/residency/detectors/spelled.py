"""Digits written as words ("four one one one"), as they are dictated."""

# ruff: noqa: RUF001 - words of other languages
from __future__ import annotations

import re

_WORDS: dict[str, str] = {
    word: str(digit)
    for words in (
        "zero one two three four five six seven eight nine",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        "zéro un deux trois quatre cinq six sept huit neuf",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
        "zero uno due tre quattro cinque sei sette otto nove",
        "zero um dois três quatro cinco seis sete oito nove",
        "nul een twee drie vier vijf zes zeven acht negen",
        "noll ett två tre fyra fem sex sju åtta nio",
        "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
        "ноль один два три четыре пять шесть семь восемь девять",
        "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
        "शून्य एक दो तीन चार पांच छह सात आठ नौ",
        "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة",
    )
    for digit, word in enumerate(words.split())
} | {"oh": "0", "o": "0", "zwo": "2", "nought": "0", "ein": "1", "meia": "6", "en": "1", "nulla": "0", "uma": "1", "duas": "2"}
_TIMES = {"double": 2, "triple": 3, "doppel": 2, "doble": 2}
_WORD = re.compile(r"[^\W\d_]+|\d")


def _in_bytes(words: str) -> str:
    return "".join(char if char.isascii() else "".join(f"\\x{byte:02x}" for byte in char.encode()) for char in words)


# One pattern a language: together they cost several times as much.
LANGUAGES = tuple(
    map(
        _in_bytes,
        (
            "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple",
            "null|eins|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun",
            "zéro|un|deux|trois|quatre|cinq|six|sept|huit|neuf",
            "cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve",
            "zero|uno|due|tre|quattro|cinque|sei|sette|otto|nove",
            "zero|um|dois|três|quatro|cinco|seis|sete|oito|nove|meia",
            "nul|een|twee|drie|vier|vijf|zes|zeven|acht|negen",
            "noll|ett|två|tre|fyra|fem|sex|sju|åtta|nio",
            "zero|jeden|dwa|trzy|cztery|pięć|sześć|siedem|osiem|dziewięć",
            "ноль|один|два|три|четыре|пять|шесть|семь|восемь|девять",
            "sıfır|bir|iki|üç|dört|beş|altı|yedi|sekiz|dokuz",
            "शून्य|एक|दो|तीन|चार|पांच|छह|सात|आठ|नौ",
            "صفر|واحد|اثنان|ثلاثة|أربعة|خمسة|ستة|سبعة|ثمانية|تسعة",
        ),
    )
)
# Three in a row are rare in prose; how many follow is for the check.
PATTERNS = tuple(rf"\b(?:{words})(?:[ ,.\-]{{1,3}}(?:{words})){{2}}" for words in LANGUAGES[:4])


def digits_in_words(text: str) -> str:
    """The digits that `text` spells, up to the first word that is none; counting upwards or downwards spells nothing."""
    digits, times = "", 1
    for word in _WORD.findall(text.lower()):
        if word in _TIMES:
            times = _TIMES[word]
            continue
        digit = word if word.isdecimal() else _WORDS.get(word)
        if digit is None:
            break
        digits, times = digits + digit * times, 1
    return "" if digits[:7] in "01234567890" or digits[:7] in "09876543210" else digits
