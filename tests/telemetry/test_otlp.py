from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from extproc.config.types import Telemetry as TelemetryConfig
from extproc.telemetry import Telemetry
from extproc.telemetry.spans import parent_of
from extproc.testing.otlp import OtlpReceiver, ReceivedPoint, ReceivedSpan
from extproc.usage import Record

Records = Callable[..., Record]

_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
_PARENT_ID = "b7ad6b7169203331"


@contextmanager
def _telemetry(endpoint: str) -> Iterator[Telemetry]:
    telemetry = Telemetry.start(TelemetryConfig(otlp_endpoint=endpoint, service_name="gateway"), instance="worker-7")
    try:
        yield telemetry
    finally:
        telemetry.close()


def _span_of(record: Record, receiver: OtlpReceiver) -> ReceivedSpan:
    with _telemetry(receiver.endpoint) as telemetry:
        telemetry.emit([record])
    (span,) = receiver.spans(1)
    return span


def test_a_span_continues_the_trace_that_envoy_began(record: Records, receiver: OtlpReceiver) -> None:
    span = _span_of(record(), receiver)
    assert (span.trace_id, span.parent_span_id) == (_TRACE_ID, _PARENT_ID)
    assert span.kind == "SPAN_KIND_CLIENT"
    assert (span.started_ns, span.ended_ns) == (1_700_000_000_250_000_000, 1_700_000_001_750_000_000)
    assert span.resource == {"service.name": "gateway", "service.instance.id": "worker-7"}


def test_a_span_has_the_conventions_names_and_ours(record: Records, receiver: OtlpReceiver) -> None:
    span = _span_of(record(), receiver)
    assert span.name == "chat local-model"
    assert span.status == "STATUS_CODE_UNSET"
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "local-model",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "local-model-2024",
        "gen_ai.response.time_to_first_chunk": 0.12,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "http.response.status_code": 200,
        "tiermesh.api": "chat",
        "tiermesh.kind": "routed",
        "tiermesh.outcome": "ok",
        "tiermesh.asked_model": "auto",
        "tiermesh.caller": "key-abc",
        "tiermesh.tier": "simple",
        "tiermesh.score": 0.2,
        "tiermesh.task": "code",
        "tiermesh.reasons": ("score<=0.35",),
        "tiermesh.chain": ("local", "mid"),
        "tiermesh.attempts": ("local",),
        "tiermesh.backend": "local",
        "tiermesh.location": "on_prem",
        "tiermesh.model_revision": "abc123",
        "tiermesh.request_id": "req-1",
        "tiermesh.policy_digest": "0123456789ab",
        "tiermesh.envoy.details": "via_upstream",
        "tiermesh.cost_micro_usd": 180,
        "tiermesh.asked_cost_micro_usd": 18_000,
        "tiermesh.saved_micro_usd": 17_820,
        "tiermesh.is_estimated": False,
    }


def test_the_decision_is_an_event_at_its_time(record: Records, receiver: OtlpReceiver) -> None:
    (event,) = _span_of(record(), receiver).events
    assert (event.name, event.time_ns) == ("tiermesh.decision", 1_700_000_000_500_000_000)
    assert event.attributes == {"tiermesh.decision_us": 350, "tiermesh.tier": "simple"}


def test_each_failed_attempt_is_an_event(record: Records, receiver: OtlpReceiver) -> None:
    span = _span_of(record(chain=("a", "b", "c"), attempts=("a", "b", "c"), backend="c"), receiver)
    failed = [event.attributes for event in span.events if event.name == "tiermesh.attempt_failed"]
    assert failed == [
        {"tiermesh.backend": "a", "tiermesh.next_backend": "b"},
        {"tiermesh.backend": "b", "tiermesh.next_backend": "c"},
    ]
    assert span.status == "STATUS_CODE_UNSET"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"outcome": "failed", "status": 503}, "503"),
        ({"outcome": "failed", "status": 0}, "failed"),
        ({"outcome": "refused", "status": 404, "refusal": "model_not_found"}, "model_not_found"),
        ({"outcome": "cut_off"}, "cut_off"),
        ({"outcome": "aborted", "status": 0}, "aborted"),
    ],
)
def test_a_bad_end_is_an_error_with_its_type(fields: dict[str, object], error: str, record: Records, receiver: OtlpReceiver) -> None:
    span = _span_of(record(**fields), receiver)
    assert (span.status, span.attributes["error.type"]) == ("STATUS_CODE_ERROR", error)


def test_an_anthropic_request_says_so(record: Records, receiver: OtlpReceiver) -> None:
    span = _span_of(record(api="messages", cache_write_tokens=5), receiver)
    assert span.attributes["gen_ai.provider.name"] == "anthropic"
    assert span.attributes["gen_ai.usage.cache_creation.input_tokens"] == 5


def test_an_unsampled_trace_and_none_at_all_get_no_span(record: Records, receiver: OtlpReceiver) -> None:
    with _telemetry(receiver.endpoint) as telemetry:
        telemetry.emit([record(traceparent=f"00-{_TRACE_ID}-{_PARENT_ID}-00"), record(traceparent=""), record(request_id="last")])
    assert [span.attributes["tiermesh.request_id"] for span in receiver.spans(1)] == ["last"]


@pytest.mark.parametrize(
    ("traceparent", "is_parent"),
    [
        (f"00-{_TRACE_ID}-{_PARENT_ID}-01", True),
        (f"00-{_TRACE_ID}-{_PARENT_ID}-03", True),
        (f"01-{_TRACE_ID}-{_PARENT_ID}-01-later", True),
        (f"00-{_TRACE_ID}-{_PARENT_ID}-02", False),
        (f"ff-{_TRACE_ID}-{_PARENT_ID}-01", False),
        (f"00-{'0' * 32}-{_PARENT_ID}-01", False),
        (f"00-{_TRACE_ID}-{'0' * 16}-01", False),
        (f"00-{_TRACE_ID.upper()}-{_PARENT_ID}-01", False),
        ("garbage", False),
        ("", False),
    ],
)
def test_only_a_sampled_traceparent_is_a_parent(traceparent: str, is_parent: bool) -> None:
    assert (parent_of(traceparent) is not None) == is_parent


def _point(points: list[ReceivedPoint], metric: str, **attributes: str) -> ReceivedPoint:
    (found,) = [point for point in points if point.metric == metric and point.attributes.items() >= attributes.items()]
    return found


def test_metrics_go_out_under_the_conventions_names_with_the_pages_numbers(record: Records, receiver: OtlpReceiver) -> None:
    with _telemetry(receiver.endpoint) as telemetry:
        telemetry.emit([record(), record(prompt_tokens=5000)])
    points = receiver.points(1)
    usage = _point(points, "gen_ai.client.token.usage", **{"gen_ai.token.type": "input"})
    assert (usage.unit, usage.count, usage.value) == ("{token}", 2, 5100.0)
    assert [index for index, count in enumerate(usage.buckets) if count] == [4, 7]  # up to 256, up to 16384
    assert usage.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "local-model",
        "gen_ai.token.type": "input",
    }
    assert usage.resource == {"service.name": "gateway", "service.instance.id": "worker-7"}
    duration = _point(points, "gen_ai.client.operation.duration")
    assert (duration.unit, duration.value, "error.type" in duration.attributes) == ("s", 3.0, False)
    requests = _point(points, "tiermesh.requests", **{"tiermesh.outcome": "ok"})
    assert (requests.unit, requests.value) == ("{request}", 2.0)
    assert _point(points, "tiermesh.cost", **{"tiermesh.backend": "local"}).value == 360.0


def test_a_receiver_that_is_away_does_not_hold_up_the_end(record: Records) -> None:
    telemetry = Telemetry.start(TelemetryConfig(otlp_endpoint="http://127.0.0.1:9"), instance="w")
    telemetry.emit([record()])
    telemetry.close(timeout_s=0.1)


def test_without_an_endpoint_opentelemetry_is_not_even_imported() -> None:
    code = """
import io, sys
from extproc.config.types import Telemetry as Config
from extproc.telemetry import Telemetry
from extproc.usage import Record
stream = io.StringIO()
telemetry = Telemetry.start(Config(), instance="w", log_stream=stream)
telemetry.emit([Record("r", "s", 1.0, "routed", "ok", 200, api="chat")])
assert b"tiermesh_requests_total" in telemetry.metrics_page()
telemetry.close()
assert stream.getvalue().count("\\n") == 1
print([name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "grpc", "redis")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_log_lines_are_written_when_none_are_asked_for(record: Records) -> None:
    telemetry = Telemetry.start(TelemetryConfig(log="none"), instance="w", log_stream=sys.stdout)
    telemetry.emit([record()])
    telemetry.close()
    assert telemetry.log is None
