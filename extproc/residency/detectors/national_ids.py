"""Numbers that states give to people: United States, United Kingdom, some fifty others, passports and driving licences.

Two ways to a finding. A shape that little else has, and that holds a check digit, a date or both, is one where it stands; it
is not where "order" or "tracking" stands before it. A plain run of digits is one only behind the name that its country has
for it, and where the country's check accepts it. Companies' numbers (CNPJ, VAT, EIN) are no personal data.
"""

# ruff: noqa: RUF001 - words of other languages, and their punctuation
from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import THINGS, beside, cue, digits_of, is_near, value_after
from extproc.residency.detectors.national_names import NAMED, Named
from extproc.residency.detectors.stdnum_checks import is_valid
from extproc.residency.hit import Hit

# The letters a value begins with, before its first digit.
_HEADS = tuple(
    map(re.compile, (r"(?<![A-Za-z])[A-Za-z]{1,5}-?\Z", r"(?<![A-Za-z])[A-Z]{1,6}[ -]\Z", r"(?<![A-Za-z])[A-Z]{3}[ -][A-Z]{3}[ -]?\Z"))
)
_GROUPS = re.compile(r"[A-Za-z0-9]+")
_JOINED = re.compile(r"(?:[A-Za-z0-9]+[^\w\n]{0,3}|[A-Za-z0-9]+-?\n\s{0,4}){1,14}")
_LONGER_BEFORE = re.compile(r"[\w.]-?\Z|[#/=]\Z|\w[\-]\Z")
_LONGER_AFTER = re.compile(r"[\-.]?\d|\w")
_ITIN_GROUPS = frozenset([*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)])


def is_ssn(digits: str) -> bool:
    """Whether nine digits can be a US social security number or an ITIN: their area, group and serial are given out.

    Numbers that were printed in advertisements are treated like any other.
    """
    area, group, serial = int(digits[:3]), int(digits[3:5]), int(digits[5:])
    if serial == 0 or len(set(digits)) == 1:
        return False
    return group in _ITIN_GROUPS if area >= 900 else area not in {0, 666} and group != 0


def _stands_alone(hit: Hit) -> bool:
    if _LONGER_BEFORE.search(hit.before(2)) is not None or _LONGER_AFTER.match(hit.after(2)) is not None:
        return False
    return not is_near(hit, THINGS, before=24)


def _is_dashed_ssn(hit: Hit) -> bool:
    return is_ssn(digits_of(hit.text)) and _stands_alone(hit)


def _values(hit: Hit) -> list[str]:
    """The text behind a cue, compacted: its first group, its first two, and so on; groups end where a gap of some size does."""
    lead, value = hit.text[-16:-1], value_after(hit, 60)
    heads = ["", *(found[0] for pattern in _HEADS if (found := pattern.search(lead)))]
    texts = (found[0].upper() for head in heads if (found := _JOINED.match(head + value)))
    return [joined for text in texts for joined in _cumulated(text)]


def _cumulated(text: str) -> list[str]:
    joined, values = "", []
    for group in _GROUPS.findall(text)[:14]:
        joined += group
        if len(joined) > 24:
            break
        values.append(joined)
    return values


def _is_cued_ssn(hit: Hit) -> bool:
    return any(len(value) == 9 and value.isdecimal() and is_ssn(value) for value in _values(hit))


def _is_named(row: Named, hit: Hit) -> bool:
    for value in _values(hit):
        if len(value) in row.lengths and _is_plain(value):
            return True
        if 7 <= len(value) <= 18 and len(digits_of(value)) >= 5 and any(is_valid(module, value) for module in row.modules):
            return True
    return False


def _is_plain(value: str) -> bool:
    digits = digits_of(value)
    return 2 * len(digits) >= len(value) and len(set(digits)) > 2 and not re.fullmatch(r"(?:19|20)\d{6}(?:\d{4})?", value)


def _is_by(module: str, hit: Hit) -> bool:
    """A shape whose check accepts it."""
    return _stands_alone(hit) and is_valid(module, hit.text.upper().strip())


def _is_by_any(modules: tuple[str, ...], hit: Hit) -> bool:
    return _stands_alone(hit) and any(is_valid(module, hit.text.upper()) for module in modules)


def _is_dated(day_at: int, hit: Hit) -> bool:
    """A shape with a day and a month: `day_at` is where the day begins, the month standing before it or, where it is 0, behind it."""
    digits = digits_of(hit.text)
    day, month = (digits[:2], digits[2:4]) if day_at == 0 else (digits[day_at : day_at + 2], digits[day_at - 2 : day_at])
    return _stands_alone(hit) and 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _is_dashed_nordic(hit: Hit) -> bool:
    """Six digits and four: a Swedish number by its check, a Danish one by its date and the word, an Icelandic one by its check."""
    if not _stands_alone(hit):
        return False
    if is_valid("se.personnummer", hit.text) or is_valid("is_.kennitala", hit.text) or is_valid("dk.cpr", hit.text):
        return True
    return _is_dated(0, hit) and is_near(hit, _DANISH, before=60)


def _is_nino(hit: Hit) -> bool:
    letters = hit.text[:2].upper()
    if letters in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"} or not _stands_alone(hit):
        return False
    return hit.text.isupper() or is_near(hit, _NINO, before=60)


def _is_aadhaar(hit: Hit) -> bool:
    groups = re.split(r"[ \-]", hit.text)
    if re.match(r"[ \-]\d", hit.after(2)) or re.search(r"\d[ \-]\Z", hit.before(2)) or all(1900 <= int(group) <= 2099 for group in groups):
        return False
    return _is_by("in_.aadhaar", hit)


def _is_person_pan(hit: Hit) -> bool:
    return _stands_alone(hit) and (hit.text[3] == "P" or is_near(hit, _PAN, before=60))


def _is_upper_by(module: str, hit: Hit) -> bool:
    return hit.text.upper() == hit.text and _is_by(module, hit)


def _is_codice_fiscale(hit: Hit) -> bool:
    # Six letters stand before what was found; as a beginning of the pattern they would be half the words of any text.
    letters = re.search(r"(?<![A-Za-z0-9])[A-Za-z]{6}\Z", hit.before(7))
    return letters is not None and is_valid("it.codicefiscale", (letters[0] + hit.text).upper())


def _is_mexican_tax(hit: Hit) -> bool:
    return is_near(hit, _RFC, before=60) and _is_by("mx.rfc", hit)


def _is_hong_kong(hit: Hit) -> bool:
    """The check digit in brackets: weights 9 to 2, letters count from ten, a space for a missing first letter counts 36."""
    text = hit.text.upper().replace(" ", "")
    body, check = text[:-3], text[-2]
    characters = body if len(body) == 8 else " " + body
    values = (36 if character == " " else int(character, 36) for character in characters)
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if check == "A" else int(check))) % 11 == 0


def _is_singaporean(hit: Hit) -> bool:
    """NRIC and FIN: weights 2 7 6 5 4 3 2; the letter's table depends on the first letter."""
    text = hit.text.upper()
    total = sum(int(digit) * weight for digit, weight in zip(text[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    shift = {"S": 0, "T": 4, "F": 0, "G": 4, "M": 3}[text[0]]
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}[text[0]]
    index = (total + shift) % 11
    return letters[10 - index if text[0] == "M" else index] == text[8] and _stands_alone(hit)


def _is_taiwanese(hit: Hit) -> bool:
    """The first letter's place number counts tens once and ones nine times; then weights 8 to 1, and the check digit."""
    text = hit.text.upper()
    place = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0]) + 10
    total = place // 10 + place % 10 * 9 + sum(int(d) * w for d, w in zip(text[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True))
    return total % 10 == 0 and _stands_alone(hit)


def _is_german_insurance(hit: Hit) -> bool:
    """The pension insurance number: the letter counts as two digits, factors 2 1 2 5 7 1 2 1 2 1 2 1 on the digit sums."""
    text = re.sub(r"\s", "", hit.text.upper())
    digits = text[:8] + f"{ord(text[8]) - 64:02}" + text[9:11]
    products = (int(d) * f for d, f in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return sum(product // 10 + product % 10 for product in products) % 10 == int(text[11]) and 1 <= int(text[4:6]) <= 12


def _is_russian_insurance(hit: Hit) -> bool:
    digits = digits_of(hit.text)
    total = sum(int(digit) * weight for digit, weight in zip(digits[:9], range(9, 0, -1), strict=True))
    return total % 101 % 100 == int(digits[9:]) and _stands_alone(hit)


def _is_dvla(hit: Hit) -> bool:
    """A British driving licence: surname, decade, month (women's plus 50), day, year, initials, two letters at the end."""
    month, day = int(hit.text[6:8]) % 50, int(hit.text[8:10])
    return 1 <= month <= 12 and 1 <= day <= 31 and _stands_alone(hit)


def _is_document(hit: Hit) -> bool:
    """What follows "passport no." or "driving licence": one token of six to sixteen letters and digits with four digits or more."""
    return any(6 <= len(value) <= 16 and len(digits_of(value)) >= 4 and _is_plain_document(value) for value in _values(hit)[:8])


def _is_plain_document(value: str) -> bool:
    return re.fullmatch(r"[A-Z]{0,5}\d[A-Z0-9]*", value) is not None and not re.fullmatch(
        r"(?:19|20)\d\d(?:[01]\d[0-3]\d)?|.*[A-Z]{5,}", value
    )


_RFC = cue("rfc", "sat", "contribuyente", "fiscal")
_DANISH = cue("cpr(?: ?nr)?", "personnummer", "cpr ?nummer", "født", "dansk", "danish", "borger")
_NINO = cue("ni", "nino", "national insurance", "ni (?:no|number)", "insurance")
_PAN = cue("pan", "pan card", "pan number", "income tax", "permanent account")

_FIRST = r"[^0-9\n]{0,24}(?:\n[ \t]{0,8})?[0-9]"


def _whole(word: str) -> str:
    """A short word with borders; `_` and `-` join the words of keys and are borders, too."""
    return rf"(?:\b|_){word}(?:[^a-z0-9]|_)" if re.fullmatch(r"[a-z]{2,5}", word) else word


def _named() -> tuple[Detector, ...]:
    return tuple(
        detector for row in NAMED for detector in beside("national_id", tuple(map(_whole, row.words)), _FIRST, partial(_is_named, row))
    )


def _shape(pattern: str, check: Callable[[Hit], bool]) -> Detector:
    return Detector("national_id", pattern, check)


_PASSPORT = (
    "passport (?:no|number|num|id|#)", "passport", "reisepass", "passeport", "pasaporte", "passaporto", "passaporte", "paspoort",
    "paszport", "护照", "護照", "パスポート", "旅券番号", "여권", "паспорт", "pasaport",
)  # fmt: skip
_LICENCE = (
    "driv(?:er|ers|er's|er’s|ing) ?licen[cs]e", "driver_licen[cs]e", "licen[cs]e (?:no|number|#)", "dl (?:no|number|#)", "führerschein",
    "fuehrerschein", "permis de conduire", "permiso de conducir", "carnet de conducir", "licencia de conducir", "patente di guida",
    "rijbewijs", "prawo jazdy", "carta de condução", "carteira de habilitação",
    "cnh", "驾驶证", "驾照", "運転免許", "운전면허", "водительск",
)  # fmt: skip

DETECTORS: tuple[Detector, ...] = (
    Detector("us_ssn", r"\b\d{3} ?[\-_/] ?\d{2} ?[\-_/] ?\d{4}\b", _is_dashed_ssn),
    *beside(
        "us_ssn",
        (
            "ssn",
            "social security",
            "social ?sec",
            "(?:my|her|his|their|your|the) social",
            "social (?:is|no|number|#|:)",
            "itin",
            "soc sec",
            "ss ?#",
            r"\bsocial ",
        ),
        r"[^0-9\n]{0,30}(?:\n[ \t]{0,8})?[0-9]",
        _is_cued_ssn,
    ),
    Detector("uk_nino", r"\b[A-CEGHJ-TW-Z][A-CEGHJ-NP-TW-Z][ \-]?\d\d[ \-]?\d\d[ \-]?\d\d[ \-]?[A-D]\b", _is_nino),
    _shape(r"\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z]\b", _is_codice_fiscale),
    _shape(r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b", partial(_is_by, "mx.curp")),
    _shape(r"\b[A-Z]{4}\d{6}[A-Z0-9]{2}[0-9A]\b", _is_mexican_tax),
    _shape(r"\b[0-3]\d[01]\d{3}[+\-ABCDEFUVWXY]\d{3}[0-9A-FHJ-NPR-Y]\b", partial(_is_by, "fi.hetu")),
    _shape(r"\b\d{8}-?[A-HJ-NP-TV-Z]\b", partial(_is_upper_by, "es.dni")),
    _shape(r"\b[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]\b", partial(_is_upper_by, "es.nie")),
    _shape(r"\b(?:\d\d)?\d{6}[\-+]\d{4}\b", _is_dashed_nordic),
    _shape(r"\b\d\d\.\d\d\.\d\d-\d{3}[.\-]\d\d\b", partial(_is_by, "be.nn")),
    _shape(r"\b756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}\b", partial(_is_by, "ch.ssn")),
    _shape(r"\b\d{3}\.\d{3}\.\d{3}[\-/]\d\d\b", partial(_is_by, "br.cpf")),
    _shape(r"\b\d{1,2}\.\d{3}\.\d{3}-[\dK]\b", partial(_is_by, "cl.rut")),
    _shape(r"\b2[0347]-\d{8}-\d\b", partial(_is_by, "ar.cuit")),
    _shape(r"\b[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d\b", partial(_is_by, "fr.nir")),
    _shape(r"\b\d\d[01]\d[0-3]\d-[1-8]\d{6}\b", partial(_is_dated, 4)),
    _shape(r"\b[1-9]\d{5}(?:18|19|20)\d{2}[01]\d[0-3]\d{4}[0-9X]\b", partial(_is_by, "cn.ric")),
    Detector("national_id", r"\b[STFGM]\d{7}[A-Z]\b", _is_singaporean, caseless=False),
    _shape(r"\b[A-Z]{1,2}\d{6} ?\([0-9A]\)", _is_hong_kong),
    _shape(r"\b[A-Z][1289]\d{8}\b", _is_taiwanese),
    _shape(r"\b\d{2} ?[0-3]\d[01]\d{3} ?[A-Z] ?\d{3}\b", _is_german_insurance),
    _shape(r"\b\d{3}-\d{3}-\d{3}[ \-]\d\d\b", _is_russian_insurance),
    _shape(r"\b\d{6}/\d{3,4}\b", partial(_is_by, "cz.rc")),
    _shape(r"\b[2-9]\d{3}[ \-]\d{4}[ \-]\d{4}\b", _is_aadhaar),
    Detector("national_id", r"\b[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b", _is_person_pan, caseless=False),
    _shape(r"\b[0-7]\d[01]\d{3} ?\d{5}\b", partial(_is_by, "no.fodselsnummer")),
    _shape(r"\b\d\d[01]\d[0-3]\d-\d\d-\d{4}\b", partial(_is_by_any, ("my.nric",))),
    _shape(r"\b\d-\d{4}-\d{5}-\d\d-\d\b", partial(_is_by, "th.pin")),
    _shape(r"\b\d{5}-\d{7}-\d\b", partial(_is_by, "pk.cnic")),
    _shape(r"\b\d{6}-\d{5}\b", partial(_is_by, "lv.pvn")),
    *_named(),
    *beside("passport", _PASSPORT, _FIRST, _is_document),
    Detector("passport", r"\bP[A-Z<][A-Z]{3}[A-Z]{2,}<[A-Z<]{10,}", None, caseless=False),
    *beside("driving_licence", _LICENCE, _FIRST, _is_document),
    Detector("driving_licence", r"\b[A-Z9]{5}[0-9][0156][0-9][0-3][0-9][0-9][A-Z9]{2}[0-9A-Z][A-Z]{2}\b", _is_dvla, caseless=False),
)
