"""Words that say what a number beside them is, and the little that every family asks of a hit's surroundings.

Keys are read like prose: `customer_ssn`, `customerSsn` and "Customer SSN" all hold the cue `ssn`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from extproc.residency.detector import Detector
from extproc.residency.hit import Hit

_LOWER, _UPPER = "a-zß-öø-ɏа-яё", "A-ZÀ-ÖØ-ÞА-ЯЁ"
# Keys are split where camel case begins a word.
_TOKEN = re.compile(rf"[{_UPPER}]?[{_LOWER}]+|[{_UPPER}]+(?![{_LOWER}])")
_PLAIN = re.compile(rf"([{_LOWER}]+)(s\?|\\w\*)?")
_BEGIN = rf"(?:(?<![{_UPPER}{_LOWER}])|(?<=[a-z])(?=[A-Z]))"
_END = rf"(?![{_LOWER}])"
_WORDS_A_PATTERN = 12  # with many more, Hyperscan calls a pattern too large
_NOT_DIGIT = re.compile(r"\D")
# What may leave out a character beyond ASCII, and the four such that are an ASCII letter in another case.
_MAY_BE_ASCII = re.compile("[][(){}|?*+.\\\\\u0130\u0131\u017f\u212a]")


class Cue:
    """Words to look for near a hit: most by their hash, those with a joint or without borders (as in Chinese) by a pattern.

    One alternation of them all takes a hundred microseconds on two hundred bytes; this takes five.
    """

    __slots__ = ("_ascii", "_pattern", "_starts", "_words", "words")

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words
        plain = [found for word in words if (found := _PLAIN.fullmatch(word))]
        self._words = {found[1] for found in plain if found[2] != "\\w*"} | {found[1] + "s" for found in plain if found[2] == "s?"}
        self._starts = tuple(found[1] for found in plain if found[2] == "\\w*")
        rest = [word.replace(" ", r"[\s_.\-]?") for word in words if not _PLAIN.fullmatch(word)]
        self._pattern = _any_of(rest)
        self._ascii = _any_of([word for word in rest if word.isascii() or _MAY_BE_ASCII.search(word)])

    def search(self, text: str) -> bool:
        """Whether one of the words is in `text`."""
        tokens = [token.lower() for token in _TOKEN.findall(text)]
        if not self._words.isdisjoint(tokens) or any(token.startswith(self._starts) for token in tokens):
            return True
        pattern = self._ascii if text.isascii() else self._pattern
        return pattern is not None and pattern.search(text) is not None


def _any_of(words: list[str]) -> re.Pattern[str] | None:
    return re.compile(f"{_BEGIN}(?i:{'|'.join(words)}){_END}") if words else None


def cue(*words: str) -> Cue:
    """A cue of `words` (regular expressions in lower case), whole and in any case. A space stands for any joint of a key."""
    return Cue(words)


def beside(kind: str, words: tuple[str, ...], value: str, check: Callable[[Hit], bool]) -> tuple[Detector, ...]:
    """Detectors of a value that follows one of `words`; `value` is the joint between them and what a value begins with.

    Words have no borders here; the check says what a border is.
    """
    parts = [words[at : at + _WORDS_A_PATTERN] for at in range(0, len(words), _WORDS_A_PATTERN)]
    groups = ("|".join(_bytewise(word.replace(" ", r"[\s_.\-]?")) for word in part) for part in parts)
    return tuple(Detector(kind, f"(?:{group}){value}", check) for group in groups)


def _bytewise(word: str) -> str:
    # In bytes, both cases written out: a pattern with a character beyond ASCII is matched by characters as a whole, and a joint of
    # "anything but digits" is then many times as large.
    return "".join(character if character.isascii() else _in_bytes(character) for character in word)


def _in_bytes(character: str) -> str:
    cases = sorted({form for form in (character, character.lower(), character.upper()) if len(form) == 1})
    forms = ["".join(f"\\x{byte:02x}" for byte in form.encode()) for form in cases]
    return f"(?:{'|'.join(forms)})"


def is_near(hit: Hit, words: Cue, before: int = 80, after: int = 0) -> bool:
    """Whether a cue stands within so many bytes before or after the hit."""
    return words.search(hit.before(before)) or (after > 0 and words.search(hit.after(after)))


def digits_of(text: str) -> str:
    """The ASCII digits of `text`, in their order."""
    return _NOT_DIGIT.sub("", text)


def value_after(hit: Hit, most_bytes: int = 60) -> str:
    """What begins with the last character of the hit: the value that a pattern of cue, joint and first character has found."""
    return hit.text[-1:] + hit.after(most_bytes)


# Numbers that are counted or sent rather than being a person's: beside these, a number that merely passes a check is no finding.
THINGS = cue(
    "orders?", "order (?:id|no|number|nr|num)", "orderid", "invoices?", "invoice (?:id|no|number)", "tracking", "shipments?", "parcels?",
    "tickets?", "skus?", "parts?", "part (?:no|number)", "serial", "imei", "isbn(?:-1[03])?", "ean", "upc", "gtin", "barcode", "asin",
    "iccid", "build", "commit", "version", "revision", "timestamp", "snowflake", "trace(?: ?id)?", "span(?: ?id)?", "request (?:id)?",
    "transaction id", "bestellung", "bestellnummer", "rechnung", "rechnungsnummer", "auftrag", "sendung", "sendungsnummer", "commande",
    "facture", "colis", "pedido", "factura", "fattura", "ordine", "fatura", "artikelnummer", "zamówienie", "faktura", "doi", "epoch",
    "nanoseconds", "offset",
)  # fmt: skip
