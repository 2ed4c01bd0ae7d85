"""What a record says of the backends that were tried."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.health import Result, results_of
from extproc.usage import Record


def record(**members: Any) -> Record:
    return Record(**{"request_id": "r", "stream_id": "s", "started_at": 5.0, "kind": "routed", "outcome": "ok", "status": 200, **members})


ROWS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "answered": ({"attempts": ("a",), "backend": "a"}, [("a", "ok")]),
    "answered by the third": ({"attempts": ("a", "b", "c"), "backend": "c"}, [("a", "error"), ("b", "error"), ("c", "ok")]),
    "all failed": ({"outcome": "failed", "status": 503, "attempts": ("a", "b")}, [("a", "error"), ("b", "error")]),
    "the last one's own 500": ({"outcome": "failed", "status": 500, "attempts": ("a",), "backend": "a"}, [("a", "error")]),
    "no more money there": ({"outcome": "failed", "status": 402, "attempts": ("a",), "backend": "a"}, [("a", "error")]),
    "too many requests": ({"outcome": "failed", "status": 429, "attempts": ("a",), "backend": "a"}, [("a", "error")]),
    "a request that was wrong": ({"outcome": "failed", "status": 400, "attempts": ("a",), "backend": "a"}, [("a", "ok")]),
    "a model that is not there": (
        {"outcome": "failed", "status": 404, "attempts": ("a", "b"), "backend": "b"},
        [("a", "error"), ("b", "ok")],
    ),
    "cut off": ({"outcome": "cut_off", "attempts": ("a",), "backend": "a", "flags": "UC"}, [("a", "cut_off")]),
    "cut off by the caller": ({"outcome": "cut_off", "attempts": ("a",), "backend": "a", "flags": "DC"}, []),
    "the caller left": ({"outcome": "aborted", "status": 0, "attempts": ("a", "b"), "flags": "DR"}, [("a", "error")]),
    "a worker at fault": ({"outcome": "failed", "status": 500, "attempts": ("a", "b"), "details": "ext_proc_error_x"}, [("a", "error")]),
    "nothing was sent": ({"outcome": "refused", "status": 429}, []),
    "never heard of": ({"outcome": "lost", "status": 0, "attempts": ("a",)}, []),
    "undecided": ({"kind": "unmanaged", "outcome": "unmanaged", "attempts": ("a",), "backend": "a"}, [("a", "ok")]),
}


@pytest.mark.parametrize(("members", "expected"), ROWS.values(), ids=ROWS)
def test_each_attempt_counts_for_its_backend_where_it_says_something(members: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(one.backend, one.kind) for one in results_of(record(**members))] == expected


def test_results_know_when_their_request_was_decided() -> None:
    assert results_of(record(attempts=("a",), backend="a", decided_at=9.0)) == (Result("a", "ok", 9.0),)
    assert results_of(record(attempts=("a",), backend="a")) == (Result("a", "ok", 5.0),)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"is_stream": True, "time_to_first_byte_s": 0.25}, 250.0),
        ({"is_stream": False, "time_to_first_byte_s": 0.25}, None),  # the whole generation
        ({"is_stream": True}, None),
        ({"is_stream": True, "time_to_first_byte_s": 9.0, "attempts": ("b", "a")}, None),  # the failed attempt is in it
    ],
)
def test_the_first_byte_is_timed_where_it_is_the_backends_alone(members: dict[str, Any], expected: float | None) -> None:
    *_, last = results_of(record(**{"attempts": ("a",), "backend": "a", **members}))
    assert last.first_byte_ms == expected
