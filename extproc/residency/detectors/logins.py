"""Secrets without a name of their own: flags of commands, logins in pairs, codes for one use, columns of a table."""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.password_values import has_mixture, is_bare_password
from extproc.residency.detectors.told import is_odd, line_of
from extproc.residency.hit import Hit

_REACH_BYTES = 160
_SPACED = re.compile(r"(?:[=\s]{1,2})(?P<value>\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|[^\s\"']\S{2,80})")


def _is_flag(hit: Hit) -> bool:
    spaced = _SPACED.match(hit.after(_REACH_BYTES))
    if spaced is None:
        return False
    value = spaced["value"].strip("\"'")
    return not value.startswith("-") and is_bare_password(value) and (has_mixture(value) or (len(value) >= 5 and "--" in hit.text))


def _is_login(hit: Hit) -> bool:
    """`-u name:password`, and `name / password` behind words like "log in with"."""
    match = re.match(
        r"[\s=:]{1,3}(?:are |is |sind |sont |son |als |as |with )?[\"']?(?P<name>[\w.@+-]{1,60})"
        r"(?:\s?[:/,]\s?| (?:and|und|et|y|e|i|en|och|ve|и) (?:\w+ )?)[\"']?(?P<value>[^\s\"']{3,60})",
        hit.after(_REACH_BYTES),
    )
    return match is not None and not match["value"].startswith("/") and is_bare_password(match["value"]) and has_mixture(match["value"])


def _is_pair(hit: Hit) -> bool:
    value = re.match(r"\S{0,60}", hit.text.rpartition("/")[2].lstrip() + hit.after(60))
    return (
        value is not None
        and is_odd(value[0])
        and sum(map(str.isalpha, value[0])) > 2
        and any(map(str.isdigit, value[0]))
        and re.search("[A-Z].*[a-z]|[a-z].*[A-Z]|[!@#$%&*+=?.-]", value[0]) is not None
    )


_CODE = re.compile(
    r"[\w \"']{0,20}?[\"'*]{0,3}\s{0,3}(?:is|:|=|ist|lautet|est|es|è|é|это|は|是|为|-)?"
    r"\s{0,3}[\"'*`]{0,2}(\d{4,8}|\d{3}[ -]\d{3}|\d\d-\d\d-\d\d)\b"
)


def _is_code(hit: Hit) -> bool:
    return _CODE.match(hit.after(60)) is not None


_HEX = re.compile(r"[0-9a-fA-F]{4}:")
_CODES = re.compile(r"\b\w{4,8}-\w{4,8}\b")


def _are_codes(hit: Hit) -> bool:
    """Two or more of the codes that let somebody in without a second factor."""
    return sum(any(map(str.isdigit, code)) for code in _CODES.findall(hit.after(_REACH_BYTES))) > 1


def _is_pgpass(hit: Hit) -> bool:
    value = hit.text.rpartition(":")[2] + line_of(hit.after(60)).split(" ")[0]
    return is_odd(value) and not _HEX.match(value)


def _is_column(hit: Hit) -> bool:
    """A table's column with a value of a password below it."""
    line = hit.before(_REACH_BYTES).rpartition("\n")[2] + hit.text + hit.after(_REACH_BYTES).partition("\n")[0]
    rows = [row for row in hit.after(_REACH_BYTES).partition("\n")[2].split("\n") if row.strip(" |:-")]
    mark = next((mark for mark in ("|", "\t", ";", ",") if mark in line), None)
    if mark is None or not rows:
        return False
    names = [name.strip(" \"'`*").lower() for name in line.split(mark)]
    cells = [cell.strip(" \"'`*") for cell in rows[0].split(mark)]
    wanted = [at for at, name in enumerate(names) if name and name in hit.text.lower()]
    return len(names) == len(cells) and any(is_bare_password(cells[at]) and has_mixture(cells[at]) for at in wanted)


def _is_attached(hit: Hit) -> bool:
    """A flag whose value follows with or without a space."""
    match = re.match(r"\s?(?P<value>\"[^\"\n]+\"|'[^'\n]+'|[^\s\"']\S{2,60})", hit.after(80))
    return match is not None and is_bare_password(match["value"].strip("\"'")) and has_mixture(match["value"].strip("\"'"))


_ANSWER = re.compile(
    r"[^\n.?]{0,60}?(?:\b(?:is|was|=|ist|lautet|est|es|è)|:)\s+[\"']?(?!(?:asked|used|set|not|the|a|an|required|stored)\b)\w{3,30}",
    re.IGNORECASE,
)


def _is_answer(hit: Hit) -> bool:
    """The answer to what is asked of somebody who has forgotten a password."""
    return _ANSWER.match(hit.after(100)) is not None


DETECTORS = (
    Detector("password", r"security answer|maiden name|answer to (?:my|the|her|his) security question|sicherheitsantwort", _is_answer),
    Detector(
        "password",
        r"(?:^|\s)--?(?:[a-z-]{0,20}pass(?:word|wd|phrase)?|pwd|pw)\b|\bsshpass\s+-p|\blogin\s+\S{1,60}\s+password\b|"
        r"/p(?:ass(?:word)?)?(?::|\s)|/user:[^\s]{1,40}",
        _is_flag,
    ),
    Detector(
        "password",
        r"\b(?:mysql|mysqldump|mysqladmin|mariadb|redis-cli|docker login|podman login|smbclient|ldapsearch|htpasswd)\b[^\n]{0,80}?\s-[paw]",
        _is_attached,
    ),
    Detector(
        "password",
        r"\s(?:-u|--user|--userpwd)\b|"
        r"\b(?:credentials?|creds|log ?in(?: with| as)?|zugangsdaten|identifiants|credenciales|credenziali|logins?|anmeldung)\b|"
        r"\xe3\x83\xad\xe3\x82\xb0\xe3\x82\xa4\xe3\x83\xb3|\xe7\x99\xbb\xe5\xbd\x95|\xd0\xbb\xd0\xbe\xd0\xb3\xd0\xb8\xd0\xbd",
        _is_login,
    ),
    Detector("password", r"\b(?:try|use|using|with|as|mit|avec|con)\s[a-z][\w.@-]{1,40}\s?/\s?[^\s/]{6}", _is_pair),
    Detector(
        "password",
        r"\b(?:otp|one[- ]?time (?:code|pass(?:word|code))|"
        r"(?:verification|security|2fa|mfa|auth(?:entication)?|confirmation|access|door|alarm|sms|backup|recovery) code|"
        r"passcode|puk|safe (?:code|combination)|(?:garage|gate|entry|lock(?:box)?|vault|disarm) code|"
        r"(?:pin|tan)(?:[ -]?(?:code|number|nummer))?|"
        r"bestätigungscode|code pin|código de verificación|cvv2?|cvc2?)\b",
        _is_code,
    ),
    Detector("password", r"(?:backup|recovery|scratch)[ -]codes?\b", _are_codes),
    Detector("password", r":[0-9]{4,5}:(?:\*|[a-z_][^:\s]{0,40}):[a-z_*][^:\s]{0,40}:[^:\s]{4}", _is_pgpass),
    Detector(
        "password",
        r"код подтверждения|пин-?код|暗証番号|الرقم السري|रहस्य|핀번호|кодовое слово|验证码|驗證碼|認証コード|確認コード|인증번호|인증 코드",
        _is_code,
    ),
    Detector(
        "password",
        r"(?:^|[,;\t|])[ \"'*]{0,3}(?:password|passwd|pwd|pass|passwort|kennwort|secret|"
        r"api[ _]?key|token|mot de passe|senha)[ \"'*]{0,3}(?:[,;\t|]|$)",
        _is_column,
    ),
)
