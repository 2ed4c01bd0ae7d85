"""Envoy's own error answers, in the caller's API shape.

A backend's answers are never touched. The worker's refusals, and the refusals of routes, are in shape already: the first
carry response-code details that begin with `tiermesh`, or none.
"""

from __future__ import annotations

from dataclasses import dataclass

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel import v3 as cel
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import Any, Struct

from extproc.config import Config

_ENVOYS = 'response.code_details != "" && response.code_details != "direct_response" && !response.code_details.startsWith("tiermesh")'
_ANTHROPIC = 'request.path.contains("/v1/messages")'
_ENVOYS_WORDS = "%LOCAL_REPLY_BODY%"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Envoy's answers for which `claim` (CEL) holds, and what they become."""

    claim: str
    anthropic_type: str
    openai_type: str
    code: str
    message: str
    status: int | None = None


def local_replies(config: Config) -> hcm.LocalReplyConfig:
    """Rewrites every error Envoy answers by itself; the first mapper that matches wins."""
    limit = f"The request body is larger than {config.listener.max_body_bytes} bytes."
    kinds = (
        # Envoy says 504 when the worker is slow and 500 when it is gone; to the caller it is one thing, and may pass.
        _Kind('response.code_details.startsWith("ext_proc_error")', "api_error", "server_error", "no_decision", "No decision.", 503),
        _Kind("response.code == 413", "request_too_large", "invalid_request_error", "request_too_large", limit),
        _Kind("response.code < 500", "invalid_request_error", "invalid_request_error", "bad_request", _ENVOYS_WORDS),
        _Kind("true", "api_error", "server_error", "upstream_failed", _ENVOYS_WORDS),
    )
    return hcm.LocalReplyConfig(mappers=[mapper for kind in kinds for mapper in (_anthropic(kind), _openai(kind))])


def _anthropic(kind: _Kind) -> hcm.ResponseMapper:
    error = {"type": kind.anthropic_type, "message": kind.message}
    return _mapper(f"{_ANTHROPIC} && {kind.claim}", kind, {"type": "error", "error": error, "request_id": "%REQ(x-request-id)%"})


def _openai(kind: _Kind) -> hcm.ResponseMapper:
    error = {"message": kind.message, "type": kind.openai_type, "param": None, "code": kind.code}
    return _mapper(kind.claim, kind, {"error": error})


def _mapper(claim: str, kind: _Kind, body: dict[str, object]) -> hcm.ResponseMapper:
    expression = cel.ExpressionFilter(expression=f"{_ENVOYS} && {claim}")
    matches = accesslog.ExtensionFilter(name="envoy.access_loggers.extension_filters.cel", typed_config=Any.pack(expression))
    return hcm.ResponseMapper(
        filter=accesslog.AccessLogFilter(extension_filter=matches),
        status_code=kind.status,
        body_format_override=core.SubstitutionFormatString(json_format=Struct.from_dict(body)),
    )
