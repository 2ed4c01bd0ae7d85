"""Passwords, secrets and tokens beside a word that says so: assignments, configuration, headers, prose.

A candidate is the word. What follows it decides: how the two are joined (`=`, `:`, `is`, a table's bar), and whether the value is
one (`password_values`).
"""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors import logins
from extproc.residency.detectors.password_values import has_mixture, is_bare_password, is_quoted_password, is_token_value
from extproc.residency.detectors.secret_names import PASSWORD, SECRET, is_about, is_of_text
from extproc.residency.detectors.told import QUOTED, has_odd, is_told, is_told_before, line_of, stripped, told, value_before, words_of
from extproc.residency.hit import Hit

_REACH_BYTES = 160

# What joins a word to its value. Behind the word may stand the end of a longer name, a closing quote, an opening tag's end.
_SIGN = re.compile(
    r"[\w.-]{0,24}[\"'`\]\)]{0,2}(?:\s{0,2}\((?:[\w /.-]{1,30})\))?\s{0,8}(?:\\?[\"'`])?\s{0,4}"
    r"(?P<sign>:=|=>|={1,3}|:{1,2}|は|は、|-{1,2}>|\||>|,?\s{0,2}[\"']?(?:value|val|content)[\"']?\s{0,2}[:=])"
    r"\s{0,16}(?:\*\*|[`_]{1,2})?"
)
_TYPED = re.compile(r"[A-Za-z_][\w.\[\]| ]{0,40}\s=\s")  # password: str = "..."
_BARE = re.compile(r"[^\s\"'`<>\\]{1,120}")
_REFERENCE = re.compile(r"(?:\$\{?|\{\{\s*|%|<)[\w.-]{0,40}$")  # `${DB_PASSWORD}`, `{{ .password }}`, `<password>`
_ELEMENT = re.compile(r"[\w.-]{0,24}>(?P<value>[^<>\n]{1,80})</")


def _value_behind(after: str) -> tuple[str, str, str] | None:
    """The sign and the value of an assignment, and its quote, which is empty for a bare value."""
    sign = _SIGN.match(after)
    if sign is None:
        return None
    at = sign.end()
    typed = _TYPED.match(after, at)
    if typed is not None:
        at = typed.end()
    quoted = QUOTED.match(after, at)
    if quoted is not None:
        return sign["sign"], quoted["value"], quoted["quote"]
    bare = _BARE.match(after, at)
    return (sign["sign"], bare[0], "") if bare is not None else None


def _is_assigned(hit: Hit) -> bool:
    after = hit.after(_REACH_BYTES)
    if is_about(after):
        return False
    before = hit.before(90)
    if _REFERENCE.search(before[-44:]):
        element = _ELEMENT.match(after)
        return element is not None and is_quoted_password(element["value"])
    found = _value_behind(after)
    if found is None:
        return not _SIGN.match(after) and (is_told(after) or is_told_before(before))
    sign, value, quote = found
    if quote:
        return is_quoted_password(value)
    if sign in ("==", "===", ">", "|") and not has_mixture(value):
        return False
    return is_bare_password(value) and (has_mixture(value) or _ends_there(after, value))


def _ends_there(after: str, value: str) -> bool:
    """Whether nothing but `value` follows on its line: a plain word that begins a sentence is no password."""
    behind = after[after.find(value) + len(value) :]
    return re.match(r"[\"'`*,;]{0,3}\s*(?:\n|$|#|//|\}|\|)", behind) is not None


def _is_key_assigned(hit: Hit) -> bool:
    after, before = hit.after(_REACH_BYTES), hit.before(90)
    if is_about(after) or is_of_text(before) or _REFERENCE.search(before[-44:]):
        return False
    found = _value_behind(after)
    if found is not None:
        return is_token_value(found[1])
    value = value_before(before)
    if value is not None and is_token_value(stripped(value)):
        return True
    after = line_of(after)
    if not has_odd(after):
        return False
    words = words_of(after)
    return any(is_token_value(stripped(word)) for word in (*told(words), *words[:1]))


DETECTORS = (
    *(Detector("password", words, _is_assigned) for words in PASSWORD),
    *(Detector("api_key", words, _is_key_assigned) for words in SECRET),
    *logins.DETECTORS,
)
