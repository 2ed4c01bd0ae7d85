"""With limits against without: differences and ratios of rounds, and gateways that differ in nothing else."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from extproc.bench.limits import show
from extproc.bench.limits.gateways import HEADERS, LIMITS, WITH, WITHOUT
from extproc.bench.limits.report import Report, Work, report
from extproc.bench.limits.steps import Step, measure
from extproc.bench.options import LATENCY, THROUGHPUT
from extproc.bench.sample import Sample
from extproc.bench.valkey import Scripts, info, scripts
from extproc.bench.workload import Workload, requests
from extproc.config import compile_config, parse
from extproc.config.limits import Measure, Per
from extproc.limits import tab_of
from extproc.local.valkey import ValkeyProcess
from extproc.scope import scope_of
from extproc.testing import Load
from extproc.testing.http1 import RequestReader

BACKEND = "version: 1\nbackends: {one: {url: 'http://127.0.0.1:9', model: m, tier: simple, location: on_prem}}\n"


def sample(system: str, workload: Workload, round_: int, p50_ms: float, rate: int) -> Sample:
    load = Load(duration_s=1.0, statuses=Counter({200: rate}), latencies_s=[p50_ms / 1e3] * rate)
    return Sample(system, workload, round_, load, {"envoy": 0.1, "workers": 0.2, "store": 0.05}, rate * 2)


SAMPLES = [
    *(sample(WITHOUT, LATENCY, round_, base, 100) for round_, base in enumerate((1.0, 2.0, 4.0))),
    *(sample(WITH, LATENCY, round_, base + added, 100) for round_, (base, added) in enumerate(((1.0, 0.1), (2.0, 0.2), (4.0, 0.9)))),
    sample(WITHOUT, THROUGHPUT, 0, 10, 2000),
    sample(WITH, THROUGHPUT, 0, 12, 1800),
]
WORK = {WITHOUT: Work(1000, 0, Scripts(100, 2_000)), WITH: Work(1000, 0, Scripts(1_100, 90_000))}


def found() -> Report:
    return report(SAMPLES, WORK)


def test_what_limits_add_is_taken_within_rounds() -> None:
    assert found().added_p50_ms.median == pytest.approx(0.2)
    assert found().latency_ratio.median == pytest.approx(1.1)
    assert found().throughput_ratio.median == 0.9
    assert found().is_within_bars
    assert found().rounds == 3
    assert not report([*SAMPLES, sample(WITH, THROUGHPUT, 1, 9, 10), sample(WITHOUT, THROUGHPUT, 1, 9, 100)], WORK).is_within_bars


def test_rows_and_scripts_are_a_requests() -> None:
    rows = {(row.workload, row.system): row for row in found().rows}
    assert rows[LATENCY.name, WITH].workers_cpu_us == 2000
    assert rows[THROUGHPUT.name, WITH].store_cpu_us == pytest.approx(27.8)
    assert found().scripts == {WITHOUT: 0.1, WITH: 1.1}
    assert found().script_us == {WITHOUT: 2, WITH: 90}


def test_what_failed_or_passed_undecided_is_told() -> None:
    assert found().failed == 0
    undecided = {**WORK, WITH: replace(WORK[WITH], failed_open=2)}
    bad = report([*SAMPLES, replace(SAMPLES[0], round=9, load=Load(failures=Counter({"cut": 3})))], undecided)
    assert bad.failed == 5
    console = Console(file=io.StringIO(), width=200)
    show(replace(bad, steps=(Step("reserve", 10, 200.0, 70.0, 90.0),)), console)
    said = console.file.getvalue()
    for words in ("0.200", "0.90", "<= 0.35", ">= 0.85", "reserve", "5 requests failed"):
        assert words in said
    assert json.loads(json.dumps(bad.as_json()))["failed"] == 5


def test_without_one_of_the_two_there_is_nothing_to_say() -> None:
    alone = report([each for each in SAMPLES if each.system == WITH], WORK)
    assert (alone.added_p50_ms.median, alone.throughput_ratio.median, alone.is_within_bars) == (None, None, False)
    show(alone, Console(file=io.StringIO(), width=200))


def test_ten_limits_count_a_request_on_all_five_levels() -> None:
    policy = compile_config(parse(BACKEND + f"limits: {json.dumps(LIMITS)}\n"))
    tab = tab_of(policy.limits, scope_of(HEADERS.values()), 1_800_000_000.0)
    assert tab is not None
    assert len(tab.counts) == 10
    assert all(count.limit.is_enforced for count in tab.counts)
    assert {len(count.limit.pattern) for count in tab.counts} == {1, 2, 3, 4, 5}
    assert {count.limit.of for count in tab.counts} == set(Measure)
    assert {count.limit.per for count in tab.counts} == {*Per, None}


def test_requests_say_whose_they_are() -> None:
    arrival = RequestReader().feed(requests(LATENCY, HEADERS)[0])
    assert arrival is not None
    assert {name: arrival.headers[name] for name in HEADERS} == HEADERS


def test_the_steps_are_measured_in_a_store_of_their_own(tmp_path: Path) -> None:
    steps = measure(BACKEND + f"limits: {json.dumps(LIMITS)}\n", tmp_path, calls=50)
    assert [(step.name, step.calls) for step in steps] == [("reserve", 100), ("settle", 50), ("settle, 25 at a time", 50)]
    assert all(step.server_us > 0 for step in steps)
    assert steps[0].round_trip_us is not None
    assert steps[0].round_trip_us > steps[0].server_us / 2


def test_a_valkey_says_what_it_did_and_none_says_nothing(tmp_path: Path) -> None:
    with ValkeyProcess(tmp_path / "v") as server:
        assert scripts(server.socket_path) == Scripts()
        assert int(info(server.socket_path, "memory")["used_memory"]) > 100_000
    assert info(server.socket_path, "memory") == {}
