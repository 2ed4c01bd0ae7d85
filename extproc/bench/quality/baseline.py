"""The rival of the scanner: eight regular expressions over the body's own JSON text, as a first attempt would have them.

It reads no encoding, no look-alike and no context, and knows one check digit. What it costs and what it misses is the reason
for anything longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stdnum import luhn

from extproc.dialects import Request
from extproc.residency import Inspection

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("email", r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    ("phone", r"(?<!\d)(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?!\d)"),
    ("us_ssn", r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"),
    ("payment_card", r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)"),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("api_key", r"\bAKIA[0-9A-Z]{16}\b"),
    ("private_key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY"),
    ("api_key", r"(?i)(?:api[_-]?key|secret|token|password)[\"' ]{0,3}[:=][\"' ]{0,3}[^\s\"']{8,}"),
)


class Baseline:
    """Finds what eight expressions find."""

    def __init__(self) -> None:
        self._patterns = tuple((kind, re.compile(pattern), _CHECKS.get(kind, _any)) for kind, pattern in _PATTERNS)

    def scan(self, request: Request) -> Inspection:
        """Kinds and counts in the body as it came; nothing is ever unread."""
        counts: dict[str, int] = {}
        for kind, pattern, check in self._patterns:
            count = sum(check(found[0]) for found in pattern.finditer(request.source))
            if count:
                counts[kind] = counts.get(kind, 0) + count
        return Inspection(tuple(sorted(counts.items())))


def _any(_: str) -> bool:
    return True


def _passes_luhn(text: str) -> bool:
    return luhn.is_valid(re.sub("[ -]", "", text))


_CHECKS: dict[str, Callable[[str], bool]] = {"payment_card": _passes_luhn}
