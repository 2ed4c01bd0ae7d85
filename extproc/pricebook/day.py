"""Days as prices name them: 2026-11-21, from midnight UTC."""

from __future__ import annotations

import re
from calendar import monthrange, timegm

DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def day_s(text: str) -> int:
    """The first second of a day, since the epoch. Raises ValueError saying what it wanted."""
    if not re.fullmatch(DAY, text):
        raise ValueError('must be a day, such as "2027-01-01"')
    year, month, day = (int(part) for part in text.split("-"))
    if not is_day(year, month, day):
        raise ValueError("must be a day that the calendar has")
    return timegm((year, month, day, 0, 0, 0))


def is_day(year: int, month: int, day: int) -> bool:
    """Whether the calendar has it, in times that have computers."""
    return 1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
