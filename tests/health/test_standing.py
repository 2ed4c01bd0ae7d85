"""What the choice sees: standings that follow records, readings and time, and cost nothing where nothing happens."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Policy, compile_config, parse
from extproc.health import Health, Result
from extproc.health.load import Reading
from extproc.testing import ManualClock
from extproc.usage import Record

TEXT = """
backends:
  vllm:
    url: http://127.0.0.1:8000
    model: m
    tier: simple
    location: on_prem
    saturation: {metrics_url: "http://127.0.0.1:8000/metrics", readings_full: 2, readings_free: 2, stale_s: 10}
  cloud: {url: "https://llm.example", model: c, tier: complex}
"""
FULL, FREE = Reading(50, 9, 0.99), Reading(0, 0, 0.0)


def policy(more: str = "") -> Policy:
    return compile_config(parse(TEXT + more))


def watched(more: str = "") -> tuple[Health, ManualClock]:
    clock = ManualClock()
    return Health(policy(more), clock), clock


def record(clock: ManualClock, **members: Any) -> Record:
    fields = {
        "request_id": "r",
        "stream_id": "s",
        "started_at": clock.wall(),
        "decided_at": clock.wall(),
        "kind": "routed",
        "outcome": "ok",
    }
    return Record(**{**fields, "status": 200, **members})


def failed(clock: ManualClock, backend: str = "cloud") -> Record:
    return record(clock, outcome="failed", status=503, attempts=(backend,))


def answered(clock: ManualClock, backend: str = "cloud", **members: Any) -> Record:
    return record(clock, attempts=(backend,), backend=backend, **members)


def test_nobody_stands_badly_of_whom_nothing_is_known() -> None:
    health, clock = watched()
    assert dict(health.away(clock.wall())) == {}
    assert not any(one.reason for one in health.standing(clock.wall()).values())


def test_a_backend_that_fails_is_away_until_its_rest_is_over() -> None:
    health, clock = watched()
    health.observe([failed(clock)] * 5)
    assert health.away(clock.wall()) == {"cloud": "resting"}
    assert health.standing(clock.wall())["cloud"].error_share == 1.0
    clock.advance(5)
    assert health.away(clock.wall()) == {}
    assert health.standing(clock.wall())["cloud"].is_due


def test_the_first_request_after_a_rest_finds_out_for_all() -> None:
    health, clock = watched()
    health.observe([failed(clock)] * 5)
    clock.advance(5)
    assert health.away(clock.wall()) == {}
    health.sent("cloud", clock.wall())
    assert health.away(clock.wall()) == {"cloud": "resting"}
    clock.advance(1)
    health.observe([answered(clock)])
    assert health.away(clock.wall()) == {}
    assert not health.standing(clock.wall())["cloud"].is_due


def test_a_request_to_a_backend_that_is_well_changes_nothing() -> None:
    health, clock = watched()
    health.observe([answered(clock)])
    before = health.standing(clock.wall())
    health.sent("cloud", clock.wall())
    health.sent("vllm", clock.wall())
    assert health.standing(clock.wall()) is before


def test_a_full_server_is_away_until_it_has_room() -> None:
    health, clock = watched()
    for reading, away in [(FULL, {}), (FULL, {"vllm": "saturated"}), (FREE, {"vllm": "saturated"}), (FREE, {})]:
        health.read("vllm", reading)
        assert health.away(clock.wall()) == away
        clock.advance(1)


def test_one_that_cannot_be_read_any_more_is_not_away_for_ever() -> None:
    health, clock = watched()
    health.read("vllm", FULL)
    health.read("vllm", FULL)
    assert health.away(clock.wall()) == {"vllm": "saturated"}
    clock.advance(9)
    health.read("vllm", None)
    assert health.away(clock.wall()) == {"vllm": "saturated"}
    clock.advance(1)
    assert health.away(clock.wall()) == {}


def test_a_server_that_was_never_read_counts_as_configured() -> None:
    health, clock = watched()
    assert health.away(clock.wall()) == {}
    full = Health(compile_config(parse(TEXT.replace("stale_s: 10", "stale_s: 10, unknown: full"))), clock)
    assert full.away(clock.wall()) == {"vllm": "saturated"}


def test_failing_is_worse_than_being_full() -> None:
    health, clock = watched()
    health.read("vllm", FULL)
    health.read("vllm", FULL)
    health.observe([failed(clock, "vllm")] * 5)
    assert health.away(clock.wall()) == {"vllm": "resting"}


def test_switched_off_it_says_nothing_and_reads_nothing() -> None:
    health, clock = watched('health: {mode: "off"}\n')
    health.observe([failed(clock)] * 50)
    health.read("vllm", FULL)
    health.read("vllm", FULL)
    assert health.away(clock.wall()) == {}
    assert health.marks == {}


def test_what_one_worker_learns_another_can_be_told() -> None:
    (one, clock), (other, _) = watched(), watched()
    other.note(one.observe([failed(clock)] * 5))
    assert other.away(clock.wall()) == one.away(clock.wall()) == {"cloud": "resting"}


def test_backends_that_are_not_configured_are_not_watched() -> None:
    health, clock = watched()
    assert health.observe([failed(clock, "gone")] * 9) == ()
    health.note([Result("gone", "error", clock.wall())] * 9)
    health.read("gone", FULL)
    assert "gone" not in health.standing(clock.wall())


def test_a_new_configuration_keeps_what_is_known_of_backends_that_stay() -> None:
    health, clock = watched()
    health.observe([failed(clock)] * 5)
    health.follow(policy("health: {rest_s: 9}\n"))
    assert health.away(clock.wall()) == {"cloud": "resting"}
    health.follow(compile_config(parse(TEXT.replace("model: c", "model: another"))))
    assert health.away(clock.wall()) == {}


def test_the_time_to_a_first_byte_and_the_queue_are_told() -> None:
    health, clock = watched()
    health.observe([answered(clock, is_stream=True, time_to_first_byte_s=seconds) for seconds in (0.1, 0.2, 0.9)])
    health.observe([record(clock, attempts=("cloud",), backend="cloud", outcome="cut_off", flags="UC")])
    health.read("vllm", FULL)
    standing = health.standing(clock.wall())
    assert standing["cloud"].first_byte_ms == 200.0
    assert dict(health.first_byte_ms(clock.wall())) == {"cloud": 200.0}
    assert 0 < standing["cloud"].cut_off_share <= standing["cloud"].error_share < 0.5
    assert standing["vllm"].waiting == 50


def test_a_standing_that_was_handed_out_never_changes() -> None:
    health, clock = watched()
    before = health.standing(clock.wall())
    assert health.standing(clock.wall()) is before
    health.observe([failed(clock)] * 5)
    assert "cloud" not in before
    assert health.standing(clock.wall()) is not before


@pytest.mark.parametrize(
    ("fails_from_s", "fails_until_s", "most", "least"), [(0, 3_600, 60, 20), (600, 660, 36_000, 34_000), (0, 0, 36_000, 36_000)]
)
def test_an_hour_of_ten_requests_a_second(fails_from_s: float, fails_until_s: float, most: int, least: int) -> None:
    # Each answer, good or bad, takes a second. A dead backend costs a few dozen requests an hour, a minute's failure little more
    # than that minute, and a sound one loses none.
    health, clock = watched()
    began_s, sent, flying = clock.wall(), 0, deque[Record]()
    for _ in range(36_000):
        now_s = clock.wall()
        while flying and flying[0].started_at <= now_s - 1:
            health.observe([flying.popleft()])
        if "cloud" not in health.away(now_s):
            health.sent("cloud", now_s)
            sent += 1
            is_failing = fails_from_s <= now_s - began_s < fails_until_s
            flying.append(failed(clock) if is_failing else answered(clock))
        clock.advance(0.1)
    assert least <= sent <= most


_events = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.sampled_from(["vllm", "cloud"])),
        st.tuples(st.just("answer"), st.sampled_from(["vllm", "cloud"])),
        st.tuples(st.just("read"), st.sampled_from([FULL, FREE, None])),
        st.tuples(st.just("wait"), st.floats(0, 20)),
        st.tuples(st.just("send"), st.sampled_from(["vllm", "cloud"])),
    ),
    max_size=60,
)


@given(_events)
def test_what_is_kept_for_the_next_request_is_what_would_be_worked_out_anew(events: list[tuple[str, Any]]) -> None:
    health, clock = watched()
    for what, value in events:
        match what:
            case "fail":
                health.observe([failed(clock, value)])
            case "answer":
                health.observe([answered(clock, value)])
            case "read":
                health.read("vllm", value)
            case "wait":
                clock.advance(value)
            case "send":
                health.sent(value, clock.wall())
        kept = dict(health.standing(clock.wall()))
        health._work_out(clock.wall(), is_all_stale=True)
        assert kept == dict(health.standing(clock.wall()))
