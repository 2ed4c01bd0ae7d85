"""Calendar windows: when an hour, a day, a week or a month begins and ends somewhere on earth."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from extproc.config.limits import Per

_HOUR_S = 3600


def window_at(per: Per, timezone: str, wall_s: float) -> tuple[int, int]:
    """Start and end, in epoch seconds, of the window that `wall_s` lies in: start <= wall_s < end.

    Days have 23 to 25 hours where clocks are changed. Weeks begin on Monday (ISO 8601). Hours are counted from the beginning of
    the day, so one that is repeated when clocks go back is two windows, and where they go by half an hour the last is a short one.
    """
    zone = ZoneInfo(timezone)
    local = datetime.fromtimestamp(floor(wall_s), zone)  # which would else round up to the next microsecond
    today = datetime(local.year, local.month, local.day)
    if per is Per.HOUR:
        day, end = _epoch(today, zone), _epoch(today + timedelta(days=1), zone)
        start = day + (floor(wall_s) - day) // _HOUR_S * _HOUR_S
        return start, min(start + _HOUR_S, end)
    if per is Per.WEEK:
        first = today - timedelta(days=local.weekday())
        return _epoch(first, zone), _epoch(first + timedelta(days=7), zone)
    if per is Per.MONTH:
        first = today.replace(day=1)
        return _epoch(first, zone), _epoch((first + timedelta(days=32)).replace(day=1), zone)
    return _epoch(today, zone), _epoch(today + timedelta(days=1), zone)


def rfc3339(epoch_s: float, timezone: str = "UTC") -> str:
    """`2026-12-01T00:00:00+01:00`, to the second."""
    written = datetime.fromtimestamp(int(epoch_s), ZoneInfo(timezone)).isoformat()
    return written.replace("+00:00", "Z")


def _epoch(wall: datetime, zone: ZoneInfo) -> int:
    """When clocks in `zone` show `wall`; where they jump over midnight, the moment they jump; where it comes twice, the first."""
    return int(wall.replace(tzinfo=zone).timestamp())
