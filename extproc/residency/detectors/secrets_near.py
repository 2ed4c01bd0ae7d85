"""Keys and tokens without a form of their own: what looks drawn by lot near a word for a key, in any language, and codes of authenticators.

An identifier, a digest and a file's name are what looks most alike. So what counts is long, changes between letters and digits or
between upper and lower case all the way, and is no digest beside the words for one.
"""

from __future__ import annotations

import re
from itertools import pairwise

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import beside
from extproc.residency.detectors.randomness import is_placeholder
from extproc.residency.hit import Hit

_NAMES = (
    "schlüssel", "schluessel", "clé", "clef", "clave", "chiave", "chave", "sleutel", "klucz", "nyckel", "nøgle", "nøkkel", "avain",
    "anahtar", "kulcs", "klíč", "cheie", "κλειδί", "ключ", "токен", "секрет", "密钥", "密鑰", "秘钥", "金鑰", "令牌", "シークレット",
    "キー", "トークン", "키는", "키:", "키 ", "토큰", "시크릿", "مفتاح", "رمز", "कुंजी", "टोकन", "מפתח", "khóa", "kunci", r"\bkeys?\b",
    r"[a-z0-9][_-]key\b", "apikey", r"\btokens?\b", r"\bsecrets?\b", "jeton", "gettone", r"\bappid\b", "app_id", "access_key", "licen[cs]e",
    "lizenz", "credential", r"[?&](?:key|auth|sig|signature|token|code|secret|hmac|pat|sid|k|t|s)=", r"\bpat\b", "authtoken", r"[_-]auth\b",
    r"\bauth\b", "--with-token", r"\bapi\b", "webhook", r"\bbearer\b",
)  # fmt: skip
_AFTER_BYTES, _BEFORE_BYTES = 130, 90
_RUN = re.compile(r"(?<![A-Za-z0-9_\-+/.~@])[A-Za-z0-9_][A-Za-z0-9_\-+/.~]{14,}={0,2}(?![A-Za-z0-9@(])")
_HEX = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{48}|[0-9a-f]{64}|[0-9A-F]{32}|[0-9A-F]{40})(?![0-9A-Za-z])")
_GROUPED = re.compile(r"(?<![\w-])(?:[A-Z0-9]{5}-){3,4}[A-Z0-9]{5}(?![\w-])")
_JOINED = re.compile(
    r"[\w\s\"'`)\]*-]{0,30}?(?:[:=]|=>|\b(?:is|ist|lautet|est|es|é|è|to|är|er|on|was|este|jest|на|это|के|है)\b|[はは是为هو\-—,]|\s)\W{0,6}\Z"
)
_DIGEST = re.compile(
    r"sha-?\d|\bhash|digest|commit|\betag|md5|checksum|trace|span|revision|fingerprint|integrity|image|uuid|merkle|block|\bid\b|public|cache|"
    r"\btree\b|blob|object|ref\b|\brev\b|tx\b|address|sort|partition|primary|foreign|redis|idempot|request|dedup|\brow|\bmap\b",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"AAAA|ssh-|MII[BC][Ij]AN|pk_|pub|sha\d|toolu_|call_|chatcmpl|msg_|resp_|req_|http|www", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-", re.IGNORECASE)
_OF_ALL = re.compile(r"PUBLIC|fingerprint|SHA256|idempot|request.?id|trace|cache|cursor|page", re.IGNORECASE)
_WORDY = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_LEAST_CHARS = 15


def is_drawn(text: str) -> bool:
    """Whether `text` looks drawn by lot throughout: letters and digits that change places, and hardly a run that could be a word."""
    if len(text) < _LEAST_CHARS or is_placeholder(text) or len(set(text)) < 9 or _PUBLIC.match(text) or _UUID.match(text):
        return False
    digits = sum(map(str.isdigit, text))
    letters = sum(map(str.isalpha, text))
    kinds = ["d" if char.isdigit() else "u" if char.isupper() else "l" if char.islower() else "s" for char in text]
    changes = sum(a != b for a, b in pairwise(kinds))
    words = sum(len(word) for word in _WORDY.findall(text))
    if (
        digits < 2
        or letters < 3
        or changes * 5 < len(text)
        or text.count("/") > 2
        or text.count(".") > 3
        or re.search(r"\.[a-z]{1,4}$|^[./]", text)
    ):
        return False
    return words * 2 < letters or (digits * 5 >= len(text) and words * 3 < letters * 2) or (text.islower() and digits * 4 >= len(text))


def _has_near(hit: Hit) -> bool:
    """A run drawn by lot behind the word, on its line or the next, or just before it."""
    after, before = hit.after(_AFTER_BYTES), hit.before(_BEFORE_BYTES).rpartition("\n")[2]
    line, _, rest = after.partition("\n")
    if _OF_ALL.search(before[-24:]) or _OF_ALL.search(line[:24]):
        return False
    text = line if len(line.strip(" :=\"'`|>*-")) > 3 else f"{line} {rest.partition(chr(10))[0]}"
    return _drawn_in(text, before) or any(
        is_drawn(run[0]) for run in _RUN.finditer(before) if run.end() > len(before) - 40 and not _HEX.fullmatch(run[0])
    )


def _drawn_in(text: str, before: str) -> bool:
    for run in _RUN.finditer(text):
        between = text[: run.start()]
        if _HEX.fullmatch(run[0]):
            if _JOINED.match(between) and not _DIGEST.search(before[-40:]) and not _DIGEST.search(between):
                return len(set(run[0])) > 7
        elif is_drawn(run[0]) and not re.search(r"sha\d{1,3}[-:]\Z|https?://\S*\Z|(?:arn|vault|op|secretref):\S*\Z|_id\W{1,5}\Z", between):
            return True
    grouped = _GROUPED.search(text)
    return grouped is not None and any(map(str.isdigit, grouped[0])) and any(map(str.isalpha, grouped[0]))


_TAIL = re.compile(r"[A-Za-z0-9_-]{20,}")
_IDS = frozenset(
    """toolu usr uid u tok tr call msg resp req fc rs run thread asst batch file user item event evt cus cs in inv ch pi pm prod price sub
    si acct txn order
    conv chat session job task step trace span org proj project team doc chunk img image vs vsfs ftjob modr cmpl embd reasoning id
    class test tmp build rev sha css svelte jsx sc icon font data page node ws srvtoolu""".split()  # noqa: SIM905 - a word a line would be a page
)


def _is_prefixed(hit: Hit) -> bool:
    """`name_` and twenty characters or more drawn by lot, where the name is not one that ids have."""
    head = re.search(r"(?<![A-Za-z0-9])([a-z][a-z0-9]{1,11}(?:_[a-z0-9]{2,8}){0,2})\Z", hit.before(28) + hit.text[:1])
    tail = _TAIL.match(hit.text[2:] + hit.after(100))
    if head is None or tail is None or head[1].partition("_")[0] in _IDS:
        return False
    is_hex = re.fullmatch(r"[0-9a-f]{32,}", tail[0]) is not None
    return is_drawn(tail[0]) and (is_hex or (any(map(str.isupper, tail[0])) and any(map(str.islower, tail[0]))))


_TOTP = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z2-7]{16,64}|[a-z2-7]{16,64}|(?:[A-Za-z2-7]{4}[ -]){3,15}[A-Za-z2-7]{4})=*(?![A-Za-z0-9])")


def _is_authenticators(hit: Hit) -> bool:
    """Base32 (RFC 4648) beside a word for an authenticator (RFC 6238)."""
    return any(
        run[0].isupper() or any(map(str.isdigit, run[0])) for run in _TOTP.finditer(hit.before(40)[-40:] + " | " + hit.after(_AFTER_BYTES))
    )


DETECTORS = (
    *beside("api_key", _NAMES, "", _has_near),
    Detector("api_key", r"[a-z0-9]_[A-Za-z0-9]{8}[A-Za-z0-9_-]{12}", _is_prefixed, caseless=False),
    Detector(
        "api_key",
        r"authenticator|\b[th]?otp\b|\b[2m]fa\b|two[- ]factor|second factor|zwei-?faktor|setup key|base32|otpauth|"
        r"doble factor|deux facteurs",
        _is_authenticators,
    ),
)
