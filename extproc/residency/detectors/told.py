"""Secrets that are told in prose: "the password for the portal is ...", "... is my PIN", "das Passwort lautet jetzt: ..."."""

from __future__ import annotations

import re

from extproc.residency.detectors.password_values import has_mixture, is_bare_password, is_quoted_password
from extproc.residency.detectors.secret_names import word_set

_PROSE_CHARS = 110
_VERBS = word_set(
    """
    is was are = ist lautet war heißt est était es era è é foi to je jest er är on это был - — -> => remains equals
    reads être será becomes war bleibt gewesen sind are c'est era sera resta zal blijft był będzie var været blev på oli je este vagyok
    είναι هي هو का के की है था là adalah ialah เป็น คือ to: use try needs
    """
)
_FILLERS = word_set(
    """
    now still currently always set to nu nun nunc adesso jest teraz agora immer noch wieder encore toujours siempre sempre altijd
    jetzt noch is simply just be been changed reset maintenant ahora agora теперь
    """
)
_CONNECTORS = word_set(
    """
    instead as is was als ist como comme est es è é for war était era als jest był är var on były это — = into
    """
)
_CLAUSE_END = (".", ";", "?", "!", ",")
_ENDING = re.compile(r"\w{0,3}\s")  # of the name, in languages that decline it
_ODD = re.compile(r"[0-9!@#$%^&+=~'\"`「『“]")
_AROUND = "\"'`*_()“”«»「」"
_ALGORITHM = re.compile(
    r"(?:md5|sha-?\d*|s?crypt|bcrypt|argon2\w*|pbkdf2\S*|base64|utf-?8|oauth2?\S*|2fa|http\S*|ipv[46]|v?\d+(?:\.\d+)*|aes\S*|rsa\S*|x509|win\w*\d+)\W*",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\s{0,2}(?:は|是|为|為|:|=|은|는|이|가|है|:)\s{0,2}[「『\"'“]?(?P<value>[!-~]{4,64})")
QUOTED = re.compile(r"\\?(?P<quote>[\"'`])(?P<value>[^\n]{0,120}?)\\?(?P=quote)")


def is_told(after: str) -> bool:
    """Whether the rest of the line tells a password."""
    after = line_of(after)
    if not _ODD.search(after):
        return False
    joined = _JOINED.match(after)
    if joined is not None and is_odd(joined["value"]):
        return True
    words = words_of(after)
    if not _POLICY.search(after) and any(_is_strong(word) for word in words[:7]):
        return True
    return any(_is_quoted(value, after) or is_odd(value) for value in told(words)) or (
        bool(words) and _ENDING.match(after) is not None and is_odd(words[0])
    )


# What is said of all passwords instead of telling one.
_POLICY = re.compile(
    r"\b(?:must|should|at least|characters?|chars?|requires?|polic\w+|rules?|length|long|hash\w*|encrypt\w*|stored|algorithm|strength|"
    r"reset|"
    r"rotat\w*|expires?|mindestens|Zeichen|caract[eè]res?|doit|debe\w*|deve\w*|caratteri|tekens|znak[oó]w|tecken|karakter|example|"
    r"e\.g|such as|"
    r"format|field|column|variable|function|parameter|argument|salt|bcrypt|test_|for user|of user|manager|cracker|"
    r"pattern|regex)\b|символ|字符|文字以|"
    r"位以|자 이상|أحرف|अक्षर|\?",
    re.IGNORECASE,
)
_STRONG_CHARS = 6


def _is_strong(word: str) -> bool:
    """Whether a word of prose can hardly be anything but a password: letters with digits or signs in the midst, and long."""
    value = stripped(word)
    has_sign = re.search(r"\w[!@#$%^*~]\w|\w[!$#]$", value) is not None
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return (
        len(value) >= _STRONG_CHARS
        and (has_sign or has_both)
        and not set(value) & set("=\"'()<>,")
        and is_odd(value)
        and not _IDENTIFIER.fullmatch(value)
    )


_IDENTIFIER = re.compile(
    r"[\w-]*[_/.:()\[\]<>{}|][\w./:()\[\]<>{}|,-]*|[a-z]+\d{1,2}|v?\d[\d.]*\w{0,3}|[A-Z]{2,}-?\d+|https?\S*|\w+@\w+\.\w+"
)


def line_of(after: str) -> str:
    """What follows on the same line, as far as a clause goes."""
    return after[:_PROSE_CHARS].partition("\n")[0]


def words_of(after: str) -> list[str]:
    """The words behind a name, without what is left of the name itself."""
    words = after.split(None, 9)[:9]
    return words if after[:1].isspace() else words[1:]


def told(words: list[str]) -> list[str]:
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
    quoted = QUOTED.match(text, text.find(value))
    return quoted is not None and is_quoted_password(quoted["value"])


def is_told_before(before: str) -> bool:
    """`hunter2 is the password`, `hunter2 as my`."""
    value = value_before(before)
    return value is not None and is_odd(value)


def value_before(before: str) -> str | None:
    """The word before the last connecting one (`as`, `is`), if no more than three others follow that."""
    words = before.split()[-6:]
    for at in range(len(words) - 1, 0, -1):
        if words[at].lower() in _CONNECTORS:
            return words[at - 1]
    return None


def is_odd(value: str) -> bool:
    """Whether a word in the middle of prose is nothing but a password: letters with digits, or with signs inside."""
    value = stripped(value)
    return (
        "\\" not in value
        and has_mixture(value)
        and any(map(str.isalpha, value))
        and is_bare_password(value)
        and not _ALGORITHM.fullmatch(value)
    )


def stripped(value: str) -> str:
    """A word without what stands around it in a sentence, up to the end of the string it is in."""
    # A quotation mark or a backslash is the end of the string it stands in.
    return re.split(r"[\"\\]", value.lstrip(_AROUND), maxsplit=1)[0].strip(_AROUND).rstrip(".,;:!?)").strip(_AROUND)


def has_odd(text: str) -> bool:
    """Whether any character of `text` is one that words of prose do not have: most text ends here."""
    return _ODD.search(text) is not None
