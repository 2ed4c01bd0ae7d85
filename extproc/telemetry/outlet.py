"""Where records go to be seen: one object that a worker starts, feeds and closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from extproc.config.types import Telemetry as TelemetryConfig
from extproc.telemetry.log import LineLog
from extproc.telemetry.metrics import Metrics
from extproc.usage import Record

if TYPE_CHECKING:
    from extproc.telemetry.otlp import MetricExport
    from extproc.telemetry.spans import SpanExport


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The outlets of one process. What is not configured is None and costs nothing."""

    metrics: Metrics
    log: LineLog | None = None
    spans: SpanExport | None = None
    export: MetricExport | None = None

    @staticmethod
    def start(config: TelemetryConfig, *, instance: str, log_stream: TextIO | None = None) -> Telemetry:
        """The outlets that `config` asks for; `instance` tells this process's metrics from its siblings' over OTLP."""
        metrics = Metrics()
        log = LineLog(log_stream) if log_stream is not None and config.log == "json" else None
        if log is not None:
            metrics.count_from("tiermesh_log_lines_dropped", "Log lines lost because nobody read them in time.", lambda: log.dropped)
        if not config.otlp_endpoint:
            return Telemetry(metrics, log)
        return _with_otlp(Telemetry(metrics, log), config, instance)

    def emit(self, records: Sequence[Record], lines: Sequence[str] | None = None) -> None:
        """Shows finished requests: counted at once, written and sent in the background. `lines` are theirs, if made already."""
        for record in records:
            self.metrics.observe(record)
        if self.spans is not None:
            self.spans.add(records)
        if self.log is not None:
            self.log.write(lines if lines is not None else [record.line() for record in records])

    def metrics_page(self) -> bytes:
        """This process's Prometheus page; `merge` makes one of several."""
        return self.metrics.page()

    def close(self, timeout_s: float = 3.0) -> None:
        """Sends and writes what is left, each outlet for `timeout_s` at most."""
        if self.log is not None:
            self.log.close(timeout_s)
        if self.spans is not None:
            self.spans.close(timeout_s)
        if self.export is not None:
            self.export.close(timeout_s)


def _with_otlp(plain: Telemetry, config: TelemetryConfig, instance: str) -> Telemetry:
    # Imported here: OpenTelemetry is 30 MB and 150 ms that nobody pays who exports nothing.
    from extproc.telemetry.otlp import MetricExport
    from extproc.telemetry.spans import SpanExport

    resource = {"service.name": config.service_name, "service.instance.id": instance}
    spans = SpanExport(config.otlp_endpoint, resource)
    plain.metrics.count_from("tiermesh_spans_dropped", "Spans lost because no receiver took them.", lambda: spans.dropped)
    export = MetricExport(plain.metrics, config.otlp_endpoint, resource)
    return Telemetry(plain.metrics, plain.log, spans, export)
