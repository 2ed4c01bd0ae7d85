"""Telephone numbers: international ones by their numbering plan (ITU-T E.164), national ones by their layout or a word beside them.

The plans are libphonenumber's. Numbers reserved for fiction (555-01xx, 07700 900xxx) are treated like any other.
"""

# ruff: noqa: RUF001 - words of other languages
from __future__ import annotations

import re
from functools import cache
from types import ModuleType

from extproc.residency.detector import Detector, Near
from extproc.residency.detectors.cues import THINGS, beside, cue, digits_of, is_near, value_after
from extproc.residency.detectors.spelled import PATTERNS, digits_in_words
from extproc.residency.hit import Hit

_NUMBER = re.compile(r"\+?\(?\d(?:[ .\-/()\u00a0\u2011]{0,3}\d){5,15}(?!\d)")
_DATE = re.compile(
    r"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d(?!\d)|"
    r"\d{1,3}(?:\.\d{1,3}){3}(?![\d-]|\.\d)"
)
_PLAIN_AFTER = re.compile(r"[ .\-/]?\d|[a-z_]|[-.]\w|[%:]\d", re.IGNORECASE)
_PLAIN_BEFORE = re.compile(r"[\w][.\-/:]?\Z|[#$€£=/.\-]\Z|\d \Z")
_TOLL_FREE = frozenset(("800", "833", "844", "855", "866", "877", "888"))
_RUN = re.compile(r"1[3-9]\d{9}|[6-9]\d{8,9}|0[1-9]\d{8,9}")
_COUNTRY_CODE = re.compile(r"(?:(?<!\d)\+?1[ .\-]?)?\(?\Z")
_PHONE = cue(
    "номер", "позвони\\w*", "набери\\w*", "zap", "whats", "numer", "nummer", "erreich\\w*", "joignable", "joindre", "localizable",
    "trovar\\w*", "raggiung\\w*", "bereik\\w*", "nås", "tlf", "zadzwo\\w*", "arayın", "numarası?", "hp", "telp", "sđt", "τηλ", "मोबाइल",
    "मोबाईल", "找", "拨", "打给", "번호", "cel", "mum", "mom", "dad", "oma", "opa", "мама", "папа", "母", "父", "t[eé]l",
    "phones?", "phone ?(?:no|number)?", "tel", "telephone", "telefon\\w*", "telefoon\\w*", "téléphone", "teléfono", "telefono",
    "telefone", "mobile?", "móvil", "movil", "cell(?:phone)?", "celular", "cellulare", "handy", "portable", "mob",
    r"call(?![_\w])", "text(?: me)?", "sms", "whatsapp", "signal", "contact", "fax", "scrivi", "chiama\\w*", "chiamami",
    "ll[aá]ma(?:me|r|lo|la)?", "appel\\w*", "rappel\\w*", "ruf\\w*", "message", "msg", "dzwo\\w*", "bel(?:len)?", "ring\\w*", "marca",
    "liga\\w*", "numéro", "मैसेज", "संदेश", "कॉल", "नंबर", "اتصل", "رقم", "جوال", "موبايل", "звони\\w*", "打电话", "联系", "連絡", "연락",
    "reach (?:me|us|him|her|them)", "ring", "dial", "puhelin", "puh", "telemóvel", "gsm", "anruf\\w*", "komórka", "тел(?:ефон)?", "電話",
    "电话", "手机", "手機", "携帯", "전화", "휴대폰", "연락처", "फोन", "หมายเลขโทรศัพท์", "هاتف", "טלפון",
    "फ़ोन", "मोबाइल", "โทร", "เบอร์", "điện thoại", "sđt", "κινητό", "κιν", "τηλ(?:έφωνο)?", "נייד", "telepon", "telefonszám",
    "моб(?:ильный)?",
)  # fmt: skip
_NAMED = (
    "phone", r"\btel[^a-z0-9]", "tel_", "telefon", "telefoon", "t(?:é|e)l(?:é|e)phone", "teléfono", "telefone", "mobile", "móvil",
    "movil", "cell", "celular", "cellulare", r"handy", r"\bmob[^a-z]", "whatsapp", r"\bfax", "portable", "puhelin", "telemóvel",
    r"\bgsm", "komórka", "тел(?:ефон)?", "電話(?:番号)?", "电话(?:号码)?",
    "手机(?:号码?)?", "手機", "携帯", "전화(?:번호)?", "휴대폰", "연락처", "फोन", "โทร",
    "هاتف", "טלפון", "call (?:me|us|him|her|them)", "text (?:me|him|her)", "reach (?:me|us|him|her|them)", r"\bsms", r"\bt:", r"\bm:",
    "κινητό", "κιν\\.", "τηλ(?:έφωνο)?", "נייד", "เบอร์", "điện thoại", "sđt", "फ़ोन", "telepon", "моб(?:\\.|ильный)", "ring me",
    r"tél[^a-z]", "номер", "numer", "erreich", "joignable", "bereikba", r"\btlf", "मोबाइल", "nummer",
    r"\bcel", r"\bhp", "rappel", "ruf", "my number is", "contact",
)  # fmt: skip


@cache
def _library() -> ModuleType:
    # Its tables take memory, and many workers never see a telephone number.
    import phonenumbers

    return phonenumbers


def is_international(text: str) -> bool:
    """Whether `text`, which begins with a plus sign, has a length that its country's plan gives out."""
    library = _library()
    try:
        return bool(library.is_possible_number(library.parse(text)))
    except library.NumberParseException:
        return False


def _is_plus(hit: Hit) -> bool:
    found = _NUMBER.match(hit.text + hit.after(24))
    if (
        found is None
        or re.search(r"[\w+=*/]\Z|[\d)] \Z", hit.before(2))
        or re.match(r"[-.]?\w|[-.]\d", (hit.text + hit.after(30))[found.end() :][:2])
    ):
        return False
    digits = digits_of(found[0])
    if not 8 <= len(digits) <= 15 or len(set(digits)) < 3 or (digits[0] == "1" and digits[1:4] in _TOLL_FREE):
        return False
    return is_international("+" + digits) or ("(0)" in found[0] and is_international("+" + digits_of(found[0].replace("(0)", ""))))


def _is_double_zero(hit: Hit) -> bool:
    found = _NUMBER.match(hit.text + hit.after(24))
    return found is not None and not _PLAIN_BEFORE.search(hit.before(2)) and is_international("+" + digits_of(found[0])[2:])


def _is_north_american(hit: Hit) -> bool:
    # The code may stand in brackets, and the country's may stand before it.
    lead = _COUNTRY_CODE.sub("", hit.before(8))
    if _PLAIN_AFTER.match(hit.after(2)) or _PLAIN_BEFORE.search(lead[-2:]) or is_near(hit, THINGS, before=24):
        return False
    digits = digits_of(hit.text)
    if digits[:3] in _TOLL_FREE:
        return False  # a company's
    is_spaced = re.fullmatch(r"[\d ]+", hit.text) is not None
    return digits[0] not in "01" and digits[3] not in "01" and (not is_spaced or is_near(hit, _PHONE, 60, 30))


def _is_led(hit: Hit) -> bool:
    return _PLAIN_BEFORE.search(hit.before(2)) is not None or is_near(hit, THINGS, before=24)


def _is_national(hit: Hit) -> bool:
    """A number with its trunk zero, in groups: few other things begin with 0 and go on so."""
    text = hit.text + hit.after(16)
    found = _NUMBER.match(text)
    if found is None or _is_led(hit) or _DATE.match(text) or _PLAIN_AFTER.match(text[found.end() :]):
        return False
    digits = digits_of(found[0])
    if digits[:4] in _FREE:
        return False
    if re.fullmatch(r"\d\d(?:\D\d\d)+", found[0]) and len(digits) != 10:
        return False  # pairs are French, or a draw
    return 9 <= len(digits) <= 12 and len(set(digits)) > 2 and digits != "0123456789"


def _is_grouped(hit: Hit) -> bool:
    """A layout that more than telephone numbers have, beside a word."""
    if hit.text.isdecimal() and not _RUN.fullmatch(hit.text):
        return False
    return not _PLAIN_AFTER.match(hit.after(2)) and not _is_led(hit) and is_near(hit, _PHONE, before=60, after=30)


def _is_called(hit: Hit) -> bool:
    """Eight to twelve digits in any groups, beside a word for calling somebody."""
    text = hit.text
    digits = digits_of(text)
    if text.isdecimal() and not _RUNS.fullmatch(digits):
        return False
    if _PLAIN_AFTER.match(hit.after(2)) or _DATE.match(text) or len(set(digits)) < 3 or _is_led(hit):
        return False
    if digits.removeprefix("1")[:3] in _TOLL_FREE or digits[:4] in _FREE or _AMOUNT.fullmatch(text) or digits in "01234567890123":
        return False
    return _PHONE.search(hit.before(40).replace('"text"', "")) if text.isdecimal() else is_near(hit, _PHONE, before=40, after=16)


_FREE = frozenset(("0800", "0808", "0300", "0345", "0844", "0845", "0870", "0900", "0180", "0137", "0805", "0806"))
_RUNS = re.compile(r"0[1-9]\d{7,9}|[2-9]\d{2}[2-9]\d{6}|1[2-9]\d{2}[2-9]\d{6}|8?9\d{9}|[6-9]\d{8}")
_AMOUNT = re.compile(r"\d{1,3}(?:[., ]\d{3})+(?:[.,]\d\d)?")


def _is_bracketed(hit: Hit) -> bool:
    return not _PLAIN_AFTER.match(hit.after(2)) and not re.search(r"[\w)]\Z", hit.before(1))


def _is_dictated(hit: Hit) -> bool:
    digits = digits_in_words(hit.data[hit.start : hit.start + 110].decode(errors="ignore"))
    return 7 <= len(digits) <= 12 and is_near(hit, _PHONE, before=60)


def _is_named(hit: Hit) -> bool:
    """What follows "phone" and its like: seven digits or more that are no date and no address of a network."""
    text = ("+" if hit.text[-2:-1] == "+" or hit.text[-3:-1] in {"+(", "(+"} else "") + value_after(hit, 32)
    found = _NUMBER.match(text)
    if found is None or _DATE.match(text) or re.match(r"[\w@]|[-.:]\w", text[found.end() :]) or not _PHONE.search(hit.text[:-1]):
        return False
    digits = digits_of(found[0])
    if not 7 <= len(digits) <= 15 or len(set(digits)) < 3 or THINGS.search(hit.text):
        return False
    if digits == "0123456789" or digits[-10:-7] in _TOLL_FREE:
        return False
    return found[0] != digits or len(digits) >= 9


_NEAR_PHONE = Near(_PHONE.words, 60, 30)

DETECTORS: tuple[Detector, ...] = (
    Detector("phone", r"\+ ?\(?[1-9]\d{0,2}[ .\-()/]{0,3}\d(?:[ .\-()/]{0,3}\d){2}", _is_plus),
    Detector("phone", r"\b00[1-9]\d[ .\-()/]{0,2}\d(?:[ .\-()/]{0,2}\d){6}", _is_double_zero),
    Detector("phone", r"\d{3}[)\-. ] ?\d{3}[ .\-]\d{4}\b", _is_north_american),
    Detector("phone", r"\(0\d{1,4}\)[ \-]?\d{2,4}[ \-]?\d{3,4}|\([1-9]\d\) ?9?\d{4}[ \-]\d{4}\b", _is_bracketed),
    Detector("phone", r"\b0[1-9](?:[ .\-/]\d\d){4}\b", _is_national),
    Detector("phone", r"\b0[1-9]\d{0,4} ?[ .\-/] ?\d{3,8}\b", _is_national),
    Detector("phone", r"\b0[1-9]\d{1,4}[ .\-/]\d\d[ .\-]\d{2,4}[ .\-]?\d\d\b", _is_national),
    Detector("phone", r"\b[6-9]\d\d[ .\-]\d{3}[ .\-]\d{3}\b", _is_grouped, near=_NEAR_PHONE),
    Detector("phone", r"\b[6-9]\d{4}[ \-]\d{5}\b", _is_grouped, near=_NEAR_PHONE),
    Detector("phone", r"\b[016-9]\d{8,10}\b", _is_grouped, near=_NEAR_PHONE),
    Detector("phone", r"\b1[3-9]\d[ \-]\d{4}[ \-]\d{4}\b", _is_grouped, near=_NEAR_PHONE),
    Detector("phone", r"\b8[ \-]?\(?[3489]\d\d\)?[ \-]?\d{3}[ \-]\d\d[ \-]\d\d\b", None),
    Detector("phone", r"\b3[2-9]\d[ .\-]\d{6,7}\b", _is_grouped, near=_NEAR_PHONE),
    Detector("phone", r"\b[0-9](?:[ ().\-/]{0,3}[0-9]){7,11}\b", _is_called, near=_NEAR_PHONE),
    *(Detector("phone", pattern, _is_dictated) for pattern in PATTERNS),
    *beside("phone", _NAMED, r"[^0-9\n]{0,24}[0-9]", _is_named),
)
