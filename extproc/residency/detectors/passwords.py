"""Passwords, secrets and tokens beside a word that says so: assignments, configuration, headers, flags, tables, prose.

A candidate is the word. What follows it decides: how the two are joined (`=`, `:`, `is`, a flag's space, a table's bar), and
whether the value is one (`password_values`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from extproc.residency.detector import Detector
from extproc.residency.detectors.password_values import has_mixture, is_bare_password, is_quoted_password, is_token_value
from extproc.residency.hit import Hit

_REACH_BYTES = 160
_PROSE_CHARS = 110

# English first, then the words of other languages, as they stand before a colon or a verb.
_PASSWORD = (
    r"pass[ _-]?(?:word|wd|phrase|code)|passwd|passwrd|pwd|\bpsw\b|\bpass\b|\bpw\b|login[ _-]?pw",
    r"passwort|kennwort|losungswort|mot[ _]de[ _]passe|\bmdp\b|contrase.{1,2}a|\bclave\b|parola d'ordine|\bparola\b|senha|palavra[ -]passe|wachtwoord",
    r"lozinka|adgangskode|kodeord|passord|salasana|jelsz|kata sandi|\bsandi\b",
)
_PASSWORD_BEYOND = (
    r"пароль|пароля|паролем|has[łl]o|heslo|l[öo]senord|[şs]ifre|parol[aă]|jelsz[óo]|slapta[žz]odis|m[ậa]t kh[ẩa]u|κωδικ[όο]ς|συνθηματικ[όο]",
    r"パスワード|暗証番号|密码|密碼|口令|비밀번호|암호|كلمة المرور|كلمة السر|סיסמה|סיסמא|पासवर्ड|รหัสผ่าน",
)
_SECRET = (
    r"(?:client|app|consumer|shared|webhook|signing|master|jwt|session|cookie|django|flask|oauth)[ _.-]?secret(?:[ _-]?key)?|\bsecret(?:[ _-]?key|[ _-]?token)?\b",
    r"(?:api|access|auth|account|service|storage|encryption|signing|private|secret|license|subscription|master|admin|app|application|project|deploy|registry)[ _.-]?key|apikey",
    r"(?:access|auth|api|bearer|refresh|id|private|personal|bot|oauth|session|security|deploy|registry|csrf|xsrf|app|user|install|vault|ci|job|npm|github|gitlab|slack)[ _.-]?token",
    r"[_-](?:token|secret|key|credential)s?\b|\b(?:token|credentials?)\b|(?:aws|azure|gcp|openai|anthropic|mistral|cohere|datadog|dd|cloudflare|heroku|twilio|stripe|algolia|sentry)[ _-](?:api[ _-])?key",
)

# What joins a word to its value. Behind the word may stand the end of a longer name, a closing quote, an opening tag's end.
_TAIL = r"[\w.-]{0,24}[\"'`\]\)]{0,2}(?:\s{0,2}\((?:[^()\n]{1,30})\))?"
_SIGN = re.compile(
    _TAIL + r"\s{0,8}(?:\\?[\"'`])?\s{0,4}(?P<sign>:=|=>|={1,3}|:{1,2}|：|は|は、|=|—|–|-{1,2}>|\||>|,?\s{0,2}[\"']?(?:value|val|content)[\"']?\s{0,2}[:=])\s{0,16}(?:\*\*|[`_]{1,2})?"
)
_TYPED = re.compile(r"[A-Za-z_][\w.\[\]| ]{0,40}\s=\s")  # password: str = "..."
_VERBS = frozenset(
    """is was are = ist lautet war heißt est était es era è é foi to je jest er är on это был - — -> => remains equals reads être será
    becomes""".split()
)
_FILLERS = frozenset("now still currently always set to jetzt noch is simply just be been changed reset maintenant ahora agora теперь".split())
_CLAUSE_END = (".", ";", "?", "!", ",")
_CONNECTORS = frozenset("as is was als ist como comme est es è é for".split())
_ODD = re.compile(r"[0-9!@#$%^&+=~'\"`「『“]")
_AROUND = "\"'`*_()“”«»「」"
_ALGORITHM = re.compile(r"(?:md5|sha-?\d*|s?crypt|bcrypt|argon2\w*|pbkdf2\S*|base64|utf-?8|oauth2?\S*|2fa|http\S*|ipv[46]|v?\d+(?:\.\d+)*|aes\S*|rsa\S*|x509|win\w*\d+)\W*", re.IGNORECASE)
_JOINED = re.compile(r"\s{0,2}(?:は|是|为|為|:|=|：|은|는|이|가|है|:)\s{0,2}[「『\"'“]?(?P<value>[!-~]{4,64})")
_SPACED = re.compile(r"(?:[=\s]{1,2})(?P<value>\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|[^\s\"']\S{2,80})")
_QUOTED = re.compile(r"\\?(?P<quote>[\"'`])(?P<value>[^\n]{0,120}?)\\?(?P=quote)")
_BARE = re.compile(r"[^\s\"'`<>\\]{1,120}")
_REFERENCE = re.compile(r"(?:\$\{?|\{\{\s*|%|<)[\w.-]{0,40}$")  # `${DB_PASSWORD}`, `{{ .password }}`, `<password>`
_ELEMENT = re.compile(r"[\w.-]{0,24}>(?P<value>[^<>\n]{1,80})</")

# Names that only sound like one: what is said about a password, not the password.
_NAME_TAIL = re.compile(r"[\w.-]{1,24}")
_ABOUT = re.compile(
    r"min|max|length|len$|count|size|field|ur[li]|uri|path|file|filename|name|type|policy|policies|hash|reset|required|regex|pattern|label|hint|"
    r"expir|expires|ttl|ref$|algorithm|strength|manager|prompt|env|age$|rotation|limit|usage|budget|format|rules?|valid|check|confirm|error|changed|enabled|"
    r"protected|less|grant|endpoint|index|ids?$|status|store|provider|version|description|placeholder|title|message|callback|column|attempts|policy|class|handler|"
    r"header|prefix|suffix|scheme|vault|secret_?name|arn|s$",
    re.IGNORECASE,
)
# Words in front of `key` and `token` that make it another thing.
_OF_TEXT = frozenset(
    """page next prev previous continuation eos bos pad unk cls sep mask sync max min num total input output prompt completion cached reasoning
    special stop start end primary foreign sort partition cache idempotency public object row map dict json unique composite group
    cancellation per first last hot short index translation i18n locale redis routing dedup event s3 query design""".split()
)
_LAST_WORD = re.compile(r"[A-Za-z0-9]+$")


def _value_behind(after: str) -> tuple[str, str, str] | None:
    """The sign and the value of an assignment, and its quote, which is empty for a bare value."""
    sign = _SIGN.match(after)
    if sign is None:
        return None
    at = sign.end()
    typed = _TYPED.match(after, at)
    if typed is not None:
        at = typed.end()
    quoted = _QUOTED.match(after, at)
    if quoted is not None:
        return sign["sign"], quoted["value"], quoted["quote"]
    bare = _BARE.match(after, at)
    return (sign["sign"], bare[0], "") if bare is not None else None


def _is_assigned(hit: Hit) -> bool:
    after = hit.after(_REACH_BYTES)
    if _is_about(after):
        return False
    before = hit.before(90)
    if _REFERENCE.search(before[-44:]):
        element = _ELEMENT.match(after)
        return element is not None and is_quoted_password(element["value"])
    found = _value_behind(after)
    if found is None:
        return _is_said(after) or _stands_before(before)
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


def _is_of_text(before: str) -> bool:
    word = _LAST_WORD.search(before[-16:].rstrip(" _.-"))
    return word is not None and word[0].lower() in _OF_TEXT


def _is_about(after: str) -> bool:
    tail = _NAME_TAIL.match(after)
    return tail is not None and _ABOUT.search(tail[0]) is not None


def _is_said(after: str) -> bool:
    after = after[:_PROSE_CHARS]
    if not _ODD.search(after):
        return False
    joined = _JOINED.match(after)
    if joined is not None and _is_odd(joined["value"]):
        return True
    words = _words(after)
    return any(_is_quoted(value, after) or _is_odd(value) for value in _told(words)) or (bool(words) and after[0] == " " and _is_odd(words[0]))


def _words(after: str) -> list[str]:
    """The words behind a name, without what is left of the name itself."""
    words = after.split(None, 9)[:9]
    return words if after[:1].isspace() else words[1:]


def _told(words: list[str]) -> list[str]:
    """What stands where a value is told: behind a verb or a colon, in the same clause."""
    values: list[str] = []
    for at, word in enumerate(words[:-1]):
        if word.lower() in _VERBS or word.endswith((":", "=")):
            values += [word for word in words[at + 1 :] if word.lower().rstrip(":") not in _FILLERS][:1]
        elif word.endswith(_CLAUSE_END):
            break
    return values


def _is_quoted(value: str, text: str) -> bool:
    if value[0] not in "\"'`":
        return False
    quoted = _QUOTED.match(text, text.find(value))
    return quoted is not None and is_quoted_password(quoted["value"])


def _stands_before(before: str) -> bool:
    """`hunter2 is the password`, `hunter2 as my`."""
    value = _value_before(before)
    return value is not None and _is_odd(value)


def _value_before(before: str) -> str | None:
    """The word before the last connecting one (`as`, `is`), if no more than three others follow that."""
    words = before.split()[-6:]
    for at in range(len(words) - 1, 0, -1):
        if words[at].lower() in _CONNECTORS:
            return words[at - 1]
    return None


def _is_odd(value: str) -> bool:
    """Whether a word in the middle of prose is nothing but a password: letters with digits, or with signs inside."""
    value = _stripped(value)
    return has_mixture(value) and any(map(str.isalpha, value)) and is_bare_password(value) and not _ALGORITHM.fullmatch(value)


def _stripped(value: str) -> str:
    return value.strip(_AROUND).rstrip(".,;:!?)").strip(_AROUND)


def _is_key_assigned(hit: Hit) -> bool:
    after, before = hit.after(_REACH_BYTES), hit.before(90)
    if _is_about(after) or _is_of_text(before) or _REFERENCE.search(before[-44:]):
        return False
    found = _value_behind(after)
    if found is not None:
        return is_token_value(found[1])
    value = _value_before(before)
    if value is not None and is_token_value(_stripped(value)):
        return True
    after = after[:_PROSE_CHARS]
    if not _ODD.search(after):
        return False
    words = _words(after)
    return any(is_token_value(_stripped(word)) for word in (*_told(words), *words[:1]))


def _is_flag(hit: Hit) -> bool:
    spaced = _SPACED.match(hit.after(_REACH_BYTES))
    if spaced is None:
        return False
    value = spaced["value"].strip("\"'")
    return not value.startswith("-") and is_bare_password(value) and (has_mixture(value) or (len(value) >= 5 and "--" in hit.text))


def _is_login(hit: Hit) -> bool:
    """`-u name:password`, and `name / password` behind words like "log in with"."""
    match = re.match(r"[\s=:]{1,3}[\"']?(?P<name>[\w.@+-]{1,60})\s?[:/]\s?(?P<value>[^\s\"']{3,60})", hit.after(_REACH_BYTES))
    return match is not None and not match["value"].startswith("/") and is_bare_password(match["value"]) and has_mixture(match["value"])


def _is_pair(hit: Hit) -> bool:
    value = re.match(r"\S{0,60}", hit.text.rpartition("/")[2].lstrip() + hit.after(60))
    return value is not None and _is_odd(value[0]) and sum(map(str.isalpha, value[0])) > 2 and any(map(str.isdigit, value[0])) and re.search("[A-Z].*[a-z]|[a-z].*[A-Z]|[!@#$%&*+=?.-]", value[0]) is not None


_CODE = re.compile(r"[\w \"']{0,20}?[\"'*]{0,3}\s{0,3}(?:is|:|=|ist|lautet|est|es|è|é|это|は|是|为|：|-)?\s{0,3}[\"'*`]{0,2}(\d{4,8}|\d{3}[ -]\d{3})\b")


def _is_code(hit: Hit) -> bool:
    return _CODE.match(hit.after(60)) is not None


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


def _detectors(words: tuple[str, ...], check: Callable[[Hit], bool], kind: str) -> tuple[Detector, ...]:
    return tuple(Detector(kind, word, check) for word in words)


DETECTORS = (
    *_detectors(_PASSWORD + _PASSWORD_BEYOND, _is_assigned, "password"),
    *_detectors(_SECRET, _is_key_assigned, "api_key"),
    Detector("password", r"(?:^|\s)--?(?:[a-z-]{0,20}pass(?:word|wd|phrase)?|pwd|pw)\b|\bsshpass\s+-p|\blogin\s+\S{1,60}\s+password\b|/p(?:ass(?:word)?)?(?::|\s)|/user:[^\s]{1,40}", _is_flag),
    Detector("password", r"\b(?:mysql|mysqldump|mysqladmin|mariadb|redis-cli|docker login|podman login|smbclient|ldapsearch|htpasswd)\b[^\n]{0,80}?\s-[paw]", lambda hit: _is_attached(hit)),
    Detector("password", r"\s(?:-u|--user|--userpwd)\b|\b(?:credentials?|creds|log ?in(?: with| as)?|zugangsdaten|identifiants|credenciales|credenziali|logins?|anmeldung)\b", _is_login),
    Detector("password", r"\b(?:try|use|using|with|as|mit|avec|con)\s[a-z][\w.@-]{1,40}\s?/\s?[^\s/]{6}", _is_pair),
    Detector("password", r"\b(?:otp|one[- ]?time (?:code|pass(?:word|code))|(?:verification|security|2fa|mfa|auth(?:entication)?|confirmation|access|door|alarm|sms|backup|recovery) code|passcode|(?:pin|tan)(?:[ -]?(?:code|number|nummer))?|bestätigungscode|code pin|código de verificación|cvv2?|cvc2?)\b", _is_code),
    Detector("password", r"код подтверждения|пин-?код|验证码|驗證碼|認証コード|確認コード|인증번호|인증 코드", _is_code),
    Detector("password", r"(?:^|[,;\t|])[ \"'*]{0,3}(?:password|passwd|pwd|pass|passwort|kennwort|secret|api[ _]?key|token|mot de passe|senha)[ \"'*]{0,3}(?:[,;\t|]|$)", _is_column),
)


def _is_attached(hit: Hit) -> bool:
    """A flag whose value follows with or without a space."""
    match = re.match(r"\s?(?P<value>\"[^\"\n]+\"|'[^'\n]+'|[^\s\"']\S{2,60})", hit.after(80))
    return match is not None and is_bare_password(match["value"].strip("\"'")) and has_mixture(match["value"].strip("\"'"))
