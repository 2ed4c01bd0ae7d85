"""Whether what stands where a password would stand is one: not a type, a call, a variable, a placeholder or a word of prose."""

from __future__ import annotations

import re

from extproc.residency.detectors.randomness import is_random

_WORDS = frozenset(
    [
        "placeholder",
        "redacted",
        "removed",
        "masked",
        "hidden",
        "censored",
        "none",
        "null",
        "nil",
        "undefined",
        "true",
        "false",
        "yes",
        "no",
        "n/a",
        "na",
        "tbd",
        "todo",
        "empty",
        "blank",
        "unset",
        "default",
        "optional",
        "required",
        "string",
        "str",
        "text",
        "char",
        "bytes",
        "byte",
        "int",
        "integer",
        "bool",
        "boolean",
        "any",
        "object",
        "number",
        "float",
        "void",
        "uuid",
        "hash",
        "hashed",
        "encrypted",
        "plain",
        "plaintext",
        "unknown",
        "missing",
        "invalid",
        "valid",
        "wrong",
        "incorrect",
        "ok",
        "failed",
        "success",
        "changed",
        "expired",
        "reset",
        "foo",
        "bar",
        "baz",
        "example",
        "dummy",
        "sample",
        "value",
        "vault",
        "env",
        "file",
        "stdin",
        "prompt",
    ]
)
_NAMES = frozenset(
    [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pass",
        "pwd",
        "pw",
        "passwort",
        "kennwort",
        "secret",
        "token",
        "apikey",
        "key",
        "credential",
        "credentials",
        "contraseña",
        "senha",
        "wachtwoord",
        "пароль",
        "パスワード",
        "密码",
    ]
)
_OWNERS = frozenset(
    [
        "your",
        "ihr",
        "dein",
        "votre",
        "tu",
        "su",
        "my",
        "mein",
        "the",
        "some",
        "any",
        "new",
        "old",
        "user",
        "db",
        "admin",
        "root",
        "test",
        "api",
        "mot",
        "de",
        "passe",
        "enter",
        "insert",
    ]
)
_TAILS = frozenset(["here", "hash", "value", "string", "text", "name", "field", "goes", "hier", "ici", "aqui", "123"])
_BIDS = (
    "your",
    "ihr-",
    "dein-",
    "enter-",
    "enter_",
    "insert-",
    "insert_",
    "put-",
    "put_",
    "replace",
    "change-",
    "change_",
    "add-",
    "paste",
    "<",
    "{",
    "[",
    "(",
    "\\",
    "!vault",
    "!ref",
    "!secret",
    "!sub",
    "enc[",
    "vault:",
    "http://",
    "https://",
    "@{",
    "...",
    "xxx",
    "env.",
    "env[",
    "env:",
)
_REFERENCE = re.compile(
    r"\$(?:[A-Z_][A-Z0-9_]*|[({].*|[a-z_]+(?:(?:\[|->|\.).*)?)|%\w+%|%[(\[{sdvrq].*|/[\w./-]+|[^\s(]*\w\(.*|[\W_]{3,}|[*x•●·#?_-]{3,}|.*\*{3,}.*",
    re.DOTALL,
)
_MEMBER = re.compile(
    r"(?:process|os|sys|self|this|config|settings|request|req|args|opts|options|params|props|ctx|context|app|data|user|event|form|environ|secrets?|var|local|module|each)[.\[]|"
    r"[\w.-]+\.(?:txt|json|ya?ml|env|pem|key|py|js|ts|md|html?)$|varchar"
)
_JOINTS = re.compile(r"[-_ ]+")
_CODE_NAME = re.compile(r"(?:[a-z]+(?:[A-Z][a-z]+)+|[a-z]+(?:_[a-z]+)+|[A-Z]+(?:_[A-Z]+)+|[A-Za-z_]+(?:\.[A-Za-z_]+)+)[,;)]?")
_TYPE_NAME = re.compile(
    r"(?:[A-Z][a-z]+)*(?:Str|String|Type|Field|Input|Param|Secret|Hash|Optional|Union|Any|Schema|Bytes|Text|Password|Token|Key|Value|Error|Provider)s?"
)
_DESCRIPTION = re.compile(
    r"\b(?:the|your|you|an?|of|for|to|is|must|should|please|enter|and|with|in|that|this|are|be|or|on|was|if|has|der|die|das|ist|und|le|la|les|de|du|el|los|para|"
    r"per|il|het|een|van|not|no|at|least|characters|user'?s?|login|field|use|used|when|by|from|as|it|will|can)\b",
    re.IGNORECASE,
)
_ID = re.compile(r"(?:call|toolu|srvtoolu|msg|req|resp|run|thread|chatcmpl|fc|rs)[_-]")  # what APIs name their own objects by
_LEAST_CHARS = 3
_LEAST_TOKEN_CHARS = 8


def is_placeholder_value(value: str) -> bool:
    """Whether `value` stands for a secret, or for there being none: `<password>`, `${PASSWORD}`, `None`, `os.environ[...]`, `***`."""
    value = value.strip().rstrip(",;")
    if value.startswith("$"):
        value = value.rstrip(")]}")
    lower = value.lower()
    if not value or len(set(lower)) == 1 or lower in _WORDS or lower.startswith(_BIDS):
        return True
    if _REFERENCE.fullmatch(value) or _MEMBER.match(lower):
        return True
    parts = _JOINTS.split(lower)
    return len(parts) <= 5 and not _NAMES.isdisjoint(parts) and all(part in _NAMES or part in _OWNERS or part in _TAILS for part in parts)


def is_quoted_password(value: str) -> bool:
    """Whether a string literal is a password. Sentences and descriptions are none; four words in a row may be."""
    if len(value) < _LEAST_CHARS or is_placeholder_value(value):
        return False
    return " " not in value.strip() or (
        not _DESCRIPTION.search(value) and len(value.split()) <= 8 and not value.endswith((".", ":", "?", "…"))
    )


def is_bare_password(value: str) -> bool:
    """Whether a word behind a key is a password, and no name of code: it has a digit or a sign, or is a plain word."""
    value = value.strip("\"'`").rstrip(",;.")
    if len(value) < _LEAST_CHARS or is_placeholder_value(value):
        return False
    if _CODE_NAME.fullmatch(value) or _TYPE_NAME.fullmatch(value.rstrip("!?)]}")):
        return False
    return has_mixture(value) or value.isalpha()


def has_mixture(value: str) -> bool:
    """Whether `value` has more than letters of one word: a digit, a sign inside of it, or capitals where none belong."""
    value = value.rstrip(".,;:!?)\"'")
    if len(value) < 4 or not any(map(str.isalnum, value)):
        return False
    if value.isdigit():
        return len(value) >= 6
    return (
        any(map(str.isdigit, value))
        or re.search(r"\w[!@#$%^&*+=?~]+|[!@#$%^&*+=?~]\w", value) is not None
        or re.search(r"[a-z][A-Z].*[A-Z]", value) is not None
    )


def is_token_value(value: str) -> bool:
    """Whether `value` is a key or a token: letters and digits without the form of words."""
    value = value.strip("\"'`").rstrip(",;.")
    if len(value) < _LEAST_TOKEN_CHARS or is_placeholder_value(value) or _CODE_NAME.fullmatch(value) or _ID.match(value):
        return False
    return is_random(value, _LEAST_TOKEN_CHARS) or (has_mixture(value) and "." not in value and "/" not in value and not value.isdigit())
