"""Keys and tokens that say whose they are: a prefix, and so many characters of an alphabet.

The prefixes are those the vendors document for secret scanners. Lengths are lower bounds below the documented ones: a key
that lost its end was a key. A key broken over lines, or into groups, is one as well. Keys from vendors' own documentation count;
what stands for a key (`sk-...`, `<YOUR_KEY>`) does not, nor do keys that are public by design (Stripe's `pk_`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from extproc.residency.detector import Detector
from extproc.residency.detectors.randomness import is_placeholder, is_random
from extproc.residency.hit import Hit


class Format(NamedTuple):
    """A key: `prefix` (a pattern), then `least` or more of the characters `body`."""

    prefix: str
    body: str
    least: int


_ALNUM = "[A-Za-z0-9]"
_WORD = r"[A-Za-z0-9_]"
_URL = r"[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"
_B64 = "[A-Za-z0-9+/=_-]"
_DOTTED = r"[A-Za-z0-9_.-]"

FORMATS = (
    Format("(?:AKIA|ASIA|ABIA|ACCA)", "[A-Z0-9]", 16),  # AWS
    Format("ABSK", _B64, 40),  # AWS Bedrock
    Format("AIza", _URL, 30),  # Google
    Format("GOCSPX-", _URL, 20),
    Format(r"ya29\.", _URL, 20),
    Format("1//0", _URL, 35),
    Format("sk-(?:proj-|svcacct-|admin-|None-|ant-(?:api|admin)[0-9]{2}-|ant-|or-v1-|lf-)?", _URL, 16),  # OpenAI, Anthropic and their likes
    Format("hf_", _ALNUM, 20),
    Format("api_org_", _ALNUM, 20),
    Format("gh[pousr]_", _ALNUM, 20),
    Format("github_pat_", _WORD, 20),
    Format("gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|ffct|soat)-", _DOTTED, 16),
    Format("GR1348941", _URL, 16),
    Format("xox[abeoprs]-", _URL, 10),  # Slack
    Format(r"xoxe\.xox[bp]-", _URL, 10),
    Format("xapp-", _URL, 16),
    Format(r"hooks\.slack\.com/(?:services|workflows|triggers)/", "[A-Za-z0-9/_-]", 18),
    Format(r"discord(?:app)?\.com/api/webhooks/\d{6,20}/", _URL, 20),
    Format(r"webhook\.office\.com/webhookb2/", "[A-Za-z0-9/@-]", 30),
    Format(r"hooks\.zapier\.com/hooks/catch/", "[A-Za-z0-9/]", 10),
    Format("(?:sk|rk)_(?:live|test)_", _ALNUM, 10),  # Stripe
    Format("whsec_", "[A-Za-z0-9+/=]", 20),
    Format("SK", _HEX, 32),  # Twilio
    Format("SG\\.", _DOTTED, 30),
    Format("key-", _HEX, 32),  # Mailgun
    Format("xkeysib-", _URL, 30),
    Format("npm_", _ALNUM, 20),
    Format("pypi-", _URL, 16),
    Format("rubygems_", _HEX, 20),
    Format("dckr_(?:pat|oat)_", _URL, 20),
    Format("do[opr]_v1_", _HEX, 20),
    Format("HRKU-", _URL, 20),
    Format("shp(?:at|ca|pa|ss|tka)_", _ALNUM, 16),
    Format("sq0(?:atp|csp|idp)-", _URL, 20),
    Format("EAAA", _URL, 56),
    Format(r"[0-9]{8,10}:AA", _URL, 28),  # Telegram
    Format("dapi", _HEX, 28),
    Format("dkea", _HEX, 28),
    Format("NR(?:AK|II|IQ|JS|AA|AL)-", _ALNUM, 16),
    Format("gl(?:sa|c)_", _B64, 20),  # Grafana
    Format(r"hv[sbr]\.", _URL, 16),
    Format("v1\\.0-", "[0-9a-f-]", 40),  # Cloudflare's origin certificates
    Format("lin_(?:api|oauth)_", _ALNUM, 16),
    Format("secret_", _ALNUM, 38),
    Format("ntn_", _ALNUM, 20),
    Format(r"pat[A-Za-z0-9]{14}\.", _HEX, 32),
    Format("sb(?:p|_secret)_", _URL, 16),
    Format("gsk_", _ALNUM, 20),
    Format("xai-", _ALNUM, 20),
    Format("pplx-", _ALNUM, 20),
    Format("r8_", _ALNUM, 20),
    Format("nvapi-", _URL, 20),
    Format("fw_", _ALNUM, 20),
    Format("tvly-", _URL, 16),
    Format("jina_", _URL, 20),
    Format("csk-", _ALNUM, 20),
    Format("pcsk_", _URL, 20),
    Format("lsv2_(?:pt|sk)_", _WORD, 20),
    Format("e2b_", _ALNUM, 20),
    Format("phx_", _ALNUM, 20),
    Format("PMAK-", _URL, 20),
    Format(r"dp\.(?:pt|st|ct|sa|scim|audit)\.", _DOTTED, 16),
    Format("pul-", _HEX, 20),
    Format(r"[A-Za-z0-9]{14}\.atlasv1\.", _URL, 20),
    Format("sntry[su]_", _B64, 20),
    Format("fm[12][ar]?_", _B64, 30),
    Format("fo1_", _URL, 20),
    Format("nfp_", _ALNUM, 20),
    Format("vc[piakr]_", _ALNUM, 20),
    Format("AT(?:ATT|CTT)3x", _B64, 20),
    Format("ATBB", _ALNUM, 20),
    Format("sl\\.[BA]\\.?", _URL, 40),
    Format("A{20}", r"[A-Za-z0-9%]", 24),  # a Twitter application's bearer token
    Format("figd_", _URL, 20),
    Format("CFPAT-", _URL, 20),
    Format(r"dt0[a-z]\d\d\.", _DOTTED, 20),
    Format("pscale_(?:tkn|pw|oauth)_", _DOTTED, 16),
    Format("shippo_(?:live|test)_", _HEX, 20),
    Format("tfp_", _URL, 20),
    Format("LTAI", _ALNUM, 12),
    Format("AKID", _ALNUM, 28),
    Format("AQVN", _URL, 30),
    Format("tskey-(?:auth|api|client|webhook|scim)-", _URL, 12),
    Format("sk\\.eyJ", _DOTTED, 30),  # Mapbox
    Format("ops_eyJ", _B64, 40),
    Format("[A-Za-z0-9_~.-]{3}[78]Q~", r"[A-Za-z0-9_~.-]", 28),  # Entra ID
    Format("eyJrIjoi", _B64, 30),
    Format("rnd_", _ALNUM, 24),
    Format("ak_[A-Za-z0-9]{2,8}_|sk_[a-z]{2,8}_", _ALNUM, 20),
    Format("frame_|rzp_(?:live|test)_", _ALNUM, 12),
    Format("SCW", "[A-Z0-9]", 17),
    Format("access-(?:sandbox|development|production)-", _URL, 30),
    Format("EZ[AT]K", _ALNUM, 40),
    Format("live_sk_|test_sk_", _ALNUM, 16),
    Format("AQ\\.", _URL, 40),  # Google
    Format("AKC[A-Za-z0-9]", _ALNUM, 60),  # Artifactory
)
_EVEN_WITHOUT_LOTS = frozenset(["AKIA", "ASIA", "ABIA", "ACCA"])

# A line's end within a key, or the joint of two literals.
_BREAK = re.compile(r"""["'`]?\s*[+\\]?\s*\r?\n[ \t>|#*+]*["'`]?|["'`]\s*(?:[+.,&]|\|\|)?\s*["'`]""")
_BREAK_MARKS = frozenset("\r\n\"'`\\ ")
_GROUP_MARKS = frozenset(" -")
_REACH_BYTES = 120


def _is_key(form: Format) -> Callable[[Hit], bool]:
    pattern = re.compile(f"(?:{form.prefix})({form.body}{{{form.least},}})")
    run = re.compile(f"(?:{form.prefix}){form.body}*")

    def check(hit: Hit) -> bool:
        text = hit.text + hit.after(_REACH_BYTES)
        whole = pattern.match(text)
        if whole is not None:
            return is_key(whole)
        part = run.match(text)
        if part is None:
            return False
        behind = text[part.end() : part.end() + 1]
        if behind in _GROUP_MARKS and is_key(pattern.match(_ungrouped(text))):
            return True
        if behind not in _BREAK_MARKS or not any(mark in text[part.end() : part.end() + 8] for mark in "\n\"'`"):
            return False
        return is_key(pattern.match(_BREAK.sub("", text, count=4)))

    return check


def is_key(match: re.Match[str] | None) -> bool:
    """Whether what follows the prefix was drawn by lot, as it seems."""
    if match is None:
        return False
    if match[0][:4] in _EVEN_WITHOUT_LOTS:
        return not is_placeholder(match[1]) and any(map(str.isdigit, match[1]))
    return is_random(match[1], 8)


_GROUPED = re.compile(r"[^\s-]{2,8}(?:[ -][^\s-]{2,8}){2,15}")


def _ungrouped(text: str) -> str:
    """`text` with the groups it begins with put together, if their characters are those of a key and not of words."""
    groups = _GROUPED.match(text[:64])
    if groups is None:
        return ""
    parts = re.split("[ -]", groups[0])
    least = len(parts[0])
    even = [part for part in parts if len(part) == least and (any(map(str.isdigit, part)) or part.isupper())]
    return "".join(parts[: len(even) + 1]) if len(even) * 2 > len(parts[:8]) else ""


def _start(form: Format) -> str:
    """Candidates: the prefix with two characters behind it, wherever a word could begin."""
    return f"(?:^|[^A-Za-z0-9])(?:{form.prefix})\\s{{0,2}}{form.body}[ \\n-]?{form.body}"


def _detector(form: Format) -> Detector:
    check = _is_key(form)

    def behind(hit: Hit) -> bool:
        # The character in front of the key, if the pattern took one.
        first = hit.data[hit.start : hit.start + 1]
        skip = 0 if re.match(form.prefix, hit.text) else len(first)
        return check(Hit(hit.data, hit.start + skip, hit.end))

    return Detector("api_key", _start(form), behind, caseless=False)


_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_SAS = re.compile(r"[?&;\"']?s(?:v|e|p|r|s)=[^&\s]{1,60}&", re.IGNORECASE)


def _has_aws_secret(hit: Hit) -> bool:
    return any(is_random(match[0], 40) for match in _AWS_SECRET.finditer(hit.after(160)))


def _is_sas(hit: Hit) -> bool:
    return _SAS.search(hit.before(200) + hit.after(120)) is not None


DETECTORS = (
    *map(_detector, FORMATS),
    Detector("api_key", r"(?:aws|amazon)[\w .-]{0,20}(?:secret|sk)|secret[ _]?access[ _]?key", _has_aws_secret),
    Detector("api_key", r"[?&;\"']sig=[A-Za-z0-9%+/]{20}", _is_sas),
    Detector("api_key", r"\bAC[0-9a-f]{32}[\"':, ]{1,4}[0-9a-f]{32}\b", caseless=False),  # Twilio
    Detector("api_key", r"\b[0-9a-f]{32}-us[0-9]{1,2}\b"),  # Mailchimp
    Detector("api_key", r"\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}", lambda hit: is_random(hit.text, 50), caseless=False),  # Discord
)
