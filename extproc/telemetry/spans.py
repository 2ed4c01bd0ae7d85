"""A span for each request, continuing the trace that Envoy began.

The names are those of the conventions for generative AI; what they have no name for is `tiermesh.*`. No text of a request
or an answer is ever an attribute. Only this module and `otlp` import OpenTelemetry.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from itertools import pairwise

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

from extproc.telemetry import genai
from extproc.usage import Record

SCOPE = "tiermesh"

_QUEUE_SPANS = 4096
_BATCH_SPANS = 512
_DELAY_MS = 1000
_EXPORT_TIMEOUT_S = 5.0

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)

Value = str | bool | int | float | Sequence[str]


def parent_of(traceparent: str) -> SpanContext | None:
    """The sampled span that a W3C `traceparent` names; None when it is unsampled or no traceparent."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or match[1] == "ff" or not int(match[4], 16) & TraceFlags.SAMPLED:
        return None
    context = SpanContext(int(match[2], 16), int(match[3], 16), is_remote=True, trace_flags=TraceFlags(int(match[4], 16)))
    return context if context.is_valid else None


def span_name(record: Record) -> str:
    """`{operation} {model}`: the model that was asked of the backend, or without one that the caller asked for."""
    return f"{genai.operation(record.api)} {record.model or record.asked_model}".strip()


def attributes_of(record: Record) -> dict[str, Value]:
    """The span's attributes. Empty ones are left out."""
    attributes: dict[str, Value | None] = {
        "gen_ai.operation.name": genai.operation(record.api),
        "gen_ai.provider.name": genai.provider(record.api),
        "gen_ai.request.model": record.model or record.asked_model,
        "gen_ai.request.stream": record.is_stream or None,
        "gen_ai.response.model": record.reported_model or (record.model if record.backend else ""),
        "gen_ai.response.time_to_first_chunk": record.time_to_first_byte_s if record.is_stream else None,
        "http.response.status_code": record.status or None,
        "error.type": genai.error_type(record.outcome, record.status, record.refusal),
        **_usage(record),
        **_decision(record),
    }
    return {name: value for name, value in attributes.items() if value is not None and value not in ("", ())}


def _usage(record: Record) -> Mapping[str, Value | None]:
    if not (record.prompt_tokens or record.completion_tokens):
        return {}
    return {
        "gen_ai.usage.input_tokens": record.prompt_tokens,
        "gen_ai.usage.output_tokens": record.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": record.cached_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": record.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": record.reasoning_tokens or None,
        "tiermesh.cost_micro_usd": record.cost_micro_usd,
        "tiermesh.asked_cost_micro_usd": record.asked_cost_micro_usd,
        "tiermesh.saved_micro_usd": record.saved_micro_usd,
        "tiermesh.is_estimated": record.is_estimated,
        "tiermesh.estimate_reason": record.estimate_reason,
    }


def _decision(record: Record) -> Mapping[str, Value | None]:
    return {
        "tiermesh.api": record.api,
        "tiermesh.kind": record.kind,
        "tiermesh.outcome": record.outcome,
        "tiermesh.asked_model": record.asked_model,
        "tiermesh.caller": record.caller,
        "tiermesh.tier": record.tier,
        "tiermesh.score": record.score,
        "tiermesh.task": record.task,
        "tiermesh.reasons": record.reasons,
        "tiermesh.chain": record.chain,
        "tiermesh.attempts": record.attempts,
        "tiermesh.backend": record.backend,
        "tiermesh.location": record.location,
        "tiermesh.model_revision": record.revision,
        "tiermesh.request_id": record.request_id,
        "tiermesh.policy_digest": record.policy_digest,
        "tiermesh.envoy.flags": record.flags,
        "tiermesh.envoy.details": record.details,
    }


class SpanExport:
    """Makes the spans and sends them in batches from a thread of its own, `dropped` beyond its bound by OpenTelemetry itself."""

    def __init__(self, endpoint: str, resource: Resource) -> None:
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_TIMEOUT_S)
        self._processor = BatchSpanProcessor(
            exporter, max_queue_size=_QUEUE_SPANS, schedule_delay_millis=_DELAY_MS, max_export_batch_size=_BATCH_SPANS
        )
        # Whether a trace is sampled was decided where it began; what gets this far always is.
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer(SCOPE)

    def add(self, record: Record) -> None:
        """Queues the record's span, unless its trace is not sampled or there is none."""
        parent = parent_of(record.traceparent)
        if parent is None or not record.api:
            return
        started_ns = _nanoseconds(record.started_at)
        span = self._tracer.start_span(
            span_name(record),
            context=set_span_in_context(NonRecordingSpan(parent)),
            kind=SpanKind.CLIENT,
            attributes=attributes_of(record),
            start_time=started_ns,
        )
        _add_events(span, record)
        if genai.error_type(record.outcome, record.status, record.refusal):
            span.set_status(Status(StatusCode.ERROR))
        span.end(started_ns + _nanoseconds(record.duration_s))

    def close(self, timeout_s: float) -> None:
        """Sends what is queued, for `timeout_s` at most."""
        # The provider's own shutdown waits for a receiver that is away as long as it likes.
        ending = threading.Thread(target=self._provider.shutdown, name="tiermesh-spans-close", daemon=True)
        ending.start()
        ending.join(timeout_s)


def _nanoseconds(seconds: float) -> int:
    # By way of microseconds: a float holds the present to a quarter of one, and its nanoseconds would be noise.
    return round(seconds * 1e6) * 1000


def _add_events(span: Span, record: Record) -> None:
    if not record.decided_at:
        return
    decided_ns = _nanoseconds(record.decided_at)
    span.add_event("tiermesh.decision", {"tiermesh.decision_us": record.decision_us, "tiermesh.tier": record.tier}, decided_ns)
    for failed, following in pairwise(record.attempts):
        # Envoy reports which attempts failed, not when; all that is known of the time is that it came after the decision.
        span.add_event("tiermesh.attempt_failed", {"tiermesh.backend": failed, "tiermesh.next_backend": following}, decided_ns)
