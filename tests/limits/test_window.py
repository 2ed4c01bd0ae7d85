"""Calendar windows follow the clocks of their zone, and leave no second out and count none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from extproc.config.limits import Per
from extproc.limits.window import rfc3339, window_at

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WINDOWS = (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH)
ZONES = sorted(available_timezones())
# Clocks that go back over midnight, to the day before, were last seen in 2011 (St John's).
SINCE, UNTIL = datetime(2012, 1, 15, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("per", "zone", "moment", "start", "end"),
    [
        (Per.DAY, "UTC", "2026-02-28T23:59:59Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
        (Per.MONTH, "UTC", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        (Per.MONTH, "UTC", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        # Clocks go forward: 23 hours. They go back: 25.
        (Per.DAY, "Europe/Berlin", "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        (Per.DAY, "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        (Per.MONTH, "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"),
        (Per.DAY, "America/New_York", "2026-03-08T03:00:00-04:00", "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"),
        (Per.WEEK, "America/New_York", "2026-11-01T01:30:00-05:00", "2026-10-26T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        # An hour that comes twice is two windows, one that is left out is none.
        (Per.HOUR, "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"),
        (Per.HOUR, "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"),
        (Per.HOUR, "Europe/Berlin", "2026-03-29T01:30:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"),
        # Half an hour off, and in Lord Howe by half an hour changed.
        (Per.HOUR, "Asia/Kolkata", "2026-11-01T12:10:00Z", "2026-11-01T17:00:00+05:30", "2026-11-01T18:00:00+05:30"),
        (Per.DAY, "Asia/Kolkata", "2026-11-01T18:29:59Z", "2026-11-01T00:00:00+05:30", "2026-11-02T00:00:00+05:30"),
        (Per.DAY, "Asia/Kathmandu", "2026-11-01T18:15:00Z", "2026-11-02T00:00:00+05:45", "2026-11-03T00:00:00+05:45"),
        (Per.DAY, "Australia/Lord_Howe", "2026-10-04T12:00:00+11:00", "2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00"),
        (Per.HOUR, "Australia/Lord_Howe", "2026-10-04T23:45:00+11:00", "2026-10-04T23:30:00+11:00", "2026-10-05T00:00:00+11:00"),
        # Midnight is skipped: the day begins at one. It goes back to eleven: the day before has 25 hours.
        (Per.DAY, "America/Sao_Paulo", "2018-11-04T01:00:00-02:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"),
        (Per.DAY, "America/Sao_Paulo", "2018-11-03T23:59:59-03:00", "2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00"),
        (Per.DAY, "America/Sao_Paulo", "2018-02-17T23:30:00-03:00", "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00"),
        (Per.MONTH, "America/Sao_Paulo", "2018-11-04T01:00:00-02:00", "2018-11-01T00:00:00-03:00", "2018-12-01T00:00:00-02:00"),
        # Midnight comes twice: the day begins with the first.
        (Per.DAY, "America/Havana", "2026-11-01T00:30:00-05:00", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        # 30 December 2011 never was in Samoa.
        (Per.DAY, "Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"),
        (Per.DAY, "Pacific/Apia", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"),
        (Per.WEEK, "Pacific/Apia", "2011-12-31T12:00:00+14:00", "2011-12-26T00:00:00-10:00", "2012-01-02T00:00:00+14:00"),
        # A week goes on over new year; it begins on Monday.
        (Per.WEEK, "Europe/Berlin", "2027-01-01T00:00:00+01:00", "2026-12-28T00:00:00+01:00", "2027-01-04T00:00:00+01:00"),
        (Per.WEEK, "UTC", "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"),
        (Per.WEEK, "UTC", "2026-11-01T23:59:59Z", "2026-10-26T00:00:00Z", "2026-11-02T00:00:00Z"),
    ],
)
def test_windows_of_the_calendar(per: Per, zone: str, moment: str, start: str, end: str) -> None:
    assert window_at(per, zone, at(moment)) == (at(start), at(end))


@on_a_busy_machine
@given(st.sampled_from(WINDOWS), st.sampled_from(ZONES), st.floats(SINCE.timestamp(), UNTIL.timestamp()))
@example(Per.HOUR, "Australia/Lord_Howe", at("2026-10-04T02:30:00+11:00"))
def test_each_moment_is_in_one_window_and_windows_follow_each_other(per: Per, zone: str, moment: float) -> None:
    start, end = window_at(per, zone, moment)
    assert start <= moment < end
    assert {window_at(per, zone, second) for second in (start, (start + end) / 2, end - 1, end - 0.001)} == {(start, end)}
    assert window_at(per, zone, end)[0] == end
    assert window_at(per, zone, start - 1)[1] == start


@pytest.mark.parametrize("per", WINDOWS)
def test_and_so_where_clocks_are_changed(per: Per) -> None:
    """One year of every zone, around each change of its clocks."""
    for zone in ZONES:
        for change in _changes(zone, 2026):
            for moment in (change - 3600, change - 1, change, change + 1, change + 1800, change + 3600):
                start, end = window_at(per, zone, moment)
                assert start <= moment < end, zone
                assert window_at(per, zone, end)[0] == end, zone


def _changes(zone: str, year: int) -> list[int]:
    first = at(f"{year}-01-01T00:00:00Z")
    days = range(first, first + 366 * 86_400, 86_400)
    return [_change(zone, day, later) for day, later in pairwise(days) if _offset(zone, day) != _offset(zone, later)]


def _change(zone: str, low: int, high: int) -> int:
    """The second in which clocks show another offset than in `low`."""
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: str, moment: int) -> timedelta | None:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize(
    ("epoch_s", "zone", "text"),
    [
        (at("2026-11-30T23:00:00Z"), "Europe/Berlin", "2026-12-01T00:00:00+01:00"),
        (at("2026-11-30T23:00:00Z") + 0.999, "UTC", "2026-11-30T23:00:00Z"),
        (0, "Asia/Kolkata", "1970-01-01T05:30:00+05:30"),
    ],
)
def test_moments_are_written_to_the_second(epoch_s: float, zone: str, text: str) -> None:
    assert rfc3339(epoch_s, zone) == text
