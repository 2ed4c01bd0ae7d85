"""The measurement of the scan: every text at every length, in order, and one number for each promise."""

from __future__ import annotations

import json

from rich.console import Console

from extproc.bench import scan
from extproc.dialects import Request
from extproc.residency import Inspection


def test_every_text_is_measured_at_every_length() -> None:
    seen: list[int] = []

    def inspect(request: Request) -> Inspection:
        seen.append(len(request.body))
        return Inspection()

    report = scan.run(scan.Options(samples=1, tokens=(10, 100)), scan=inspect)
    assert {row.tokens for row in report.rows} == {10, 100}
    assert len({row.text for row in report.rows}) * 2 == len(report.rows)
    assert all(row.p50_us <= row.p99_us and row.ratio > 0 for row in report.rows)
    assert seen
    assert json.loads(json.dumps(report.as_json()))["rows"][0]["ratio"] > 0


def test_a_table_has_all_of_it() -> None:
    report = scan.Report(1.5, (scan.Row("prose", 1_000, 4_000, 250.0, 300.0, 50.0),))
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as capture:
        scan.show(report, console)
    assert "0.250" in capture.get()
    assert "5.0" in capture.get()
    assert "1.5 s" in capture.get()
