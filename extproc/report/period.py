"""Days of a calendar, and the hours of the store that make them up.

The store counts in whole hours of UTC. An hour belongs to the day, and the month, that its first second falls in; where a
timezone is off by half an hour, its days begin and end half an hour late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from extproc.usage.rollup import SECONDS_AN_HOUR


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days from `first` to `last`, both included."""

    first: date
    last: date
    zone: tzinfo

    @property
    def hours(self) -> range:
        """The store's hours in it."""
        return range(_first_hour(self.first, self.zone), _first_hour(self.last + timedelta(days=1), self.zone))

    @property
    def days(self) -> tuple[date, ...]:
        """Its days in order."""
        return tuple(self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1))


def zone_of(name: str) -> tzinfo:
    """The timezone of this name in the IANA database. Raises ValueError for one that is not in it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{name!r} is no timezone; one is called `Europe/Berlin`, for example") from None


def today(wall_s: float, zone: tzinfo) -> date:
    """The day it is there, so many seconds after the epoch."""
    return datetime.fromtimestamp(wall_s, zone).date()


def month_of(day: date, zone: tzinfo) -> Period:
    """The whole month that `day` is in."""
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), zone)


def before(day: date, days: int) -> date:
    """The day so many days earlier."""
    return day - timedelta(days=days)


def day_of(hour: int, zone: tzinfo) -> date:
    """The day that an hour of the store belongs to."""
    return _local(hour, zone).date()


def hour_of_day(hour: int, zone: tzinfo) -> int:
    """What the clock there shows when an hour of the store begins, 0 to 23."""
    return _local(hour, zone).hour


def moment(wall_s: float, zone: tzinfo) -> str:
    """A second since the epoch as people write it: `2026-11-03 14:05`."""
    return datetime.fromtimestamp(wall_s, zone).strftime("%Y-%m-%d %H:%M")


def labels_of(hour: int, zone: tzinfo) -> dict[str, str]:
    """What an hour of the store is called: `hour` by ISO 8601 with its offset, so that none is called like another; `day`; `month`."""
    local = _local(hour, zone)
    return {"hour": local.isoformat(timespec="minutes"), "day": local.strftime("%Y-%m-%d"), "month": local.strftime("%Y-%m")}


def _local(hour: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(hour * SECONDS_AN_HOUR, zone)


def _first_hour(day: date, zone: tzinfo) -> int:
    midnight_s = datetime.combine(day, time(), zone).timestamp()
    return -int(-midnight_s // SECONDS_AN_HOUR)
