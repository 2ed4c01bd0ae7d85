"""Samples become ratios, each taken within a round."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from extproc.bench import proc, progress, show
from extproc.bench.engine import order
from extproc.bench.fleet import LITELLM, NOOP, OURS, PLAIN
from extproc.bench.options import FULL, LATENCY, QUICK, STREAM, THROUGHPUT, Options, plan
from extproc.bench.report import Health, report
from extproc.bench.sample import SETTLE_S, Sample, quantile
from extproc.bench.workload import PATH, Workload, requests
from extproc.testing import Load
from extproc.testing.http1 import RequestReader


def sample(system: str, workload: Workload, round_: int, p50_ms: float, rate: int, *, body_ms: float = 0.0, messages: int = 0) -> Sample:
    load = Load(duration_s=1.0, statuses=Counter({200: rate}))
    load.latencies_s = [p50_ms / 1e3] * rate
    load.first_bytes_s = [p50_ms / 2e3] * rate
    load.bodies_s = [body_ms / 1e3] * rate
    return Sample(system, workload, round_, load, {"envoy": 0.1, "workers": 0.2}, messages)


HEALTH = [Health(name, 0.5, 2, 90_000_000, 60_000_000, 0) for name in (PLAIN, NOOP, OURS)]
SAMPLES = [
    *(
        sample(system, LATENCY, round_, base + added, 100)
        for round_, base in enumerate((1.0, 2.0, 4.0))
        for system, added in ((PLAIN, 0), (NOOP, 0.5), (OURS, 0.75))
    ),
    sample(PLAIN, THROUGHPUT, 0, 1, 3000),
    sample(NOOP, THROUGHPUT, 0, 1, 2000),
    sample(OURS, THROUGHPUT, 0, 1, 1500, messages=3000),
    sample(PLAIN, STREAM, 0, 4, 10, body_ms=2),
    sample(OURS, STREAM, 0, 4, 10, body_ms=2, messages=20),
]


def test_ratios_are_medians_of_the_rounds_own_ratios() -> None:
    found = report(SAMPLES, HEALTH)
    ratios = found.as_json()["ratios"]
    assert ratios["added_p50_vs_noop"] == pytest.approx(1.5)
    assert ratios["added_p50_vs_envoy"] == pytest.approx(0.375)
    assert ratios["throughput_vs_noop"] == 0.75
    assert ratios["throughput_vs_envoy"] == 0.5
    assert ratios["chunk_time_vs_envoy"] == 1.0
    assert ratios["throughput_vs_litellm"] is None
    assert found.ratios["added_p50_vs_envoy"].low == pytest.approx((0.1875 + 0.375) / 2, abs=1e-4)


def test_a_round_in_which_the_other_filter_seems_free_says_nothing() -> None:
    odd = [sample(system, LATENCY, 9, p50_ms, 100) for system, p50_ms in ((PLAIN, 2.0), (NOOP, 1.9), (OURS, 2.5))]
    assert report([*SAMPLES, *odd], HEALTH).ratios["added_p50_vs_noop"].median == pytest.approx(1.5)


def test_rows_hold_what_was_added_and_what_it_cost() -> None:
    rows = {(row.workload, row.system): row for row in report(SAMPLES, HEALTH).rows}
    ours = rows[LATENCY.name, OURS]
    assert (ours.added_p50_ms, ours.answers, ours.failed) == (0.75, 300, 0)
    assert (ours.envoy_cpu_ms, ours.workers_cpu_ms) == (1.0, 2.0)
    assert rows[LATENCY.name, PLAIN].added_p50_ms is None
    assert rows[THROUGHPUT.name, OURS].messages_per_request == 2
    stream = rows[STREAM.name, OURS]
    assert (stream.messages_per_chunk, stream.chunk_us, stream.added_chunk_us) == (0, 10.0, 0.0)


def test_a_message_for_each_chunk_would_show() -> None:
    chatty = [replace(each, messages=10 * 202) if each.system == OURS and each.workload == STREAM else each for each in SAMPLES]
    rows = {(row.workload, row.system): row for row in report(chatty, HEALTH).rows}
    assert rows[STREAM.name, OURS].messages_per_chunk == 1.0


def test_nothing_measured_is_no_ratio() -> None:
    empty = sample(OURS, LATENCY, 0, 1, 0)
    ratios = report([empty, replace(empty, system=PLAIN)], HEALTH).ratios
    assert {ratio.median for ratio in ratios.values()} == {None}


def test_the_report_is_json_and_a_table_that_names_what_went_wrong() -> None:
    unwell = [*HEALTH[:2], replace(HEALTH[2], failed_open=3)]
    found = report([*SAMPLES, replace(SAMPLES[0], load=Load(failures=Counter({"cut": 2})))], unwell)
    assert json.loads(json.dumps(found.as_json()))["systems"][2]["failed_open"] == 3
    console = Console(file=io.StringIO(), width=220)
    show(found, console)
    said = console.file.getvalue()
    for words in ("1000 tokens x 1", "stream of 200 x 1", "1.50", "not measured", "let 3 requests pass unprocessed", "2 requests failed"):
        assert words in said


def test_progress_says_what_is_measured_now() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress(console) as step:
        step(1, 4, "round 1 of 2")
    assert "round 1 of 2" in console.file.getvalue()


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def test_systems_take_turns_and_the_first_changes() -> None:
    systems = (Named(PLAIN), Named(NOOP), Named(OURS), Named(LITELLM))
    turns = [(round_, workload, system.name) for round_, workload, system in order(systems, QUICK)]
    first = [next(name for at, workload, name in turns if at == round_ and workload == LATENCY) for round_ in range(4)]
    assert first == [PLAIN, NOOP, OURS, LITELLM]
    assert Counter((workload, name) for _, workload, name in turns)[THROUGHPUT, OURS] == QUICK.rounds
    assert {workload for _, workload, name in turns if name == LITELLM} == {LATENCY, THROUGHPUT}


def test_plans_cover_what_was_promised() -> None:
    assert plan(Options(is_quick=True)) is QUICK
    for tokens in (100, 1000, 8000):
        assert {each.clients for each in plan(Options()).workloads if each.prompt_tokens == tokens and not each.chunks} == {1, 8, 32}
    for each in (QUICK, FULL):
        assert {LATENCY, THROUGHPUT, STREAM} <= set(each.workloads)
    quick_s = len(QUICK.workloads) * 3 * QUICK.rounds * (QUICK.round_s + QUICK.warm_up_s + SETTLE_S)
    assert quick_s < 28


@pytest.mark.parametrize(
    "workload", [*QUICK.workloads, Workload(1000, 1, chunks=200, asks_usage=False)], ids=lambda workload: workload.name
)
def test_requests_are_as_long_as_they_say_and_all_different(workload: Workload) -> None:
    made = requests(workload)
    assert len(set(made)) == len(made) >= 8
    assert made == requests(workload)
    arrival = RequestReader().feed(made[0])
    body = json.loads(arrival.body)
    assert arrival.path == PATH
    assert sum(len(message["content"]) for message in body["messages"]) == workload.prompt_tokens * 4
    assert body.get("stream", False) is bool(workload.chunks)
    assert ("stream_options" in body) is bool(workload.chunks and workload.asks_usage)


def test_quantiles_are_nearest_ranks() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0], 0.99) == 1.0
    assert quantile([], 0.5) != quantile([], 0.5)


def test_proc_knows_this_process_and_forgives_one_that_has_gone() -> None:
    import os

    assert proc.cpu_s([os.getpid()]) > 0
    assert proc.memory(os.getpid()).rss_bytes > proc.memory(os.getpid()).pss_bytes > 1_000_000
    assert os.getpid() in proc.descendants(os.getpid())
    assert "python" in proc.command(os.getpid())
    gone = 2**22 + 1
    assert (proc.cpu_s([gone]), proc.memory(gone).rss_bytes, proc.command(gone), proc.descendants(gone)) == (0, 0, "", (gone,))
