"""Bank accounts: IBAN (ISO 13616), and national account numbers beside the words that name them.

An IBAN counts when its country's length and its check digits (ISO 7064, mod 97-10) are right, however it is grouped. A BIC
alone names a bank, not a customer, and a routing number or sort code alone names a branch: neither is a finding.
"""

# ruff: noqa: RUF001 - words of other languages, and their punctuation
from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import THINGS, beside, cue, digits_of, is_near, value_after
from extproc.residency.hit import Hit

# Lengths from the IBAN registry (SWIFT, release 99), and of countries that use the format without being in it.
_COUNTRIES_OF_LENGTH = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "AO CV GW LY MZ PT ST",
    26: "DZ IR IS TR",
    27: "BI CF CG CM DJ FR GA GQ GR IT KM MC MG MR SM TD",
    28: "AL AZ BF BJ BY CI CY DO GT HN HU LB MA ML NE NI PL SN SV TG",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTHS = {country: length for length, countries in _COUNTRIES_OF_LENGTH.items() for country in countries.split()}
_SPACED = {
    length: re.compile(rf"[A-Za-z0-9](?:[\s.\-_/|,:;*'\"()\[\]]{{0,4}}[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")
    for length in _COUNTRIES_OF_LENGTH
}
_NOT_ALNUM = re.compile(r"[^A-Z0-9]")
_SHAPE = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,29}")

_LEAD = re.compile(rb"(?i)iban|_")


def _is_led_iban(hit: Hit) -> bool:
    lead = _LEAD.match(hit.data, hit.start)
    return lead is not None and _is_iban(Hit(hit.data, lead.end(), hit.end))


_ACCOUNT_NUMBER = re.compile(r"\d(?:[ .\-/]{0,2}\d){5,19}[Xx]?(?![\w])")
_MONEY = re.compile(r"[$€£¥]\s?\Z|^\s*(?:usd|eur|gbp|%|days|users|followers|dollars|euros|pounds)", re.IGNORECASE)
_SORT_CODE = re.compile(r"\d\d[ \-]?\d\d[ \-]?\d\d(?!\d)")
_UK_ACCOUNT = re.compile(r"(?<!\d)\d{4} ?\d{4}(?!\d)")
_LONE_ACCOUNT = re.compile(r"(?<![\d.,])\d(?:[ \-]?\d){5,17}(?![\d.,]\d)")
_ROUTING = re.compile(r"(?<!\d)\d{8,9}(?!\d)")
_ACCOUNT = cue("account", "acct", "a/c", "acc", "konto", "kontonummer", "conta", "c/c", "cuenta", "compte")
_BANK = cue(
    "bank", "sort",
    "routing", "aba", "ach", "sort ?code", "wire", "deposit", "direct deposit", "checking", "savings", "ifsc", "swift", "bic",
    "iban", "beneficiary", "payee", "payout", "blz", "bankleitzahl", "transfer", "agência", "agencia", "banco", "banque", "bsb",
    "branch", "clabe", "holder", "transit", "institution", "sepa", "refund", "remit(?:tance)?", "überweis", "virement", "giro", "銀行",
    "支店", "振込", "信用金庫", "ゆうちょ", "银行", "开户", "转账", "은행", "입금", "송금",
)  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_iban(text: str) -> bool:
    """Whether the compact, upper-case `text` has its country's length and check digits of mod 97-10 that are right."""
    if _SHAPE.fullmatch(text) is None or _LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def _is_iban(hit: Hit) -> bool:
    # The country says where the number ends; what stands behind it may be the next word.
    text = hit.data[hit.start : hit.start + 120].decode(errors="ignore")
    length = _LENGTHS.get(text[:2].upper())
    found = _SPACED[length].match(text) if length else None
    return found is not None and is_iban(_NOT_ALNUM.sub("", found[0].upper()))


def _is_account(hit: Hit) -> bool:
    """A number beside "account number" and its like: six digits or more, which nothing says to be something else."""
    value = value_after(hit)
    found = _ACCOUNT_NUMBER.match(value)
    if found is None or _UUID.match(value) or _MONEY.search(value[found.end() :]) or _MONEY.search(hit.text[:-1]):
        return False
    digits = digits_of(found[0])
    return 6 <= len(digits) <= 20 and len(set(digits)) > 1


def _is_bank_account(hit: Hit) -> bool:
    """The same beside a word that is common outside of banks, so that a bank must be near."""
    return _is_account(hit) and (is_near(hit, _BANK, before=120, after=120)) and not THINGS.search(hit.text)


def _is_routed(hit: Hit) -> bool:
    """A routing number or sort code with an account beside it."""
    value = value_after(hit, 100)
    code = _ROUTING.match(value) or _SORT_CODE.match(value)
    if code is None:
        return False
    rest = value[code.end() :]
    beside = hit.before(60)
    return bool(_LONE_ACCOUNT.search(rest)) or (_ACCOUNT.search(beside) and bool(_LONE_ACCOUNT.search(beside)))


def _is_ifsc(hit: Hit) -> bool:
    """An Indian branch code with an account number near it."""
    return any(len(digits_of(found)) >= 9 for side in (hit.before(80), hit.after(80)) for found in _LONE_ACCOUNT.findall(side))


def _is_brazilian(hit: Hit) -> bool:
    rest = hit.after(60)
    return re.search(r"\bc(?:onta|/c|c)\b[^\d\n]{0,20}\d[\d.]{3,}-?[\dxX]", rest, re.IGNORECASE) is not None


_COUNTRIES = "|".join(sorted(_LENGTHS))
_GAP = r"[ \t\r\n.\-_/]"
_ANY_GAP = r"[ \t\r\n.\-_/|,:;*'\"()\[\]]"
_STRONG = (
    "account number", "account no", "account num", "acct number", "acct no", "acct num", "acct #", "account #", "kontonummer",
    "konto-?nr", "kontonr", "numéro de compte", "número de cuenta", "numero de cuenta", "cuenta bancaria", "conto corrente",
    "numero di conto", "número da conta", "rekeningnummer", "numer konta", "nr konta", "kontonumret", "tilinumero", "číslo účtu",
    "hesap numarası", "账号", "账户号码", "銀行口座", "口座番号", "계좌번호", "номер счета",
    "номер счёта", "расчетный счет", "clabe", "bank account",
    "compte bancaire", "bankkonto", "bankverbindung", "chave pix",
    "pix key", "普通預金", "当座預金", "口座", "银行账号", "银行卡号", "开户行", "계좌",
)  # fmt: skip
_WEAK = ("account", "acct", r"a/c", "konto", "conta", "cuenta", "compte", "账户", "帳號", "普通", "当座", "은행")
_CODES = ("routing", "aba", "rtn", "sort code", "sortcode", r"\bsort\b", "bsb", "blz", "bankleitzahl", r"s/c", "transit")

DETECTORS: tuple[Detector, ...] = (
    Detector("iban", rf"\b(?:{_COUNTRIES})[0-9]{{2}}{_GAP}{{0,2}}[a-z0-9]{{3}}", _is_iban),
    Detector(
        "iban",
        rf"\b(?:{_COUNTRIES}){_ANY_GAP}{{0,3}}[0-9]{_ANY_GAP}{{0,3}}[0-9]{_ANY_GAP}{{0,3}}(?:[a-z0-9]{_ANY_GAP}{{0,3}}){{6}}",
        _is_iban,
    ),
    Detector("iban", rf"(?:iban|_)(?:{_COUNTRIES})[0-9]{{2}}[a-z0-9]{{8}}", _is_led_iban),
    *beside("bank_account", _STRONG, r"[^0-9\n]{0,24}[0-9]", _is_account),
    *beside("bank_account", _WEAK, r"[^0-9\n]{0,16}[0-9]", _is_bank_account),
    *beside("bank_account", _CODES, r"[^0-9\n]{0,24}[0-9]", _is_routed),
    Detector("bank_account", r"\b[A-Z]{4}0[A-Z0-9]{6}\b", _is_ifsc, caseless=False),
    *beside("bank_account", ("agência", "agencia", r"\bag\b"), r"[^0-9\n]{0,6}[0-9]", _is_brazilian),
)
