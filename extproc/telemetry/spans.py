"""A span for each request, continuing the trace that Envoy began.

The names are those of the conventions for generative AI; what they have no name for is `tiermesh.*`. No text of a request
or an answer is ever an attribute.

A span is written as the OTLP message it becomes, not as an object of OpenTelemetry's SDK that is translated later: the
whole story is known when the record is there, and this way it costs a quarter. The SDK's exporter carries the messages.
Only this module and `otlp` import OpenTelemetry.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, SpanFlags, Status
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from extproc.telemetry import genai
from extproc.telemetry.drain import Drain
from extproc.usage import Record

SCOPE = "tiermesh"

_QUEUE_SPANS = 4096
_BATCH_SPANS = 512
_GATHER_S = 0.5
_EXPORT_TIMEOUT_S = 5.0

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)
_SAMPLED = 1
_REMOTE = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK

Value = str | bool | int | float | Sequence[str]


@dataclass(frozen=True, slots=True)
class Parent:
    """The span of Envoy's that ours continues."""

    trace_id: bytes
    span_id: bytes
    flags: int


def parent_of(traceparent: str) -> Parent | None:
    """The sampled span that a W3C `traceparent` names; None when it is unsampled or no traceparent."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    parent = Parent(bytes.fromhex(match[1]), bytes.fromhex(match[2]), int(match[3], 16))
    return parent if parent.flags & _SAMPLED and any(parent.trace_id) and any(parent.span_id) else None


def span_of(record: Record) -> Span | None:
    """The record's span; None when its trace is not sampled, there is none, or the path was no LLM API's."""
    parent = parent_of(record.traceparent) if record.api else None
    if parent is None:
        return None
    started_ns = _nanoseconds(record.started_at)
    is_error = bool(genai.error_type(record.outcome, record.status, record.refusal))
    return Span(
        trace_id=parent.trace_id,
        span_id=secrets.token_bytes(8),
        parent_span_id=parent.span_id,
        flags=parent.flags | _REMOTE,
        name=span_name(record),
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=started_ns,
        end_time_unix_nano=started_ns + _nanoseconds(record.duration_s),
        attributes=_encoded(attributes_of(record)),
        events=list(_events(record)),
        status=Status(code=Status.STATUS_CODE_ERROR) if is_error else None,
    )


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
        "gen_ai.response.id": record.response_id,
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
        "tiermesh.scope": record.scope,
        "tiermesh.source": record.source,
        "tiermesh.caller": record.caller,
        "tiermesh.limit": record.limit,
        "tiermesh.shadow_limits": record.shadow_limits,
        "tiermesh.residency": record.residency,
        "tiermesh.kinds": record.kinds,
        "tiermesh.residency_rules": record.residency_rules,
        "tiermesh.mode": record.mode,
        "tiermesh.would_tier": record.would_tier,
        "tiermesh.would_backend": record.would_backend,
        "tiermesh.session": record.session,
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
    """Sends spans in batches, from a thread of its own."""

    def __init__(self, endpoint: str, resource: Mapping[str, str]) -> None:
        self._exporter = _Exporter(endpoint, resource)
        self._spans = Drain[Span]("tiermesh-spans", self._send, bound=_QUEUE_SPANS, batch=_BATCH_SPANS, gather_s=_GATHER_S)

    @property
    def dropped(self) -> int:
        """Spans lost so far, because the receiver was away or too slow."""
        return self._spans.dropped

    def add(self, records: Iterable[Record]) -> None:
        """Queues the spans of those records whose traces are sampled."""
        self._spans.put([span for record in records if (span := span_of(record)) is not None])

    def close(self, timeout_s: float) -> None:
        """Sends what is queued, for `timeout_s` at most."""
        self._spans.close(timeout_s)
        self._exporter.shutdown()

    def _send(self, spans: list[Span]) -> bool:
        return self._exporter.export(cast("Sequence[ReadableSpan]", spans)) is SpanExportResult.SUCCESS


class _Exporter(OTLPSpanExporter):
    """OpenTelemetry's exporter, with its connection, deadlines and retries, for spans that are messages already."""

    def __init__(self, endpoint: str, resource: Mapping[str, str]) -> None:
        super().__init__(endpoint=endpoint, timeout=_EXPORT_TIMEOUT_S)
        self._resource = {"attributes": _encoded(resource)}

    def _translate_data(self, data: Any) -> ExportTraceServiceRequest:
        scope = {"scope": {"name": SCOPE}, "spans": data}
        group: Any = {"resource": self._resource, "scope_spans": [scope]}
        return ExportTraceServiceRequest(resource_spans=[group])


def _events(record: Record) -> Iterable[Span.Event]:
    if not record.decided_at:
        return
    decided_ns = _nanoseconds(record.decided_at)
    decision: dict[str, Value] = {"tiermesh.decision_us": record.decision_us, "tiermesh.tier": record.tier}
    yield Span.Event(name="tiermesh.decision", time_unix_nano=decided_ns, attributes=_encoded(decision))
    for failed, following in pairwise(record.attempts):
        # Envoy reports which attempts failed, not when; all that is known of the time is that it came after the decision.
        step = {"tiermesh.backend": failed, "tiermesh.next_backend": following}
        yield Span.Event(name="tiermesh.attempt_failed", time_unix_nano=decided_ns, attributes=_encoded(step))


def _encoded(attributes: Mapping[str, Value]) -> Any:
    """The attributes as protobuf takes them: plain nested dicts are several times faster to hand over than messages."""
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value}
    if isinstance(value, float):
        return {"double_value": value}
    return {"array_value": {"values": [{"string_value": item} for item in value]}}


def _nanoseconds(seconds: float) -> int:
    # By way of microseconds: a float holds the present to a quarter of one, and its nanoseconds would be noise.
    return round(seconds * 1e6) * 1000
