"""The Prometheus registry's own numbers, sent to an OTLP receiver now and then: nothing is counted twice for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.core import Metric as Family
from prometheus_client.samples import Sample

from extproc.telemetry.instrument import INSTRUMENTS, attribute
from extproc.telemetry.metrics import Metrics

SCOPE = "tiermesh"

_ROWS = {row.page: row for row in INSTRUMENTS}
_EXPORT_TIMEOUT_S = 5.0
# The smallest and largest value are not kept. OTLP lets a point leave them out, which its Python types do not say.
_UNKNOWN = cast("float", None)


class MetricExport:
    """Sends `metrics` every `interval_s` from a thread of its own, and once more at the end."""

    def __init__(self, metrics: Metrics, endpoint: str, resource: Mapping[str, str], *, interval_s: float = 15.0) -> None:
        self._metrics = metrics
        self._resource = Resource(resource)
        self._interval_s = interval_s
        self._started_ns = time.time_ns()
        self._exporter = OTLPMetricExporter(endpoint=endpoint, timeout=_EXPORT_TIMEOUT_S)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiermesh-otlp-metrics", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Sends the last numbers; gives up after `timeout_s`."""
        self._closing.set()
        self._thread.join(timeout_s)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            self._send()
        self._send()

    def _send(self) -> None:
        self._exporter.export(data_of(self._metrics.families(), self._resource, self._started_ns, time.time_ns()))


def data_of(families: Iterable[Family], resource: Resource, started_ns: int, now_ns: int) -> MetricsData:
    """The families as OTLP metrics, cumulative since `started_ns`, under the names of the instrument table."""
    metrics = [_metric(family, started_ns, now_ns) for family in families]
    scope = ScopeMetrics(InstrumentationScope(SCOPE), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(family: Family, started_ns: int, now_ns: int) -> Metric:
    row = _ROWS.get(family.name)
    name, unit = (row.name, row.unit) if row else (family.name, "1")
    if family.type == "histogram":
        points = list(_distributions(family.samples, started_ns, now_ns))
        return Metric(name, family.documentation, unit, Histogram(points, AggregationTemporality.CUMULATIVE))
    numbers = [NumberDataPoint(_attributes(sample), started_ns, now_ns, sample.value) for sample in family.samples]
    if family.type == "counter":
        return Metric(name, family.documentation, unit, Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True))
    return Metric(name, family.documentation, unit, Gauge(numbers))


def _distributions(samples: Iterable[Sample], started_ns: int, now_ns: int) -> Iterator[HistogramDataPoint]:
    """A family's samples lie in the order bucket ..., +Inf, count, sum for each set of labels; buckets are running totals."""
    bounds: list[float] = []
    counts: list[int] = []
    total = 0
    for sample in samples:
        if sample.name.endswith("_bucket"):
            bounds.append(float(sample.labels["le"]))
            counts.append(int(sample.value) - total)
            total = int(sample.value)
        elif sample.name.endswith("_sum"):
            yield HistogramDataPoint(_attributes(sample), started_ns, now_ns, total, sample.value, counts, bounds[:-1], _UNKNOWN, _UNKNOWN)
            bounds, counts, total = [], [], 0


def _attributes(sample: Sample) -> dict[str, str]:
    return {attribute(label): value for label, value in sample.labels.items() if value and label != "le"}
