"""Encoded runs are found where they begin, and read to their ends."""

from __future__ import annotations

import base64

import pytest

from extproc.residency.unwrap import unwrap

LONG = base64.b64encode(b"harmless text " * 60 + b"and what is planted").decode()


@pytest.mark.parametrize("before", ["", "https://host.example/data/", "file_", "part-", "a/b/c/", "data:text/plain;base64,"])
def test_a_run_behind_another_is_read_to_its_end(before: str) -> None:
    assert any("planted" in piece for piece in unwrap(f"see {before}{LONG}".encode()).pieces)


@pytest.mark.parametrize("width", [14, 18, 22, 30, 50, 64, 76, 90, 133])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n    "])
def test_lines_may_have_any_width(width: int, end: str) -> None:
    lines = [LONG[start : start + width] for start in range(0, len(LONG), width)]
    assert any("what is planted" in piece for piece in unwrap(("decode:\n" + end.join(lines)).encode()).pieces)
