"""An OTLP gRPC receiver in this process: takes traces and metrics, and lets a test wait for them and look at them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | bool | int | float | tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it came over the wire. IDs are lower-case hex; `kind` and `status` are OTLP's names, such as SPAN_KIND_CLIENT."""

    name: str
    trace_id: str
    span_id: str
    parent_span_id: str
    kind: str
    status: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Value]
    events: tuple[ReceivedEvent, ...]
    resource: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """One data point: `value` of a sum or gauge, or `count`, `value` (the sum) and `buckets` of a histogram."""

    metric: str
    unit: str
    attributes: Mapping[str, Value]
    value: float
    count: int
    buckets: tuple[int, ...]
    resource: Mapping[str, Value]


class OtlpReceiver:
    """Listens on a free loopback port from `start` (or `with`) to `stop`; `endpoint` is what an exporter is given."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._spans: list[ReceivedSpan] = []
        self._points: list[ReceivedPoint] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=2, thread_name_prefix="otlp-receiver"))
        trace_grpc.add_TraceServiceServicer_to_server(_Traces(self._take_spans), self._server)  # type: ignore[no-untyped-call]
        metrics_grpc.add_MetricsServiceServicer_to_server(_Metrics(self._take_points), self._server)  # type: ignore[no-untyped-call]
        self.endpoint = ""

    def start(self) -> OtlpReceiver:
        """Returns itself, listening."""
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.endpoint = f"http://127.0.0.1:{port}"
        return self

    def stop(self) -> None:
        """Ends every connection; what was received stays."""
        self._server.stop(grace=0).wait()

    def __enter__(self) -> OtlpReceiver:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def spans(self, at_least: int = 0, *, timeout_s: float = 10.0) -> list[ReceivedSpan]:
        """All spans so far, in order of arrival; waits until there are `at_least`. Raises TimeoutError."""
        return self._wait(self._spans, at_least, timeout_s)

    def points(self, at_least: int = 0, *, timeout_s: float = 10.0) -> list[ReceivedPoint]:
        """All data points so far, in order of arrival; waits until there are `at_least`. Raises TimeoutError."""
        return self._wait(self._points, at_least, timeout_s)

    def _wait(self, received: list[Any], at_least: int, timeout_s: float) -> list[Any]:
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(received) >= at_least, timeout_s):
                raise TimeoutError(f"{len(received)} of {at_least} arrived within {timeout_s} s")
            return list(received)

    def _take_spans(self, request: trace_service.ExportTraceServiceRequest) -> None:
        spans = [
            _span(span, _attributes(group.resource.attributes))
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]
        with self._arrived:
            self._spans.extend(spans)
            self._arrived.notify_all()

    def _take_points(self, request: metrics_service.ExportMetricsServiceRequest) -> None:
        points = [
            point
            for group in request.resource_metrics
            for scope in group.scope_metrics
            for metric in scope.metrics
            for point in _points(metric, _attributes(group.resource.attributes))
        ]
        with self._arrived:
            self._points.extend(points)
            self._arrived.notify_all()


class _Traces(trace_grpc.TraceServiceServicer):
    def __init__(self, take: Any) -> None:
        self._take = take

    def Export(self, request: Any, context: Any) -> trace_service.ExportTraceServiceResponse:  # noqa: ARG002, N802
        self._take(request)
        return trace_service.ExportTraceServiceResponse()


class _Metrics(metrics_grpc.MetricsServiceServicer):
    def __init__(self, take: Any) -> None:
        self._take = take

    def Export(self, request: Any, context: Any) -> metrics_service.ExportMetricsServiceResponse:  # noqa: ARG002, N802
        self._take(request)
        return metrics_service.ExportMetricsServiceResponse()


def _span(span: Span, resource: Mapping[str, Value]) -> ReceivedSpan:
    events = tuple(ReceivedEvent(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events)
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        kind=Span.SpanKind.Name(span.kind),
        status=span.status.StatusCode.Name(span.status.code),
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=events,
        resource=resource,
    )


def _points(metric: Metric, resource: Mapping[str, Value]) -> Iterable[ReceivedPoint]:
    for distribution in metric.histogram.data_points:
        attributes, buckets = _attributes(distribution.attributes), tuple(distribution.bucket_counts)
        yield ReceivedPoint(metric.name, metric.unit, attributes, distribution.sum, distribution.count, buckets, resource)
    for number in (*metric.sum.data_points, *metric.gauge.data_points):
        value = number.as_double if number.HasField("as_double") else float(number.as_int)
        yield ReceivedPoint(metric.name, metric.unit, _attributes(number.attributes), value, 0, (), resource)


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    plain: Value = getattr(value, kind) if kind else None
    return plain
