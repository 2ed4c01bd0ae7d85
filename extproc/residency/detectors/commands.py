"""Passwords that commands, statements of SQL and configurations take by their place, not by a name that says so."""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.password_values import has_mixture, is_bare_password, is_placeholder_value
from extproc.residency.hit import Hit

_REACH_BYTES = 160
_FLAG = r"(?<=\s)(?:-p|-P|-w|-pw|-pass|-password|--password|-storepass|-keypass|/pass:|/p:)[= ]?['\"]?(?P<value>[^\s'\"]{4,60})"
_AFTER = {
    "htpasswd": r"(?:\s-\w+)*\s-\w*b\w*(?:\s-\w+)*\s+(?:\S+\s+)?\S+\s+(?P<value>\S{3,60})\s*(?:$|\n|\"|'|&|;|\|)",
    "net user": r"\s+\S+\s+(?P<value>[^\s/*]\S{3,60})",
    "wpa_passphrase": r"\s+(?:'[^']+'|\"[^\"]+\"|\S+)\s+(?P<value>\S{8,63})",
    "requirepass": r"\s+['\"]?(?P<value>[^\s'\"]{4,60})",
    "masterauth": r"\s+['\"]?(?P<value>[^\s'\"]{4,60})",
    "convertto-securestring": r"\s+(?:-string\s+)?['\"](?P<value>[^'\"]{4,60})['\"]",
    "snmp-server community": r"\s+(?P<value>\S{4,40})",
    "smbclient": r".{0,60}?-U\s*['\"]?[\w.\\]+%(?P<value>[^\s'\"]{4,60})",
    "mysqladmin": r".{0,60}?\spassword\s+['\"]?(?P<value>[^\s'\"]{4,60})",
    "7z": rf".{{0,60}}?{_FLAG}",
}
_ANY = rf".{{0,100}}?{_FLAG}"
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _AFTER.items()}
_DEFAULT = re.compile(_ANY)
_NOT_VALUES = frozenset(("public", "private", "file", "stdin", "prompt"))


def _is_given(hit: Hit) -> bool:
    """What stands where the command takes its password."""
    name = " ".join(hit.text.lower().split())
    found = _PATTERNS.get(name, _DEFAULT).match(hit.after(_REACH_BYTES).partition("\n")[0] + "\n")
    if found is None:
        return False
    value = found["value"]
    return value not in _NOT_VALUES and not value.startswith("-") and is_bare_password(value) and (has_mixture(value) or len(value) > 7)


_PIPED = re.compile(r"(?:echo|printf|<<<)\s+['\"]?[\w.-]+:(?P<value>[^\s'\"]{4,60})['\"]?\s*\|?\s*(?:sudo\s+)?\Z")


def _is_piped(hit: Hit) -> bool:
    found = _PIPED.search(hit.before(100)) or re.match(r"\s*<<<\s*['\"]?[\w.-]+:(?P<value>[^\s'\"]{4,60})", hit.after(80))
    return found is not None and is_bare_password(found["value"])


def _is_sent(hit: Hit) -> bool:
    """What a script of `expect` sends, near where it waits for a password."""
    value = re.split(r"[\"']", hit.text)[1].rstrip("r").rstrip("\\")
    return "assw" in hit.around(160) and is_bare_password(value) and has_mixture(value)


_SQL = re.compile(r"\s+(?:values\s*\(\s*)?N?(?P<quote>')(?P<value>[^'\"\s,]{4,60})(?P=quote)", re.IGNORECASE)


def _is_in_sql(hit: Hit) -> bool:
    found = _SQL.match(hit.after(90))
    return found is not None and not is_placeholder_value(found["value"])


DETECTORS = (
    Detector("password", r"\b(?:" + "|".join(map(re.escape, _AFTER)).replace(r"\ ", r"\s+") + r")\b", _is_given),
    Detector(
        "password",
        r"\b(?:useradd|usermod|unzip|zip|7za|mosquitto_[ps]ub|ldapsearch|ldapmodify|ldapadd|keytool|sqlcmd|bcp|psexec|winexe|xfreerdp|rdesktop|"
        r"pscp|plink|evil-winrm|crackmapexec|restic|docker\s+login|podman\s+login|skopeo|az\s+login|influx|cqlsh|sshpass|mongo(?:sh|dump)?)\b",
        _is_given,
    ),
    Detector("password", r"\bchpasswd\b", _is_piped),
    Detector("password", r"\bsend\s+(?:--\s+)?[\"'][^\"'\s]{5,60}\\{1,4}r", _is_sent),
    Detector("password", r"\b(?:identified\s+(?:with\s+\w+\s+)?by|(?:encrypted\s+)?password\s*=?)\b", _is_in_sql),
    Detector(
        "password", r"\b(?:pass|env):[^\s\"']{6}", lambda hit: hit.text.startswith("pass:") and has_mixture(hit.text[5:] + hit.after(20))
    ),
)
