"""An answer of ours instead of a backend's: why not, in the shape that the caller's own SDK understands.

Both vendors' SDKs choose the exception class by the HTTP status and read the error's members from the body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from extproc.config.section import Api


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, as a value. `message` is for people and never quotes the request; `code` is for programs."""

    status: int
    code: str
    message: str
    retry_after_s: int | None = None
    param: str | None = None  # the member of the body that is to blame
    kind: str = ""  # OpenAI's `type`, where the status alone does not say it
    headers: tuple[tuple[str, str], ...] = ()  # that go with it, besides those every refusal has


# What api.anthropic.com sends: https://docs.claude.com/en/api/errors. Statuses it does not list are its nearest kin.
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}

# api.openai.com calls everything that is the client's doing, a wrong key or a missing permission included, an
# "invalid_request_error" and lets `code` tell; what exceeds a limit has a type that names the limit.
_OPENAI_TYPES = {429: "rate_limit_error"}

_SDK_PATIENCE_S = 60  # the longest retry-after that the vendors' SDKs obey; above it they come back on their own schedule


def refusal_body(api: Api | None, refusal: Refusal, *, request_id: str = "") -> bytes:
    """The JSON body of `refusal` as the API's own servers would send it; None is answered in OpenAI's shape."""
    body = _anthropic(refusal, request_id) if api is Api.MESSAGES else _openai(refusal)
    return json.dumps(body, separators=(",", ":")).encode()


def refusal_headers(api: Api | None, refusal: Refusal, *, request_id: str = "") -> list[tuple[str, str]]:
    """The headers that go with `refusal_body`, names in lower case; no content-length."""
    headers = [("content-type", "application/json")]
    if request_id:
        headers.append(("request-id" if api is Api.MESSAGES else "x-request-id", request_id))
    if refusal.retry_after_s is not None:
        headers.append(("retry-after", str(max(0, refusal.retry_after_s))))
        if refusal.retry_after_s > _SDK_PATIENCE_S:
            headers.append(("x-should-retry", "false"))
    if refusal.status == 415:
        headers.append(("accept-encoding", "gzip, deflate, identity"))
    return [*headers, *refusal.headers]


def _openai(refusal: Refusal) -> dict[str, object]:
    error_type = refusal.kind or _OPENAI_TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "server_error")
    return {"error": {"message": refusal.message, "type": error_type, "param": refusal.param, "code": refusal.code}}


def _anthropic(refusal: Refusal, request_id: str) -> dict[str, object]:
    error_type = _ANTHROPIC_TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "api_error")
    error = {"type": error_type, "message": refusal.message, "details": {"error_code": refusal.code}}
    return {"type": "error", "error": error, "request_id": request_id or None}
