"""Private keys: PEM of every kind (RFC 7468), OpenSSH, PGP, PuTTY, age, JWK (RFC 7517), WireGuard, and mnemonics of wallets.

The header alone is talk about keys; what makes a key is what follows it.
"""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import beside
from extproc.residency.detectors.randomness import is_placeholder, is_random
from extproc.residency.hit import Hit

_GAP = re.compile(r"(?:\s|\\+[nr]|[\"'+,>|#*\\-]|Proc-Type: ?[\w,]+|DEK-Info: ?[\w,-]+|(?:Version|Comment): ?.{1,60})*")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{8,}")
_HAS_MIX = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9+/])|MI[IG]|b3BlbnNz|lQ[A-Za-z]|[A-Z][a-z]+[A-Z]")


def _has_body(hit: Hit) -> bool:
    after = hit.after(200)
    gap = _GAP.match(after)
    body = _BASE64.match(after, gap.end() if gap else 0)
    return body is not None and not is_placeholder(body[0]) and _HAS_MIX.match(body[0]) is not None


_LINES = re.compile(r"Private-Lines: ?\d|[A-Za-z0-9+/=]{24}")


def _has_lines(hit: Hit) -> bool:
    return _LINES.search(hit.after(200)) is not None


def _is_jwk(hit: Hit) -> bool:
    return "kty" in hit.around(200)


def _is_oct(hit: Hit) -> bool:
    return re.search(r"kty\W{1,6}oct", hit.around(200)) is not None


_NAMES = (
    r"private[ _-]?key", "privater schlüssel", "privaten schlüssel", "clé privée", "cle privee", "clave privada", "llave privada",
    "chiave privata", "chave privada", "privésleutel", "klucz prywatny", "privat nyckel", "özel anahtar", "приватный ключ",
    "закрытый ключ", "секретный ключ", "私钥", "私鑰", "秘密鍵", "비밀키", "개인키", "المفتاح الخاص", "निजी कुंजी", r"\bwif\b", "wallet key",
    "import key", "spend key", "signing key", "secret scalar",
)  # fmt: skip
_KEY = re.compile(r"(?<![\w+/=])(?:(?:0x)?[0-9a-fA-F]{64}(?![0-9a-fA-F])|[A-Za-z0-9+/_-]{40,}={0,2})")


def _has_key_near(hit: Hit) -> bool:
    """Behind a word for a private key: 32 bytes in hex, or a run in base58 or base64 that was drawn by lot."""
    line = hit.text + hit.after(140).partition("\n")[0]
    found = _KEY.search(line)
    return found is not None and not is_placeholder(found[0]) and is_random(found[0], 40) and "/" not in found[0][:2]


# The list of BIP 39 has none of these.
_PROSE = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "of",
        "to",
        "in",
        "on",
        "at",
        "it",
        "its",
        "for",
        "with",
        "by",
        "or",
        "as",
        "i",
        "if",
        "not",
        "from",
        "my",
        "me",
        "your",
        "our",
        "their",
        "his",
        "her",
    ]
)
_WORD = re.compile(r"[a-z]{3,8}")
_NUMBERING = re.compile(r"\d{1,2}[.):]")
_LEAST_WORDS = 12


def _is_mnemonic(hit: Hit) -> bool:
    words = 0
    text = re.sub(
        r"^(?:[^\W\d_]{1,6} ){0,2}(?:are|is|sind|ist|sont|est|son|es|è|é)\b|^[^\n:]{0,30}:", "", _NUMBERING.sub(" ", hit.after(200)).lower()
    )
    for word in re.split(r"[\s,;]+", text.strip(" :=\"'`-\n")):
        if _WORD.fullmatch(word.strip("\"'`.")) and word not in _PROSE:
            words += 1
            if words >= _LEAST_WORDS:
                return True
        elif words >= 3 or word in _PROSE - {"is", "are", "my", "was"}:
            return False
    return False


DETECTORS = (
    Detector("private_key", r"BEGIN[ _][A-Z0-9 _]{0,40}PRIVATE[ _]KEY(?:[ _]BLOCK)?", _has_body),
    Detector("private_key", r"PuTTY-User-Key-File-[0-9]", _has_lines),
    Detector("private_key", r"AGE-SECRET-KEY-1[A-Z0-9]{20}"),
    Detector("private_key", r"b3BlbnNzaC1rZXktdjE", caseless=False),
    Detector("private_key", r"MII(?:E[a-z]{1,2}|C[VWX]|J[JKQR]|G[HI])[A-Za-z]{0,2}IBA[A-Z][AGB]", caseless=False),
    Detector("private_key", r"\"d\"\s{0,2}:\s{0,2}\"[\w-]{40}|\bd: [\w-]{42}", _is_jwk, caseless=False),
    Detector(
        "private_key",
        r"private[ _]?key[\"']?\s{0,3}[=:]\s{0,3}[\"']?(?:0x[0-9a-f]{64}|[0-9a-f]{64}\b|"
        r"[A-Za-z0-9+/]{43}=|[59KLc][1-9A-HJ-NP-Za-km-z]{50,51}\b)",
    ),
    Detector(
        "private_key",
        r"(?:seed|recovery|backup|secret|restore)[ _-]?(?:phrase|words?)|mnemonic(?:[ _]phrase)?|\b(?:12|24|twelve|twenty-four) words|"
        r"wiederherstellungs\w*|phrase de r\xc3\xa9cup\w*|frase semilla|palabras semilla|frase di recupero|"
        r"\xe5\x8a\xa9\xe8\xae\xb0\xe8\xaf\x8d|\xe5\x8a\xa9\xe8\xa8\x98\xe8\xa9\x9e|\xe3\x83\x8b\xe3\x83\xbc\xe3\x83\xa2\xe3\x83\x8b\xe3\x83\x83\xe3\x82\xaf|"
        r"\xd1\x81\xd0\xb8\xd0\xb4-\xd1\x84\xd1\x80\xd0\xb0\xd0\xb7\xd0\xb0",
        _is_mnemonic,
    ),
    Detector("private_key", r"\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{40}", caseless=False),
    Detector("private_key", r"\bnsec1[a-z0-9]{40}", caseless=False),
    Detector(
        "private_key",
        r"(?:^|[^A-Za-z0-9+/])(?:5[HJK][1-9A-HJ-NP-Za-km-z]{49}|[KL][1-9A-HJ-NP-Za-km-z]{51})(?:[^A-Za-z0-9+/=]|$)",
        caseless=False,
    ),
    Detector("private_key", r"MHcCAQEEI|MC4CAQAwBQYDK2V|MIGHAgEAMBMG|MIG2AgEAMBAG|MIGkAgEBBD|MIHuAgEAMBAG", caseless=False),
    Detector("private_key", r"\"k\"\s{0,2}:\s{0,2}\"[\w-]{22}|\bk: [\w-]{22}", _is_oct, caseless=False),
    *beside("private_key", _NAMES, r"[^\n]{0,60}[A-Za-z0-9+/]{12}", _has_key_near),
)
