"""Errors as the two providers word them."""

from __future__ import annotations

from typing import Any

_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error_body(path: str, status: int, message: str) -> dict[str, Any]:
    """The error's JSON in the shape of the API that `path` belongs to."""
    if path.startswith("/v1/messages"):
        return {"type": "error", "error": {"type": _ANTHROPIC.get(status, "api_error"), "message": message}, "request_id": "req_standin"}
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
