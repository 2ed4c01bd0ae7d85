"""What OpenTelemetry's conventions for generative AI call our things: operations and providers.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (status: development). The conventions for spans and for metrics
share these values.
"""

from __future__ import annotations

from extproc.config import Api

_OPERATIONS: dict[str, str] = {
    Api.CHAT: "chat",
    Api.RESPONSES: "chat",
    Api.MESSAGES: "chat",
    Api.COMPLETIONS: "text_completion",
    Api.EMBEDDINGS: "embeddings",
}


def operation(api: str) -> str:
    """`gen_ai.operation.name` of a request in this API; empty when it is none."""
    return _OPERATIONS.get(api, "")


def provider(api: str) -> str:
    """`gen_ai.provider.name`: whose dialect the request speaks, which is what tells telemetry formats apart."""
    return "anthropic" if api == Api.MESSAGES else "openai"


def error_type(outcome: str, status: int, refusal: str) -> str:
    """`error.type`: empty for a good answer, else the refusal's code, the status, or how the request ended."""
    if outcome in ("ok", "unmanaged"):
        return ""
    if outcome == "refused" and refusal:
        return refusal
    if outcome in ("refused", "failed") and status >= 400:
        return str(status)
    return outcome
