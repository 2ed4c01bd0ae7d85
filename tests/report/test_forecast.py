"""Forecasts against pasts whose future is known: how often the interval holds it, and whether the run rate does better."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.report import MIN_DAYS, Filter, Forecast, History, Hour, Lines, Now, Past, feed, forecast_of, zone_of
from extproc.report.weekday import weekday_worth
from extproc.usage.rollup import Line, Sums, field_of, value_of

Chance = np.random.Generator
Values = npt.NDArray[np.float64]

_WEEK = np.array([1.2, 1.3, 1.25, 1.2, 1.0, 0.3, 0.2])  # Monday first
_DOLLAR = 1_000_000
_RUNS = 60


def _even(chance: Chance, days: int) -> Values:
    return chance.lognormal(0, 0.3, days)


def _weekly(chance: Chance, days: int) -> Values:
    return _WEEK[np.arange(days) % 7] * chance.lognormal(0, 0.2, days)


def _office_hours(chance: Chance, days: int) -> Values:
    return np.where(np.arange(days) % 7 < 5, 1.4, 0.0) * chance.lognormal(0, 0.2, days)


def _wandering(chance: Chance, days: int) -> Values:
    return np.exp(np.cumsum(chance.normal(0, 0.05, days))) * chance.lognormal(0, 0.15, days)


def _falling(chance: Chance, days: int) -> Values:
    return _weekly(chance, days) * np.exp(-0.01 * np.arange(days))


def _growing(chance: Chance, days: int) -> Values:
    return _weekly(chance, days) * np.exp(0.01 * np.arange(days))


def _bursts(chance: Chance, days: int) -> Values:
    return chance.lognormal(0, 1.0, days)


def _now_and_then(chance: Chance, days: int) -> Values:
    return (chance.random(days) < 0.3) * chance.lognormal(0, 0.7, days)


Kind = Callable[[Chance, int], Values]


def _runs(kind: Kind, before: int, after: int) -> list[tuple[Forecast, int, list[int]]]:
    """A forecast, what came of it, and the past, for many made-up pasts."""
    found = []
    for seed in range(_RUNS):
        costs = [round(1000 * _DOLLAR * value) for value in kind(np.random.default_rng(seed), before + after)]
        forecast = forecast_of(Past(tuple(costs[:before]), before % 7), 0, [1.0] * after)
        found.append((forecast, sum(costs[before:]), costs[:before]))
    return found


@pytest.mark.parametrize(
    "kind", [_even, _weekly, _office_hours, _wandering, _falling, _bursts, _now_and_then], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize(("before", "after"), [(14, 5), (28, 20), (56, 12)])
def test_an_interval_of_eighty_percent_holds_about_as_many_months(kind: Kind, before: int, after: int) -> None:
    held = [forecast.low_micro_usd <= came <= forecast.high_micro_usd for forecast, came, _ in _runs(kind, before, after)]  # type: ignore[operator]
    assert sum(held) / len(held) >= 0.65


def test_over_all_kinds_of_past_it_is_neither_boastful_nor_useless() -> None:
    held, widths = [], []
    for kind in (_even, _weekly, _office_hours, _wandering, _falling, _growing):
        for forecast, came, _ in _runs(kind, 28, 10):
            low, high = forecast.low_micro_usd or 0, forecast.high_micro_usd or 0
            held.append(low <= came <= high)
            widths.append((high - low) / came)
    assert 0.75 <= sum(held) / len(held) <= 0.95
    assert np.median(widths) < 0.6


@pytest.mark.parametrize(
    ("kind", "share"),
    [(_even, 1.0), (_weekly, 0.5), (_office_hours, 0.5), (_wandering, 1.0), (_falling, 0.7), (_growing, 0.8), (_bursts, 1.0)],
)
def test_it_beats_the_run_rate_of_the_month(kind: Kind, share: float) -> None:
    """Ten days into a month, ten to go: the run rate takes the mean of the ten, whatever weekdays they were."""
    ours, theirs = 0.0, 0.0
    for before in range(42, 49):  # a month may begin on any weekday
        for forecast, came, past in _runs(kind, before, 10):
            ours += abs((forecast.expected_micro_usd or 0) - came) / came
            theirs += abs(sum(past[-10:]) - came) / came
    assert ours < share * theirs


def test_where_days_are_even_it_is_hardly_worse_than_their_mean() -> None:
    ours, best = 0.0, 0.0
    for forecast, came, past in _runs(_even, 38, 10):
        ours += abs((forecast.expected_micro_usd or 0) - came)
        best += abs(sum(past) / 38 * 10 - came)
    assert ours < 1.3 * best


@given(
    st.lists(st.integers(-5, 10**13), min_size=MIN_DAYS, max_size=70), st.integers(0, 6), st.integers(0, 10**13),
    st.lists(st.just(1.0), max_size=30), st.floats(0, 1), st.sampled_from([0.5, 0.8, 0.99]),
)  # fmt: skip
def test_no_past_makes_a_month_cheaper_than_it_is_already(
    costs: list[int], weekday: int, spent: int, days: list[float], today: float, interval: float
) -> None:
    forecast = forecast_of(Past(tuple(costs), weekday), spent, [today, *days], interval=interval)
    assert forecast.low_micro_usd is not None
    assert forecast.expected_micro_usd is not None
    assert forecast.high_micro_usd is not None
    assert spent <= forecast.low_micro_usd <= forecast.expected_micro_usd <= forecast.high_micro_usd


@pytest.mark.parametrize("days", [0, 6, 13])
def test_too_little_history_is_said_rather_than_guessed(days: int) -> None:
    assert forecast_of(Past((1,) * days, 0), 9, [1.0]) == Forecast(9, days)


def test_equal_days_are_foretold_exactly() -> None:
    forecast = forecast_of(Past((1000,) * 21, 3), 500, [0.5, 1, 1])
    assert (forecast.low_micro_usd, forecast.expected_micro_usd, forecast.high_micro_usd) == (3000, 3000, 3000)


def test_equal_weeks_are_foretold_exactly() -> None:
    week = (10, 20, 30, 40, 50, 0, 0)
    forecast = forecast_of(Past(week * 3, 0), 0, [1.0] * 6)
    assert forecast.expected_micro_usd == pytest.approx(150, abs=3)


def test_the_month_that_has_ended_is_what_was_spent() -> None:
    assert forecast_of(Past((1000,) * 21, 3), 500, [0.0]).expected_micro_usd == 500


def test_the_same_past_gives_the_same_forecast() -> None:
    past = Past(tuple(round(value * 1000) for value in _bursts(np.random.default_rng(1), 40)), 2)
    assert forecast_of(past, 0, [1.0] * 9) == forecast_of(past, 0, [1.0] * 9)


def test_a_wider_chance_is_a_wider_interval_and_more_days_ahead_too() -> None:
    past = Past(tuple(round(value * 1000) for value in _even(np.random.default_rng(1), 40)), 2)

    def width(interval: float, days: int) -> int:
        forecast = forecast_of(past, 0, [1.0] * days, interval=interval)
        return (forecast.high_micro_usd or 0) - (forecast.low_micro_usd or 0)

    assert width(0.5, 10) < width(0.8, 10) < width(0.95, 10)
    assert width(0.8, 3) < width(0.8, 10) < width(0.8, 25)


def test_weekdays_count_as_far_as_they_are_no_chance() -> None:
    weekdays = np.arange(28) % 7
    assert weekday_worth(np.tile(_WEEK, 4), weekdays) == pytest.approx(_WEEK / _WEEK.mean())
    chance = [np.abs(weekday_worth(_even(np.random.default_rng(seed), 28), weekdays) - 1).mean() for seed in range(50)]
    assert float(np.mean(chance)) < 0.05
    assert weekday_worth(np.zeros(28), weekdays) == pytest.approx(np.ones(7))
    turned = weekday_worth(np.tile(_WEEK, 4)[2:23], (np.arange(2, 23)) % 7)
    assert turned == pytest.approx(_WEEK / _WEEK.mean())


# ---- pasts out of rollups ----


def _now(text: str, zone: str = "UTC") -> Now:
    return Now(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp(), zone_of(zone))


def _forecasts(costs: dict[str, dict[str, int]], now: Now, by: tuple[str, ...] = ("team",)) -> dict[str, Forecast]:
    """Of what teams cost in the hours that begin at these times, UTC."""
    lines = Lines(Filter())
    history = History(lines, by, now)
    for team, hours in costs.items():
        for begins, cost in hours.items():
            hour = int(datetime.fromisoformat(begins).replace(tzinfo=UTC).timestamp()) // 3600
            field = field_of(Line("retail", team)).encode()
            feed(Hour("acme", hour, (field,), (value_of(Sums(1, cost_micro_usd=cost)),)), lines, [history])
    return {"/".join(group): forecast for group, forecast in history.forecasts(interval=0.8)}


def _daily(first: str, last: str, cost: int, at: str = "T10") -> dict[str, int]:
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    return {f"{day}{at}": cost for day in days}


def test_spent_so_far_is_the_months_and_the_rest_is_foretold() -> None:
    found = _forecasts({"search": _daily("2026-10-20", "2026-11-18", 1000)}, _now("2026-11-19T00:00"))
    assert found == {"acme/retail/search": Forecast(18_000, 29, 30_000, 30_000, 30_000)}


@pytest.mark.parametrize(("clock", "rest"), [("T09:59", 1000), ("T10:00", 1000), ("T10:30", 500), ("T11:00", 0)])
def test_of_today_that_part_is_left_which_comes_late_in_other_days(clock: str, rest: int) -> None:
    found = _forecasts({"search": _daily("2026-10-05", "2026-11-29", 1000)}, _now(f"2026-11-30{clock}"))
    assert found["acme/retail/search"].expected_micro_usd == pytest.approx(29_000 + rest, abs=20)


def test_the_first_day_of_a_team_is_no_complete_one() -> None:
    found = _forecasts({"new": _daily("2026-11-13", "2026-11-19", 1000)}, _now("2026-11-19T12:00"))
    assert found["acme/retail/new"] == Forecast(7000, 5)


def test_days_without_a_request_are_days_all_the_same() -> None:
    found = _forecasts({"rare": {"2026-10-25T10": 10, "2026-11-02T10": 10}}, _now("2026-11-19T12:00"))
    assert found["acme/retail/rare"].days == 24


def test_last_months_spending_is_not_this_months() -> None:
    found = _forecasts({"gone": _daily("2026-10-01", "2026-10-31", 1000)}, _now("2026-11-19T12:00"))
    assert found["acme/retail/gone"].spent_micro_usd == 0


def test_the_place_says_when_the_month_begins() -> None:
    costs = {"search": _daily("2026-10-20", "2026-11-18", 1000, at="T23")}
    assert _forecasts(costs, _now("2026-11-19T12:00"))["acme/retail/search"].spent_micro_usd == 18_000
    assert _forecasts(costs, _now("2026-11-19T12:00", "Europe/Berlin"))["acme/retail/search"].spent_micro_usd == 19_000


def test_the_largest_come_first_and_one_group_is_everything() -> None:
    costs = {"small": _daily("2026-10-20", "2026-11-18", 10), "large": _daily("2026-10-20", "2026-11-18", 1000)}
    assert list(_forecasts(costs, _now("2026-11-19T00:00"))) == ["acme/retail/large", "acme/retail/small"]
    assert _forecasts(costs, _now("2026-11-19T00:00"), by=())[""].spent_micro_usd == 18_180


@pytest.mark.parametrize(
    ("moment", "first", "last"), [("2026-11-19T12:00", "2026-09-23", "2026-11-19"), ("2026-03-31T12:00", "2026-02-02", "2026-03-31")]
)
def test_what_is_read_are_eight_weeks_and_the_month(moment: str, first: str, last: str) -> None:
    window = _now(moment).window
    assert (str(window.first), str(window.last)) == (first, last)
