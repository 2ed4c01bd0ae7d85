"""The sentence that an auditor wants, and no more than the log bears out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from extproc.audit.statement import Row, Statement
from extproc.audit.verify import Verification


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`is_clean` when nothing left that something was found in, or that could not be read; never when the log is broken."""

    is_clean: bool
    text: str


def iso(time_us: int) -> str:
    """A time in UTC by ISO 8601, to the microsecond."""
    second, rest_us = divmod(time_us, 1_000_000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest_us:06d}Z" if time_us else ""


def conclusion(statement: Statement, verification: Verification) -> Conclusion:
    """What can be said of the span. It is about what was looked for and found, which is all that a log can tell."""
    if verification.verdict == "broken":
        return Conclusion(is_clean=False, text="Nothing can be said: the log is not as its writers left it.")
    left = _requests(statement.left)
    if not statement.sensitive:
        return Conclusion(is_clean=True, text=f"Nothing sensitive left: {left} went to cloud backends, with findings in none of them.")
    found = sum(count for _, count in statement.sensitive)
    parts = [f"Something sensitive left: of {left} to cloud backends, {found:,} had findings or parts that could not be read."]
    parts += [f"{_requests(count)} by rule {rule}: {what}." for (rule, what), count in _by_rule(statement)]
    if statement.unruled:
        parts.append(f"{_requests(statement.unruled)} without any rule that allows it.")
    return Conclusion(is_clean=False, text=" ".join(parts))


def _by_rule(statement: Statement) -> list[tuple[tuple[str, str], int]]:
    found: Counter[tuple[str, str]] = Counter()
    for row, count in statement.sensitive:
        if row.rules:
            found[" + ".join(row.rules), _what(row)] += count
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))


def _what(row: Row) -> str:
    unread = [f"unread {reason}" for reason in row.unread]
    traded = f", spilled for {', '.join(row.traded)}" if row.traded else ", spilled" if row.event == "spilled" else ""
    return ", ".join((*row.kinds, *unread)) + traded


def _requests(count: int) -> str:
    return f"{count:,} {'request' if count == 1 else 'requests'}"
