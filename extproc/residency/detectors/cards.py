"""Payment cards: primary account numbers (ISO/IEC 7812), and security codes beside their cue.

A number counts when a network issues its prefix at that length and its last digit satisfies Luhn's check. Networks' test
numbers satisfy both and are treated like any other. Candidates have the shapes in which cards are written: one run of
digits, the groups printed on the card, digits one by one, or a run broken at the end of a line.
"""

# ruff: noqa: RUF001 - words of other languages, and their punctuation
from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import THINGS, beside, cue, digits_of, is_near, value_after
from extproc.residency.detectors.spelled import PATTERNS, digits_in_words
from extproc.residency.hit import Hit

# Prefix ranges, the digits they are compared on, and the lengths issued.
_NETWORKS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (300, 305, frozenset({14, 16, 19})),  # Diners Club
    (3095, 3095, frozenset({14, 16, 19})),
    (36, 36, frozenset({14, 16, 19})),
    (38, 39, frozenset({14, 16, 19})),
    (6011, 6011, frozenset({16, 19})),  # Discover
    (644, 649, frozenset({16, 19})),
    (65, 65, frozenset({16, 19})),
    (3528, 3589, frozenset({16, 19})),  # JCB
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (81, 81, frozenset({16})),
    (2200, 2204, frozenset({16})),  # Mir
    (9792, 9792, frozenset({16})),  # Troy
    (60, 60, frozenset({16})),  # RuPay
    (508, 508, frozenset({16})),
    (5019, 5019, frozenset({16})),  # Dankort
    (4571, 4571, frozenset({16})),
    (6304, 6304, frozenset({16, 17, 18, 19})),  # Maestro
    (6759, 6763, frozenset({16, 18, 19})),
    (5018, 5020, frozenset({16})),
    (5038, 5038, frozenset({16})),
    (5893, 5893, frozenset({16})),
    (636, 639, frozenset({16, 17, 18, 19})),
    (4011, 4011, frozenset({16})),  # Elo
    (5066, 5067, frozenset({16})),
)

_LENGTHS: dict[str, frozenset[int]] = {}
for _low, _high, _lengths in _NETWORKS:
    _scale = 10 ** (4 - len(str(_low)))
    for _prefix in range(_low * _scale, (_high + 1) * _scale):
        _LENGTHS[str(_prefix)] = _LENGTHS.get(str(_prefix), frozenset()) | _lengths

_CARD = cue(
    "cards?", "card (?:no|number|num)", "cardnumber", "cc", "credit", "debit", "visa", "master ?card", "amex", "american express",
    "discover", "diners", "jcb", "maestro", "unionpay", "payment", "pan", "charge", "kreditkarte", "karte", "kartennummer", "carte",
    "tarjeta", "carta", "cartão", "kaart", "kort", "karta", "kartı", "cvv", "cvc", "exp", "expiry", "信用卡", "カード", "카드",
)  # fmt: skip
_CODE_CUE = (
    "cvv2?",
    "cvc2?",
    "cvn",
    "cav2",
    "card security code",
    "card verification (?:code|value)",
    "security code",
    "prüfziffer der karte",
)
_NUMBER_CUE = (
    "card", "visa", "amex", "american express", "kreditkarte", "kartennummer", "carte(?: bancaire| bleue| de crédit)?", "tarjeta",
    "cartão", "carta", "creditcard", "kort", "karta", "信用卡", "カード", "카드", "карт[аыу]", "account number", "pan", "payment",
)  # fmt: skip
_THREE_OR_FOUR = re.compile(r"\d{3,4}(?![\d.,%/:-]?\d)(?!\w)")
_ONE_BY_ONE = re.compile(r"\d(?:[ .\-_\n]\d){12,18}(?!\d)")
_SPELLED = re.compile(r"\d(?:[^\w+]{0,3}\d){12,18}(?!\d)")
_LONGER_BEFORE = re.compile(r"[\d][ .\-]?\Z|[\w][.\-]\Z|[/&#]\w*\Z")
_LONGER_AFTER = re.compile(r"[.\-]?\d|\w|-\w")


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[-1::-2]))
    for digit in digits[-2::-2]:
        total += (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(digit)]
    return total % 10 == 0


def is_issued(digits: str) -> bool:
    """Whether a network issues numbers of this prefix and length."""
    return len(digits) in _LENGTHS.get(digits[:4], ())


def is_card(digits: str) -> bool:
    """Whether `digits` are a payment card's number: prefix, length and check digit are right, and not all digits are the same."""
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and is_issued(digits) and passes_luhn(digits)


def _stands_alone(hit: Hit) -> bool:
    return _LONGER_BEFORE.search(hit.before(3)) is None and _LONGER_AFTER.match(hit.after(2)) is None


def _is_run(hit: Hit) -> bool:
    if not is_card(digits_of(hit.text)) or not _stands_alone(hit):
        return False
    return not is_near(hit, THINGS, before=30) or is_near(hit, _CARD, before=60, after=40)


def _is_grouped(hit: Hit) -> bool:
    return is_card(digits_of(hit.text)) and _stands_alone(hit)


def _is_regrouped(hit: Hit) -> bool:
    """Groups that no card has printed on it, but of one size, or beside the word."""
    found = _REGROUPED.match(hit.data[hit.start : hit.end + 24].decode(errors="ignore"))
    if (
        found is None
        or len(found[0]) < 15
        or not is_card(digits_of(found[0]))
        or not _stands_alone(Hit(hit.data, hit.start, hit.start + len(found[0])))
    ):
        return False
    sizes = {len(group) for group in re.split(r"[ \-]", found[0])[:-1]}
    return len(sizes) == 1 or is_near(hit, _CARD, before=60, after=60)


_REGROUPED = re.compile(r"\d{2,5}(?:[ \-]\d{1,6}){2,9}(?!\d)")


def _begins_with_card(digits: str) -> bool:
    # An expiry date or a security code may follow.
    return any(is_card(digits[:length]) for length in (19, 16, 15, 14, 13) if length <= len(digits))


def _is_one_by_one(hit: Hit) -> bool:
    found = _ONE_BY_ONE.match(hit.text + hit.after(40))
    return found is not None and _begins_with_card(digits_of(found[0])) and _LONGER_BEFORE.search(hit.before(3)) is None


def _is_spelled(hit: Hit) -> bool:
    """A number beside the word "card", however it is broken up."""
    found = _SPELLED.match(value_after(hit, 76))
    return found is not None and _begins_with_card(digits_of(found[0]))


def _is_dictated(hit: Hit) -> bool:
    return _begins_with_card(digits_in_words(hit.text[:1] + hit.data[hit.start + 1 : hit.start + 160].decode(errors="ignore")))


def _is_code(hit: Hit) -> bool:
    return _THREE_OR_FOUR.match(value_after(hit, 8)) is not None


_GAP = r"[ \t\r\n.\-_/*|,:;()\[\]'\"]{1,4}"
_FIRST_FOUR = r"(?:4\d|5[0-8]|6[0-7]|3[0-9]|2[2-7]|81|97)\d\d"

DETECTORS: tuple[Detector, ...] = (
    Detector("payment_card", r"\b(?:4\d|5[0-8]|6[0-7]|3[0-9]|2[2-7]|81|97)\d{11,17}\b", _is_run),
    Detector("payment_card", rf"\b{_FIRST_FOUR}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}\b", _is_grouped),
    Detector("payment_card", rf"\b{_FIRST_FOUR}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{3}}\b", _is_grouped),
    Detector("payment_card", rf"\b3[0-9]\d\d{_GAP}\d{{6}}{_GAP}\d{{4,5}}\b", _is_grouped),
    Detector("payment_card", rf"\b{_FIRST_FOUR}\d{{4}}{_GAP}\d{{8}}\b", _is_grouped),
    Detector("payment_card", r"\b[2-689]\d{1,4}(?:[ \-]\d{2,6}){2,8}(?:[ \-]\d{1,6})?\b", _is_regrouped),
    Detector("payment_card", r"\b[2-689][ .\-_]\d[ .\-_]\d[ .\-_]\d[ .\-_]\d[ .\-_]\d\b", _is_one_by_one),
    *(Detector("payment_card", pattern, _is_dictated) for pattern in PATTERNS),
    Detector("payment_card", r"(?:%b|;)\d{13,19}[\^=]", lambda hit: is_card(digits_of(hit.text))),  # a magnetic stripe's tracks
    *beside("payment_card", _NUMBER_CUE, r"[^0-9\n]{0,24}[0-9]", _is_spelled),
    *beside("payment_card", _CODE_CUE, r"[^0-9\n]{0,12}[0-9]", _is_code),
)
