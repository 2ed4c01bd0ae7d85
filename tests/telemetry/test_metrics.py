from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from extproc.telemetry import Metrics, merge
from extproc.telemetry.instrument import INSTRUMENTS
from extproc.usage import Record

Records = Callable[..., Record]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _samples(page: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


_GENAI = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "local-model"}


def test_a_request_is_counted_under_the_conventions_names(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record())
    assert _value(metrics, "gen_ai_client_token_usage_sum", **_GENAI, gen_ai_token_type="input") == 100
    assert _value(metrics, "gen_ai_client_token_usage_sum", **_GENAI, gen_ai_token_type="output") == 40
    assert _value(metrics, "gen_ai_client_operation_duration_seconds_sum", **_GENAI, error_type="") == 1.5
    assert _value(metrics, "gen_ai_server_time_to_first_token_seconds_sum", **_GENAI) == 0.12


def test_a_request_is_counted_under_our_names(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record())
    assert _value(metrics, "tiermesh_requests_total", api="chat", tier="simple", backend="local", outcome="ok") == 1
    assert _value(metrics, "tiermesh_decision_seconds_sum", api="chat") == 0.00035
    assert _value(metrics, "tiermesh_score_sum") == 0.2
    assert _value(metrics, "tiermesh_cost_micro_usd_total", tier="simple", backend="local") == 180
    assert _value(metrics, "tiermesh_asked_cost_micro_usd_total", tier="simple", backend="local") == 18_000
    assert _value(metrics, "tiermesh_saved_micro_usd_total", tier="simple", backend="local") == 17_820
    for kind, count in (("prompt", 100), ("cached", 60), ("cache_write", None), ("completion", 40), ("reasoning", 8)):
        assert _value(metrics, "tiermesh_tokens_total", backend="local", type=kind) == count


def test_a_dearer_answer_does_not_take_savings_back(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record(asked_cost_micro_usd=100))
    assert _value(metrics, "tiermesh_saved_micro_usd_total", tier="simple", backend="local") is None
    assert _value(metrics, "tiermesh_extra_micro_usd_total", tier="simple", backend="local") == 80


def test_each_step_of_a_failover_is_counted(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record(chain=("a", "b", "c"), attempts=("a", "b", "c"), backend="c"))
    assert _value(metrics, "tiermesh_failovers_total", **{"from": "a", "to": "b"}) == 1
    assert _value(metrics, "tiermesh_failovers_total", **{"from": "b", "to": "c"}) == 1


def test_a_failure_is_counted_with_its_status_and_without_a_first_token(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record(outcome="failed", status=503, backend=None, model="", prompt_tokens=0, completion_tokens=0))
    labels = {**_GENAI, "gen_ai_request_model": ""}
    assert _value(metrics, "gen_ai_client_operation_duration_seconds_count", **labels, error_type="503") == 1
    assert _value(metrics, "gen_ai_server_time_to_first_token_seconds_count", **labels) is None
    assert _value(metrics, "tiermesh_requests_total", api="chat", tier="simple", backend="local", outcome="failed") == 1


@pytest.mark.parametrize(
    ("fields", "name", "labels"),
    [
        ({"is_estimated": True, "estimate_reason": "no_usage"}, "tiermesh_estimated_total", {"api": "chat", "reason": "no_usage"}),
        ({"kind": "unmanaged", "outcome": "unmanaged"}, "tiermesh_unmanaged_total", {"api": "chat"}),
        ({"outcome": "refused", "refusal": "model_not_found", "attempts": ()}, "tiermesh_refusals_total", {"code": "model_not_found"}),
        ({"kind": "unmanaged", "outcome": "refused", "status": 413, "attempts": ()}, "tiermesh_refusals_total", {"code": "413"}),
    ],
)
def test_what_is_out_of_the_ordinary_has_a_counter(fields: dict[str, object], name: str, labels: dict[str, str], record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record(**fields))
    assert _value(metrics, name, **labels) == 1


@pytest.mark.parametrize("action", ["allow", "on_prem", "block", "spill"])
def test_what_follows_from_sensitive_kinds_is_counted_once_a_request(action: str, record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record(residency=action, kinds=("custom:falcon:3", "email:2", "unread:image:1")))
    assert _value(metrics, "tiermesh_residency_total", action=action) == 1
    for kind in ("custom:falcon", "email", "unread:image"):
        assert _value(metrics, "tiermesh_sensitive_kinds_total", kind=kind) == 1


def test_a_request_in_which_nothing_was_found_counts_for_no_action(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record())
    page = metrics.page().decode()
    assert "tiermesh_residency_total{" not in page
    assert "tiermesh_sensitive_kinds_total{" not in page


def test_another_path_is_counted_and_has_no_generative_metrics() -> None:
    metrics = Metrics()
    metrics.observe(Record("r", "s", 1.0, "unmanaged", "ok", 200, backend="local", attempts=("local",)))
    assert _value(metrics, "tiermesh_requests_total", api="", tier="", backend="local", outcome="ok") == 1
    assert "gen_ai_client_operation_duration_seconds_count" not in metrics.page().decode()
    assert "tiermesh_unmanaged_total{" not in metrics.page().decode()


def test_the_names_callers_ask_for_do_not_become_labels(record: Records) -> None:
    metrics = Metrics()
    for number in range(50):
        metrics.observe(record(asked_model=f"invented-{number}", caller=f"caller-{number}"))
    page = metrics.page().decode()
    assert "invented" not in page
    assert "caller" not in page


def test_labels_beyond_the_limit_are_counted_together(record: Records) -> None:
    metrics = Metrics(limit=3)
    for number in range(10):
        metrics.observe(record(tier=f"tier-{number}"))
    assert _value(metrics, "tiermesh_requests_total", api="other", tier="other", backend="other", outcome="other") == 7
    assert metrics.page().decode().count("tiermesh_requests_total{") == 4


def test_a_page_has_every_metric_of_the_table_and_no_creation_times(record: Records) -> None:
    metrics = Metrics()
    metrics.observe(record())
    page = metrics.page().decode()
    for row in INSTRUMENTS:
        assert f"# TYPE {row.series} " in page
    assert "_created" not in page


def test_values_of_others_are_read_when_the_page_is() -> None:
    metrics = Metrics()
    lost = [0]
    metrics.count_from("tiermesh_lost", "Lost.", lambda: lost[0])
    metrics.gauge_from("tiermesh_waiting", "Waiting.", lambda: 2 * lost[0])
    lost[0] = 5
    assert "tiermesh_lost_total 5.0" in metrics.page().decode()
    assert "tiermesh_waiting 10.0" in metrics.page().decode()


def test_a_gauge_may_have_a_value_for_each_of_its_labels_there_is_now() -> None:
    metrics, standing = Metrics(), {"a": 1.0, "b": 0.0}
    metrics.labelled_gauge_from("tiermesh_resting", "Resting.", "backend", lambda: standing)
    page = metrics.page().decode()
    assert 'tiermesh_resting{backend="a"} 1.0' in page
    assert 'tiermesh_resting{backend="b"} 0.0' in page
    standing.clear()
    assert "tiermesh_resting{" not in metrics.page().decode()


def test_how_things_stood_with_a_worker_that_ended_is_not_added() -> None:
    page = "# HELP x_total X.\n# TYPE x_total counter\nx_total 2.0\n# HELP g G.\n# TYPE g gauge\ng 1.0\n"
    ended = merge([page, page], has_gauges=False)
    assert "x_total 4.0" in ended
    assert "g 1.0" in merge([ended, page])


def test_pages_add_up() -> None:
    one = '# HELP x_total X.\n# TYPE x_total counter\nx_total{a="1"} 2.0\n# HELP g G.\n# TYPE g gauge\ng 1.0\n'
    two = (
        '# HELP x_total X.\n# TYPE x_total counter\nx_total{a="1"} 3.0\nx_total{a="\\"2\\\\\\n"} 4.0\n# HELP g G.\n# TYPE g gauge\ng 5.0\n'
    )
    assert _samples(merge([one, two])) == {
        ("x_total", (("a", "1"),)): 5.0,
        ("x_total", (("a", '"2\\\n'),)): 4.0,
        ("g", ()): 6.0,
    }


def test_no_page_is_an_empty_page() -> None:
    assert merge([]) == ""


def test_text_that_is_no_page_is_refused() -> None:
    with pytest.raises(ValueError):
        merge(["x{ 1"])


_records = st.builds(
    Record,
    request_id=st.just("r"),
    stream_id=st.just("s"),
    started_at=st.just(1.0),
    kind=st.just("routed"),
    outcome=st.sampled_from(("ok", "failed", "refused")),
    status=st.sampled_from((200, 503)),
    api=st.sampled_from(("chat", "messages", "")),
    tier=st.sampled_from(("simple", 'odd"\\\n')),
    score=st.none() | st.sampled_from((0.0, 0.5, 1.0)),
    attempts=st.sampled_from(((), ("a",), ("a", "b"))),
    prompt_tokens=st.integers(0, 10**6),
    completion_tokens=st.integers(0, 10**6),
    duration_s=st.integers(0, 400).map(float),
    cost_micro_usd=st.integers(0, 10**6),
    asked_cost_micro_usd=st.integers(0, 10**6),
    decided_at=st.sampled_from((0.0, 1.0)),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(_records, max_size=4), max_size=3))
def test_the_merged_page_is_that_of_one_worker_who_saw_everything(shares: list[list[Record]]) -> None:
    everything = Metrics()
    workers = []
    for share in shares:
        worker = Metrics()
        for seen in share:
            worker.observe(seen)
            everything.observe(seen)
        workers.append(worker.page().decode())
    merged = _samples(merge(workers))
    expected = _samples(everything.page().decode())
    assert {name: value for name, value in merged.items() if value} == pytest.approx(
        {name: value for name, value in expected.items() if value}
    )
    assert merge([merge(workers)]) == merge(workers)
