"""Days and months are those of the place, cut at whole hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.report import Period, month_of, today, zone_of
from extproc.report.period import day_of, hour_of_day, labels_of

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Tokyo")


def _hour(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 3600


@pytest.mark.parametrize(
    ("zone", "day", "first", "hours"),
    [
        ("UTC", date(2026, 11, 3), "2026-11-03T00", 24),
        ("Europe/Berlin", date(2026, 11, 3), "2026-11-02T23", 24),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23", 23),  # clocks go forward
        ("Europe/Berlin", date(2026, 10, 25), "2026-10-24T22", 25),  # and back
        ("America/New_York", date(2026, 7, 1), "2026-07-01T04", 24),
        ("Asia/Kolkata", date(2026, 11, 3), "2026-11-02T19", 24),  # begins at 18:30, the first whole hour after it
    ],
)
def test_the_hours_of_a_day(zone: str, day: date, first: str, hours: int) -> None:
    found = Period(day, day, zone_of(zone)).hours
    assert (found[0], len(found)) == (_hour(first), hours)


@given(st.sampled_from(ZONES), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 70))
def test_periods_side_by_side_share_no_hour_and_leave_none_out(zone: str, first: date, days: int) -> None:
    period = Period(first, date.fromordinal(first.toordinal() + days), zone_of(zone))
    by_day = [hour for day in period.days for hour in Period(day, day, period.zone).hours]
    assert by_day == list(period.hours)
    assert all(period.first <= day_of(hour, period.zone) <= period.last for hour in period.hours)


@given(st.sampled_from(ZONES), st.integers(_hour("2024-01-01T00"), _hour("2030-01-01T00")))
def test_an_hour_is_called_by_the_clock_of_the_place(zone: str, hour: int) -> None:
    place = zone_of(zone)
    labels = labels_of(hour, place)
    assert int(datetime.fromisoformat(labels["hour"]).timestamp()) == hour * 3600
    assert labels["day"] == str(day_of(hour, place)) == labels["hour"][:10]
    assert labels["month"] == labels["day"][:7]
    assert hour_of_day(hour, place) == int(labels["hour"][11:13])


def test_the_hour_that_comes_twice_has_two_names() -> None:
    berlin = zone_of("Europe/Berlin")
    first, second = (labels_of(_hour(text), berlin)["hour"] for text in ("2026-10-25T00", "2026-10-25T01"))
    assert (first, second) == ("2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00")


@pytest.mark.parametrize(
    ("day", "last"),
    [(date(2026, 11, 1), date(2026, 11, 30)), (date(2026, 12, 31), date(2026, 12, 31)), (date(2028, 2, 5), date(2028, 2, 29))],
)
def test_the_month_of_a_day(day: date, last: date) -> None:
    month = month_of(day, UTC)
    assert (month.first, month.last) == (day.replace(day=1), last)


def test_the_day_depends_on_the_place() -> None:
    just_before_midnight = datetime(2026, 11, 3, 23, 30, tzinfo=UTC).timestamp()
    assert today(just_before_midnight, UTC) == date(2026, 11, 3)
    assert today(just_before_midnight, zone_of("Europe/Berlin")) == date(2026, 11, 4)


@pytest.mark.parametrize("name", ["", "Berlin", "../etc/passwd", "Europe", "/etc/localtime", "Europe/Berlin\0"])
def test_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="is no timezone"):
        zone_of(name)
