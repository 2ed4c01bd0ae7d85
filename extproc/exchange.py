"""What Envoy says of a request, and what it is told about it: plain values, no gRPC and no protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extproc.identity import ANYBODY, Caller


@dataclass(frozen=True, slots=True)
class Head:
    """A request's headers and who sent it.

    `headers` holds lower-case names, pseudo-headers included; `traceparent` is the ext_proc call's own; `peer` is the URI in the
    certificate of whoever is connected; `claims` are those of a verified token.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    has_body: bool
    traceparent: str = ""
    peer: str = ""
    who: Caller = ANYBODY
    claims: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Let it go on as it is, but for headers that only we, or a trusted peer, may set. `is_last`: nothing more of it need come."""

    remove_headers: tuple[str, ...] = ()
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Let it go on, changed: to another chain, with other headers, with another body (None leaves the body alone)."""

    set_headers: tuple[tuple[str, str], ...]
    body: bytes | None
    metadata: Mapping[str, str | float]
    remove_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer it here; nothing is sent on."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    metadata: Mapping[str, str | float]
