"""Events as the scripts and the tool write them, and whatever else may be found in their stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.limits import Event
from extproc.limits.event import members_of, read
from extproc.limits.tab import MEASURES

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

REACHED: dict[str, Any] = {
    "kind": "threshold", "count": "team-month|acme/retail/search", "percent": 80, "measure": 1, "used": "400000000",
    "cap": "500000000", "at_ms": "1924948800123", "enforced": True, "ends_at": "1924992000",
}  # fmt: skip


def entry(members: object) -> dict[bytes, bytes]:
    return {b"e": json.dumps(members).encode()}


def test_a_threshold() -> None:
    assert read(entry(REACHED)) == Event(
        "threshold", "team-month", "acme/retail/search", "usd", 80, 400_000_000, 500_000_000, "2030-12-31T12:00:00Z", "2031-01-01T00:00:00Z"
    )


def test_one_of_a_limit_without_windows_that_only_watches() -> None:
    event = read(entry({**REACHED, "count": "all|", "ends_at": None, "enforced": False, "measure": 6}))
    assert event is not None
    assert (event.limit, event.scope, event.window_ends, event.is_enforced, event.measure) == ("all", "", "", False, "in_flight")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"x": b"1"},
        {b"e": b""},
        {b"e": b"\xff"},
        {b"e": b"[1]"},
        {b"e": b"3"},
        {b"e": b"null"},
        entry({**REACHED, "measure": 7}),
        entry({**REACHED, "measure": "usd"}),
        entry({**REACHED, "used": "1e3"}),
        entry({**REACHED, "at_ms": None}),
        entry({**REACHED, "at_ms": "9" * 30}),
        entry({**REACHED, "ends_at": 10**30}),
        entry({**REACHED, "count": 5}),
        entry({name: value for name, value in REACHED.items() if name != "cap"}),
    ],
)
def test_what_is_no_event_is_none(fields: dict[bytes, bytes]) -> None:
    assert read(fields) is None


@on_a_busy_machine
@given(st.dictionaries(st.sampled_from(sorted(REACHED)), st.none() | st.integers() | st.text(max_size=3) | st.lists(st.none(), max_size=1)))
def test_whatever_is_wrong_with_one_it_is_read_or_none(wrong: dict[str, Any]) -> None:
    event = read(entry({**REACHED, **wrong}))
    assert event is None or isinstance(event, Event)


@on_a_busy_machine
@given(st.sampled_from(MEASURES), st.integers(0, 10**18), st.text(max_size=20), st.integers(0, 4_000_000_000))
def test_what_is_written_is_read(measure: Any, cap: int, reason: str, at_s: int) -> None:
    event = Event("raise", "team", "acme/retail", measure.value, 0, 0, cap, "", reason=reason)
    again = read({b"e": json.dumps(members_of(event, at_s)).encode()})
    assert again is not None
    assert again == Event("raise", "team", "acme/retail", measure.value, 0, 0, cap, again.at, reason=reason)
