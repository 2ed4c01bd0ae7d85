"""Names of secrets: the words a password, a key or a token goes by, and the words that make of such a name another thing."""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


# English first, then the words of other languages, as they stand before a colon or a verb.
PASSWORD = (
    r"pass[ _-]?(?:word|wd|phrase|code)|passwd|passwrd|pwd|\bpsw\b|\bpass\b|_pass\b|\bpw\b|_pw\b|login[ _-]?pw",
    r"passwort|kennwort|losungswort|mot[ _]de[ _]passe|\bmdp\b|contrase.{1,2}a|\bclave\b|parola d'ordine|\bparola\b|senha",
    r"palavra[ -]passe|wachtwoord|lozinka|adgangskode|kodeord|passord|salasana|jelsz|kata sandi|\bsandi\b",
    r"пароль|пароля|паролем|has[łl]o|heslo|l[öo]senord|[şs]ifre|parol[aă]|jelsz[óo]|slapta[žz]odis",
    r"m[ậa]t kh[ẩa]u|κωδικ[όο]ς|συνθηματικ[όο]",
    r"\bpsk\b|w-?lan[ -]?(?:schlüssel|code|key|passw)|wi-?fi[ -]?(?:code|key|pass|schl|密码)|code wi-?fi|\bwi-?fi\b|\bwlan\b|\bpuk\b",
    r"mật khẩu|κωδικ[όο][ςσ]|비번|패스워드|暗号|パスコード|الرقم السري|رمز الدخول|رمز المرور|गुप्त ?कोड|รหัส",
    r"パスワード|暗証番号|密码|密碼|口令|비밀번호|암호|كلمة المرور|كلمة السر|סיסמה|סיסמא|पासवर्ड|รหัสผ่าน",
)
SECRET = (
    r"(?:client|app|consumer|shared|webhook|signing|master|jwt|session|cookie|django|flask|oauth)[ _.-]?secret(?:[ _-]?key)?",
    r"\bsecret(?:[ _-]?key|[ _-]?token)?\b|apikey",
    r"(?:api|access|auth|account|service|storage|encryption|signing|private|secret|license|subscription)[ _.-]?key",
    r"(?:master|admin|app|application|project|deploy|registry)[ _.-]?key",
    r"(?:access|auth|api|bearer|refresh|id|private|personal|bot|oauth|session|security|deploy|registry|csrf|xsrf)[ _.-]?token",
    r"(?:app|user|install|vault|ci|job|npm|github|gitlab|slack)[ _.-]?token",
    r"[_-](?:token|secret|key|credential)s?\b|\b(?:token|credentials?)\b",
    r"(?:aws|azure|gcp|openai|anthropic|mistral|cohere|datadog|dd|cloudflare|heroku|twilio|stripe|algolia|sentry)[ _-](?:api[ _-])?key",
)

_REST = re.compile(r"[\w.-]{1,24}")
# What is said about a password, when it ends the name of one.
_ABOUT = re.compile(
    r"min|max|length|len$|count|size|field|ur[li]|uri|path|file|filename|name|type|policy|policies|hash|reset|required|regex|pattern|"
    r"label|hint|expir|expires|ttl|ref$|algorithm|strength|manager|prompt|env|age$|rotation|limit|usage|budget|format|rules?|valid|check|"
    r"confirm|error|changed|enabled|protected|less|grant|endpoint|index|ids?$|status|store|provider|version|description|placeholder|title|"
    r"message|callback|column|attempts|class|handler|header|prefix|suffix|scheme|vault|secret_?name|arn|s$",
    re.IGNORECASE,
)
# Words in front of `key` and `token` that make it another thing.
_OF_TEXT = word_set(
    """
    page next prev previous continuation eos bos pad unk cls sep mask sync max min num total input output prompt
    completion cached reasoning special stop start end primary foreign sort partition cache idempotency public object
    row map dict json unique composite group cancellation per first last hot short index translation i18n locale redis
    routing dedup event s3 query design
    """
)
_LAST_WORD = re.compile(r"[A-Za-z0-9]+$")


def is_about(after: str) -> bool:
    """Whether what follows a name's word makes it the name of something about a secret: `password_min_length`."""
    rest = _REST.match(after)
    return rest is not None and _ABOUT.search(rest[0]) is not None


def is_of_text(before: str) -> bool:
    """Whether what stands before `key` or `token` makes it one of a text, a table, a page: `next_page_token`."""
    word = _LAST_WORD.search(before[-16:].rstrip(" _.-"))
    return word is not None and word[0].lower() in _OF_TEXT
