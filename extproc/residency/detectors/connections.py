"""Connection strings with a password in them: URIs (RFC 3986), JDBC, ADO.NET and ODBC, libpq, Azure's, and logins of clients."""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.password_values import is_placeholder_value
from extproc.residency.hit import Hit

_USER_INFO = re.compile(r"([^\s/:@\"'<>`(){}\[\]]{0,80}):([^\s\"'<>`]{1,120}?)@(\[?[\w.%$\{<-])")
_ANY_INFO = re.compile(r"([^\s/@\"'`]{0,80}?):([^\s\"'`]{1,120}?)@(\[?[\w.%$\{<-])")
_GENERIC_USERS = frozenset(("user", "username", "usr", "login", "name", "myuser", "your_user", "youruser", "db_user", "dbuser", "u"))
_GENERIC_PASSWORDS = frozenset(
    ("password", "pass", "passwd", "pwd", "pw", "secret", "mypassword", "p", "yourpassword", "db_password", "token", "xxx")
)


def _has_user_info(hit: Hit) -> bool:
    after = (hit.text + hit.after(200)).partition("://")[2]
    match = _USER_INFO.match(after) or _ANY_INFO.match(after)
    if match is None:
        return False
    user, secret = match[1], match[2]
    if is_placeholder_value(secret) or "/" in secret.partition("@")[0][:1]:
        return False
    # `host:8080/path@tag` has a port and no user.
    if re.match(r"\d{1,5}/", secret):
        return False
    return not (user.lower() in _GENERIC_USERS and secret.lower() in _GENERIC_PASSWORDS)


# Names of other settings in the same string; where a name has two words, the second.
_SETTINGS = frozenset(
    [
        "server",
        "source",
        "host",
        "hostname",
        "addr",
        "address",
        "user",
        "userid",
        "id",
        "username",
        "uid",
        "driver",
        "dsn",
        "catalog",
        "database",
        "dbname",
        "accountname",
        "endpoint",
        "defaultendpointsprotocol",
        "sharedaccesskeyname",
        "port",
    ]
)
_MOST_SETTINGS = 12
_LAST_WORD = re.compile(r"[a-z]+$")
_VALUE = re.compile(r"\s{0,2}(?:'([^']{1,120})'|\"([^\"]{1,120})\"|\{([^}\s]{1,120})\}|([^;&\s\"'`)]{1,120}))")


def _is_beside_settings(hit: Hit) -> bool:
    value = _VALUE.match(hit.after(200))
    if value is None or is_placeholder_value(next(filter(None, value.groups()))) or hit.after(1) == ")":
        return False
    line = hit.before(140).rpartition("\n")[2] + ";" + hit.after(100).partition("\n")[0]
    return any(_is_setting(part) for part in line.lower().split("=")[:_MOST_SETTINGS]) or "jdbc:" in line


def _is_setting(text: str) -> bool:
    word = _LAST_WORD.search(text[-24:].rstrip())
    return word is not None and word[0] in _SETTINGS


def _is_value(hit: Hit) -> bool:
    value = _VALUE.match(hit.after(200))
    return value is not None and not is_placeholder_value(next(filter(None, value.groups())))


_DSN = re.compile(r"[^\s:@/\"'`]{1,60}:([^\s\"'`]{1,100})$")


def _has_login_before(hit: Hit) -> bool:
    match = _DSN.search(hit.before(160))
    return match is not None and not is_placeholder_value(match[1])


_ORACLE = re.compile(r"[\w$#]{1,40}/([^\s@/\"']{2,60})@[\w/.(-]")


def _has_oracle_login(hit: Hit) -> bool:
    match = _ORACLE.search(hit.after(160))
    return match is not None and not is_placeholder_value(match[1])


DETECTORS = (
    Detector("connection_string", r"[a-z0-9]://[^\s/:\"']{0,80}:[^\s/\"']{1}", _has_user_info),
    Detector("connection_string", r"[;?&\s\"'](?:password|pwd|pass)\s{0,2}=", _is_beside_settings),
    Detector("connection_string", r"(?:Account|SharedAccess|Access)Key=", _is_value),
    Detector("connection_string", r"@(?:tcp|unix|udp)\(", _has_login_before),
    Detector("connection_string", r"\b(?:sqlplus|sqlldr|expdp|impdp|jdbc:oracle:(?:thin|oci):)", _has_oracle_login),
)
