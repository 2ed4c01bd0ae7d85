"""What is shown at a door: JSON web tokens (RFC 7519), HTTP's authorization (RFC 7617, RFC 6750), cookies of sessions."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64Error

from extproc.residency.detector import Detector
from extproc.residency.detectors.randomness import is_placeholder, is_random
from extproc.residency.hit import Hit

_SPACE = re.compile(r"\s+")
_JWT = re.compile(r"(eyJ[\w-]{8,})\.[\w-]{4,}(?:\.[\w-]*)?")


def _is_jwt(hit: Hit) -> bool:
    text = hit.text + hit.after(200)
    match = _JWT.match(text) or _JWT.match(_SPACE.sub("", text))
    if match is None:
        return _is_long_header(text)
    try:
        header = json.loads(urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)))
    except (ValueError, NotBase64Error):
        return False
    return isinstance(header, dict) and ("alg" in header or "typ" in header)


def _is_long_header(text: str) -> bool:
    """A header with more than an algorithm, whose end is out of sight."""
    start = re.match(r"eyJ[\w-]{150,}$", text)
    if start is None:
        return False
    try:
        return b'"alg"' in urlsafe_b64decode(text[: len(text) & ~3])
    except (ValueError, NotBase64Error):
        return False


_BASIC = re.compile(r"\s+([A-Za-z0-9+/_-]{6,}={0,2})")


def _is_basic(hit: Hit) -> bool:
    match = _BASIC.match(hit.after(200))
    if match is None:
        return False
    run = match[1].rstrip("=")
    try:
        decoded = urlsafe_b64decode(run.replace("+", "-").replace("/", "_") + "=" * (-len(run) % 4)).decode()
    except (ValueError, NotBase64Error):
        return False
    user, colon, secret = decoded.partition(":")
    if colon and not secret and decoded.isprintable():
        return is_random(user, 16)  # a key in the place of the name
    return bool(colon and secret) and decoded.isprintable() and not is_placeholder(secret)


_TOKEN = re.compile(r"""[\s:="']+([A-Za-z0-9_\-.~+/=|]{8,})""")


def _is_bearer(hit: Hit) -> bool:
    match = _TOKEN.match(hit.after(200))
    return match is not None and (is_random(match[1], 12) or (is_random(match[1], 8) and "uthorization" in hit.before(30)))


_COOKIE = re.compile(
    r"(?:[\w.-]*sess(?:ion)?[\w.-]*|[\w.-]*sid|[\w.-]*auth[\w.-]*|[\w.-]*token[\w.-]*|JSESSIONID|remember\w*|jwt)=([^;\s\"']{8,})",
    re.IGNORECASE,
)


def _has_session(hit: Hit) -> bool:
    return any(is_random(match[1], 10) for match in _COOKIE.finditer(hit.after(200)))


DETECTORS = (
    Detector("jwt", r"eyJ[A-Za-z0-9_-]{10}", _is_jwt, caseless=False),
    Detector("password", r"\bBasic\b", _is_basic),
    Detector("api_key", r"\b(?:Bearer|Authorization[\"']?: ?[\"']?(?:Token|ApiKey|Bot|Digest|OAuth|GenieKey|SSWS|Key))\b", _is_bearer),
    Detector("api_key", r"\bAuthorization[\"']?\s{0,2}[:=]", _is_bearer),
    Detector(
        "password", r"\b(?:set-)?cookies?[\"']?\s{0,2}[:=]|\b(?:PHPSESSID|JSESSIONID|ASP\.NET_SessionId|connect\.sid)\b", _has_session
    ),
)
