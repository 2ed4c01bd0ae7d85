"""Whether a string looks drawn by lot, as keys are, or written by a person, as names, words and placeholders are."""

from __future__ import annotations

import re
from itertools import pairwise

_STANDS_IN = (
    "your", "placeholder", "redacted", "removed", "censored", "masked", "hidden", "insert", "replace", "changeme", "change-me", "change_me",
    "dummy", "sample", "goes-here", "goes_here", "goeshere", "xxxxxxxx", "...", "***", "<", "${", "{{", "…", "apikey", "api_key", "api-key",
    "secretkey", "secret_key", "secret-key", "accesskey", "access_key", "access-key", "token_", "token-", "_token", "-token", "my_", "my-",
)  # fmt: skip
_PARTS = re.compile(r"[A-Za-z0-9+/]+")
_WORDY = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+|\d{1,4})(?:[-_./ ](?:[A-Z]?[a-z]+|[A-Z]+|\d{1,4}))*")


def is_placeholder(text: str) -> bool:
    """Whether `text` stands for a key instead of being one: `your-key-here`, `xxxx`, `***`."""
    text = text.lower()
    return len(set(text)) <= 3 or text.count("x") * 2 > len(text) or any(word in text for word in _STANDS_IN)


def is_random(text: str, least: int = 12) -> bool:
    """Whether `text` has at least `least` characters and some run in it that no name has: letters and digits mixed."""
    if len(text) < least or is_placeholder(text) or len(set(text)) < 6:
        return False
    return not _WORDY.fullmatch(text) and any(_is_mixed(part) for part in _PARTS.findall(text))


def _is_mixed(part: str) -> bool:
    """Whether letters and digits change places in `part`, or upper and lower case do as they never do in a name."""
    if len(part) < 6:
        return False
    kinds = ["d" if char.isdigit() else "u" if char.isupper() else "l" for char in part]
    changes = sum(a != b for a, b in pairwise(kinds))
    has_digit = "d" in kinds
    return (has_digit and ("l" in kinds or "u" in kinds) and changes >= 2) or changes * 3 >= len(part)
