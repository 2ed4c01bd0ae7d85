"""Full or free by a server's own metrics: two marks, counts in a row, readings that grow old."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.compiled_health import Saturation
from extproc.health.load import Load, Reading, after, is_full, reading_of

MARKS = Saturation(
    metrics_url="http://127.0.0.1:1/metrics",
    ca_file="",
    waiting=8,
    waiting_low=4,
    kv_cache=0.9,
    kv_cache_low=0.5,
    readings_full=2,
    readings_free=3,
    every_s=1,
    stale_s=10,
    is_full_unread=False,
)
# By letter: free, between the marks, full by its queue, full by its cache, unreadable.
READINGS = {
    "f": Reading(0, 3, 0.1),
    "l": Reading(4, 3, 0.5),
    "b": Reading(5, 3, 0.1),
    "k": Reading(0, 3, 0.7),
    "W": Reading(8, 3, 0.1),
    "K": Reading(0, 3, 0.9),
    "-": None,
}


def told(letters: str, *, every_s: float = 1.0, marks: Saturation = MARKS, load: Load | None = None) -> tuple[Load, float]:
    load, now_s = load or Load(), 100.0
    for letter in letters:
        now_s += every_s
        load = after(load, READINGS[letter], now_s, marks)
    return load, now_s


@pytest.mark.parametrize(
    ("letters", "full"),
    [
        ("f", False),
        ("W", False),  # one is none
        ("WW", True),
        ("KK", True),
        ("WK", True),
        ("WfW", False),
        ("WbWk", False),  # what is between the marks begins the count anew
        ("W--W", True),  # what could not be read says nothing
        ("WWff", True),
        ("WWfff", False),
        ("WWlll", False),  # at the low marks
        ("WWbbbbb", True),
        ("WWkkkkk", True),
        ("WWffbfff", False),
        ("WWffbff", True),
        ("WWfffW", False),
        ("WWfffWW", True),
    ],
)
def test_it_takes_some_readings_in_a_row_to_change(letters: str, full: bool) -> None:
    load, now_s = told(letters)
    assert is_full(load, now_s, MARKS) is full


@pytest.mark.parametrize("unread", [False, True])
def test_a_reading_grows_old_and_then_what_is_configured_holds(unread: bool) -> None:
    marks = replace(MARKS, is_full_unread=unread)
    load, now_s = told("WW", marks=marks)
    assert is_full(load, now_s + 9.9, marks)
    assert is_full(load, now_s + 10, marks) is unread
    assert is_full(Load(), now_s, marks) is unread


def test_one_that_cannot_be_read_any_more_is_unknown_after_a_while() -> None:
    load, now_s = told("WW" + "-" * 10)
    assert not is_full(load, now_s, MARKS)


def test_what_was_counted_before_a_long_silence_is_forgotten() -> None:
    assert not is_full(*told("W", load=told("W")[0], every_s=20), MARKS)
    load, now_s = told("f", load=told("WW")[0], every_s=20)
    assert not load.is_full
    assert load.read_at_s == now_s


_letters = st.text(alphabet="flbkWK-", max_size=60)


@given(_letters)
def test_it_never_changes_twice_faster_than_its_counts_allow(letters: str) -> None:
    load, now_s, changes = Load(), 0.0, []
    for index, letter in enumerate(letters):
        now_s += 1
        before, load = load.is_full, after(load, READINGS[letter], now_s, MARKS)
        if load.is_full is not before:
            changes.append((index, load.is_full))
    for (first, _), (second, to_full) in pairwise(changes):
        assert second - first >= (MARKS.readings_full if to_full else MARKS.readings_free)
    assert [to_full for _, to_full in changes] == [index % 2 == 0 for index in range(len(changes))]


@given(_letters)
def test_readings_between_the_marks_and_missing_ones_never_change_it(letters: str) -> None:
    load, _ = told(letters.replace("-", "b"))
    state = load.is_full
    for letter in "bk-" * 5:
        load = after(load, READINGS[letter], load.read_at_s + 1, MARKS)
        assert load.is_full is state


PAGE = """\
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="Qwen/Qwen3-4B"} 3.0
vllm:num_requests_waiting{engine="1",model_name="Qwen/Qwen3-4B"} 4.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 100.0
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a} 7 \\" x"} 16.0 1700000000000
NAME{engine="0"} 0.25
NAME{engine="1"} 0.5
"""


@pytest.mark.parametrize("name", ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"])
def test_a_page_of_either_generation_is_read_engines_together(name: str) -> None:
    assert reading_of(PAGE.replace("NAME", name)) == Reading(7.0, 16.0, 0.5)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("", None),
        ("vllm:num_requests_running 3\n", None),
        ("# vllm:num_requests_waiting 3\n", None),
        ("my_vllm:num_requests_waiting 3\n", None),
        ("vllm:num_requests_waiting 3", Reading(3, 0, 0)),
        ("vllm:num_requests_waiting{} 3e0\n", Reading(3, 0, 0)),
        ("vllm:num_requests_waiting NaN\n", None),
        ("vllm:num_requests_waiting +Inf\n", None),
        ("vllm:num_requests_waiting -1\n", None),
        ("vllm:num_requests_waiting\n", None),
        ("vllm:num_requests_waiting{a=\n", None),
        ("vllm:num_requests_waiting three\nvllm:num_requests_waiting 2\n", Reading(2, 0, 0)),
        ("<html>not found</html>", None),
    ],
)
def test_what_does_not_say_how_many_wait_is_no_reading(page: str, expected: Reading | None) -> None:
    assert reading_of(page) == expected


@given(st.text(alphabet='vllm:num_requests_waiting{}="\\ \n0123456789.eNa#', max_size=300))
def test_no_page_is_an_error(page: str) -> None:
    reading = reading_of("vllm:num_requests_waiting" + page)
    assert reading is None or reading.waiting >= 0
