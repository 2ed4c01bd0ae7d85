"""From an arrived request to the bytes of a stand-in's reply: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extproc.testing import answers
from extproc.testing.behaviour import Behaviour
from extproc.testing.http1 import Arrival

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """`head`, then either `body` or, each as a chunk of its own, `events`."""

    head: bytes
    body: bytes = b""
    events: Iterator[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers, and for which models; none named: for all."""

    name: str
    models: tuple[str, ...] = ()


def reply(arrival: Arrival, who: Identity, behaviour: Behaviour, serial: int) -> Reply:
    """What `who` answers, faults aside."""
    path = arrival.path.partition("?")[0]
    if behaviour.status != 200:
        retry = {"retry-after": str(behaviour.retry_after_s)} if behaviour.retry_after_s is not None else {}
        return _error(path, who, behaviour.status, f"the stand-in {who.name} was told to fail", retry)
    if arrival.method == "GET":
        return _reply_get(path, arrival, who, behaviour)
    dialect = answers.APIS.get(path)
    if arrival.method != "POST" or dialect is None:
        return _error(path, who, 404, f"the stand-in {who.name} has no {arrival.method} {path}")
    asked = _asked(arrival.body)
    if isinstance(asked, str):
        return _error(path, who, 400, asked)
    if who.models and asked.get("model") not in who.models:
        return _error(path, who, 404, f"the stand-in {who.name} has no model {asked.get('model')!r}")
    canned = answers.compose(asked, behaviour, name=who.name, serial=serial)
    if asked.get("stream") is True and dialect.events is not None:
        head = _head(
            200, who, {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "transfer-encoding": "chunked"}
        )
        return Reply(head, events=dialect.events(canned))
    return _document(200, who, dialect.document(canned))


def bad_request(who: Identity, path: str, message: str) -> Reply:
    """A 400 with that message."""
    return _error(path, who, 400, message)


def _reply_get(path: str, arrival: Arrival, who: Identity, behaviour: Behaviour) -> Reply:
    if path == "/metrics":
        page = answers.metrics.page((who.models or (who.name,))[0], behaviour)
        return Reply(_head(200, who, {"content-type": "text/plain; version=0.0.4; charset=utf-8", "content-length": str(len(page))}), page)
    if path == "/health":
        return Reply(_head(200, who, {"content-length": "0"}))
    if path == "/v1/models":
        is_anthropic = "anthropic-version" in arrival.headers
        return _document(200, who, answers.models.listing(who.models or (who.name,), is_anthropic=is_anthropic))
    return _error(path, who, 404, f"the stand-in {who.name} has no GET {path}")


def _asked(body: bytes) -> dict[str, Any] | str:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return "the body is not JSON"
    return asked if isinstance(asked, dict) else "the body is not a JSON object"


def _error(path: str, who: Identity, status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    return _document(status, who, answers.error_body(path, status, message), headers)


def _document(status: int, who: Identity, document: dict[str, Any], headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(_head(status, who, {"content-type": _JSON, "content-length": str(len(body)), **(headers or {})}), body)


def _head(status: int, who: Identity, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\nx-tiermesh-standin: {who.name}\r\n{lines}\r\n".encode("latin-1")
