"""Values for the sets: numbers whose check digits hold, keys of the right shape, and the disguises a text can wear.

A source row writes `{{!card visa}}`, `{{!nid es.dni ########A | full}}` or `{{!= any text | b64}}`; everything is drawn from the
row's own generator, so a set is the same on every build. Nothing here is anyone's.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Callable
from importlib import import_module
from urllib.parse import quote

from stdnum import iban, luhn

_BASE62 = string.ascii_letters + string.digits
_URLSAFE = _BASE62 + "-_"
_BASE64 = _BASE62 + "+/"
_HEX = "0123456789abcdef"
_BASE32 = string.ascii_uppercase + "234567"
_ALPHABETS = {"w": _BASE62, "u": _URLSAFE, "b": _BASE64, "h": _HEX, "H": _HEX.upper(), "U": _BASE32, "d": string.digits}
_ALPHABETS |= {"l": string.ascii_lowercase + string.digits, "C": string.ascii_uppercase + string.digits}

# <letter+length> draws from an alphabet, the rest stands as it is.
_KEYS = {
    "aws": "AKIA<U16>",
    "aws_temp": "ASIA<U16>",
    "aws_secret": "<b40>",
    "github": "ghp_<w36>",
    "github_fine": "github_pat_<w22>_<w59>",
    "github_app": "ghs_<w36>",
    "gitlab": "glpat-<u20>",
    "slack_bot": "xoxb-<d12>-<d13>-<w24>",
    "slack_user": "xoxp-<d12>-<d12>-<d13>-<h32>",
    "slack_hook": "https://hooks.slack.com/services/T<C10>/B<C10>/<w24>",
    "stripe": "sk_live_<w24>",
    "stripe_restricted": "rk_live_<w32>",
    "openai": "sk-proj-<u74>T3BlbkFJ<u74>",
    "openai_old": "sk-<w20>T3BlbkFJ<w20>",
    "anthropic": "sk-ant-api03-<u93>AA",
    "google": "AIza<u35>",
    "google_oauth": "GOCSPX-<u28>",
    "google_access": "ya29.a0<u90>",
    "sendgrid": "SG.<u22>.<u43>",
    "twilio": "SK<h32>",
    "mailgun": "key-<h32>",
    "npm": "npm_<w36>",
    "pypi": "pypi-AgEIcHlwaS5vcmc<u70>",
    "huggingface": "hf_<w34>",
    "digitalocean": "dop_v1_<h64>",
    "shopify": "shpat_<h32>",
    "telegram": "<d10>:AA<u33>",
    "discord": "MTA<w21>.G<w5>.<u38>",
    "azure_secret": "<w3>8Q~<u34>",
    "azure_storage": "<b86>==",
    "databricks": "dapi<h32>",
    "linear": "lin_api_<w40>",
    "notion": "secret_<w43>",
    "figma": "figd_<u40>",
    "atlassian": "ATATT3xFfGF0<u172>=<H8>",
    "vault": "hvs.CAESI<u90>",
    "terraform": "<w14>.atlasv1.<u67>",
    "doppler": "dp.pt.<w43>",
    "grafana": "glsa_<w32>_<h8>",
    "newrelic": "NRAK-<C27>",
    "postman": "PMAK-<h24>-<h34>",
    "planetscale": "pscale_tkn_<u43>",
    "supabase": "sbp_<h40>",
    "groq": "gsk_<w52>",
    "perplexity": "pplx-<w48>",
    "xai": "xai-<w80>",
    "replicate": "r8_<w37>",
    "age": "AGE-SECRET-KEY-1<C58>",
    "square": "sq0csp-<u43>",
    "docker": "dckr_pat_<u27>",
    "rubygems": "rubygems_<h48>",
    "airtable": "pat<w14>.<h64>",
    "okta": "00<u40>",
    "hex32": "<h32>",
    "hex40": "<h40>",
    "hex64": "<h64>",
    "uuid": "<h8>-<h4>-4<h3>-a<h3>-<h12>",
    "token": "<w32>",
    "base64": "<b44>",
    "git": "<h40>",
    "sri": "sha512-<b86>==",
    "ulid": "01J<C23>",
}
_CARDS = {
    "visa": ("4", 16), "mc": ("5", 16), "amex": ("37", 15), "discover": ("6011", 16), "jcb": ("3528", 16),
    "unionpay": ("62", 16), "diners": ("3056", 14), "mir": ("2200", 16), "maestro": ("6759", 16),
}  # fmt: skip
_BBANS = {
    "DE": "##################", "GB": "NWBK##############", "NL": "RABO##########", "AT": "################", "CH": "00762############",
    "ES": "####################", "BE": "############", "SE": "####################", "DK": "##############",
    "PL": "########################",
    "SA": "####################", "AE": "###################", "TR": "######################", "BR": "#######################P1",
    "IE": "AIBK##############", "PT": "#####################", "CZ": "####################", "NO": "###########", "FI": "##############",
    "LU": "###A############", "HU": "########################", "GR": "#######################",
}  # fmt: skip
_LOOKALIKES = str.maketrans("aceopxyiABCEHKMOPTXS", "асеорхуіАВСЕНКМОРТХЅ")  # noqa: RUF001
_MOST_ATTEMPTS = 400_000


def fill(mask: str, draw: random.Random) -> str:
    """`mask` with every `#` a digit and every `A` a capital letter."""
    return re.sub("[#A]", lambda found: draw.choice(string.digits if found[0] == "#" else string.ascii_uppercase), mask)


def _key(name: str, draw: random.Random) -> str:
    return re.sub(r"<(\w)(\d+)>", lambda part: "".join(draw.choices(_ALPHABETS[part[1]], k=int(part[2]))), _KEYS[name])


def _card(brand: str, draw: random.Random) -> str:
    prefix, length = _CARDS[brand]
    if brand == "mc":
        prefix = f"5{draw.randint(1, 5)}"
    digits = fill(prefix + "#" * (length - len(prefix) - 1), draw)
    return digits + luhn.calc_check_digit(digits)


def _not_card(brand: str, draw: random.Random) -> str:
    good = _card(brand, draw)
    return good[:-1] + str((int(good[-1]) + draw.randint(1, 9)) % 10)


def _iban(country: str, draw: random.Random) -> str:
    for _ in range(_MOST_ATTEMPTS):
        bban = fill(_BBANS[country], draw)
        number = country + iban.calc_check_digits(f"{country}00{bban}") + bban
        if iban.is_valid(number):
            return number
    raise AssertionError(country)


def _not_iban(country: str, draw: random.Random) -> str:
    good = _iban(country, draw)
    return good[:2] + str((int(good[2:4]) + 11) % 90 + 10) + good[4:]


def _id(module: str, mask: str, draw: random.Random) -> str:
    check = import_module(f"stdnum.{module}").is_valid
    return next(number for number in (fill(mask, draw) for _ in range(_MOST_ATTEMPTS)) if check(number))


def _snils(draw: random.Random) -> str:
    digits = fill("1########", draw)
    check = sum(int(digit) * (9 - place) for place, digit in enumerate(digits)) % 101 % 100
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]} {check:02}"


def _jwt(who: str, draw: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

    claims = {"sub": str(draw.randint(10**6, 10**9)), "name": who or "svc-batch", "iat": 1730000000 + draw.randint(0, 10**7)}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{''.join(draw.choices(_URLSAFE, k=43))}"


def _pem(label: str, draw: random.Random) -> str:
    lines = ["".join(draw.choices(_BASE64, k=64)) for _ in range(5)] + ["".join(draw.choices(_BASE64, k=38)) + "=="]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


def _groups(text: str, by: str = " ", size: int = 4) -> str:
    return by.join(text[at : at + size] for at in range(0, len(text), size))


def _digits_from(zero: int) -> Callable[[str], str]:
    return lambda text: "".join(chr(zero + int(one)) if one in string.digits else one for one in text)


def _middle(by: str) -> Callable[[str], str]:
    return lambda text: text[: len(text) // 2] + by + text[len(text) // 2 :]


DISGUISES: dict[str, Callable[[str], str]] = {
    "b64": lambda text: base64.b64encode(text.encode()).decode(),
    "b64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "b64lines": lambda text: _groups(base64.b64encode(text.encode()).decode(), "\n", 64),
    "hex": lambda text: text.encode().hex(),
    "pct": lambda text: quote(text, safe=""),
    "pctall": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "html": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "htmlx": lambda text: "".join(f"&#x{ord(one):x};" for one in text),
    "uesc": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "xesc": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "full": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "zw": "\u200b".join,
    "zwnj": lambda text: _groups(text, "\u200c", 3),
    "wj": lambda text: _groups(text, "\u2060", 2),
    "shy": lambda text: _groups(text, "\u00ad", 5),
    "bidi": lambda text: f"\u202d{text}\u202c",
    "isolate": lambda text: "\u2066" + _groups(text, "\u2069\u2066", 6) + "\u2069",
    "cyr": lambda text: text.translate(_LOOKALIKES),
    "nbsp": lambda text: text.replace(" ", "\u00a0"),
    "thin": lambda text: text.replace(" ", "\u2009"),
    "line": _middle("\n"),
    "cont": _middle("\\\n"),
    "concat": _middle('" + "'),
    "g4": _groups,
    "d4": lambda text: _groups(text, "-"),
    "dots": lambda text: _groups(text, "."),
    "dotted": lambda text: text.replace("-", "."),
    "each": " ".join,
    "g3": lambda text: _groups(text, " ", 3),
    "g2": lambda text: _groups(text, " ", 2),
    "arabic": _digits_from(0x0660),
    "devanagari": _digits_from(0x0966),
    "bold": _digits_from(0x1D7CE),
    "lower": str.lower,
    "qp": lambda text: "".join(one if one.isalnum() or one == " " else "".join(f"={byte:02X}" for byte in one.encode()) for one in text),
    "json": json.dumps,
    "json2": lambda text: json.dumps(json.dumps({"v": text})),
    "noon": lambda text: text.replace("@", " at ").replace(".", " dot "),
    "brackets": lambda text: text.replace("@", " [at] ").replace(".", " [dot] "),
}


def _draw(what: str, draw: random.Random) -> str:
    name, _, rest = what.partition(" ")
    if name == "nid":
        module, _, mask = rest.partition(" ")
        return _id(module, mask, draw)
    makers: dict[str, Callable[[str, random.Random], str]] = {
        "=": lambda text, _: text, "k": _key, "card": _card, "notcard": _not_card, "iban": _iban, "notiban": _not_iban,
        "jwt": _jwt, "pem": _pem, "mask": fill, "snils": lambda _, draw: _snils(draw),
    }  # fmt: skip
    return makers[name](rest, draw)


def expand(text: str, draw: random.Random) -> str:
    """`text` with every `{{!...}}` drawn and disguised; what is in the inmost braces comes first."""
    inmost = re.compile(r"\{\{!((?:(?!\{\{!|\}\}).)*)\}\}", re.DOTALL)

    def value(found: re.Match[str]) -> str:
        what, *disguises = found[1].split(" | ")
        drawn = _draw(what, draw)
        for disguise in disguises:
            drawn = DISGUISES[disguise.strip()](drawn)
        return drawn

    while inmost.search(text):
        text = inmost.sub(value, text)
    return text
