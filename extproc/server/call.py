"""What a gRPC service is to a transport: an object per call that turns messages into messages.

Transports move bytes and know nothing of Envoy; services know Envoy and nothing of HTTP/2. A call that can answer at
once returns bytes, and the transport writes them before it reads on: no task, no queue, no wake-up. Only a call that has
to wait returns an awaitable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from enum import IntEnum
from typing import Protocol


class Status(IntEnum):
    """The gRPC status codes we send (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""

    OK = 0
    INVALID_ARGUMENT = 3
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class CallError(Exception):
    """Ends a call with a status other than OK. The message is ours and holds nothing of the request."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Call(Protocol):
    """One gRPC call. Messages come and go as serialised protobuf."""

    # True for calls that outlive requests, such as an access-log stream: draining ends them, and does not wait for them.
    is_lasting: bool
    # True once the call has said all it ever will: our side ends with that answer, and nothing waits for the peer to end its own.
    is_over: bool

    def message(self, data: bytes) -> bytes | Awaitable[bytes | None] | None:
        """The answer to one message, or None where the call has nothing to say yet."""

    def end(self) -> bytes | None:
        """The peer has said all; the last message before the trailers, if any."""

    def closed(self) -> None:
        """The call is over, whoever ended it. Called once."""


class Service(Protocol):
    """Opens calls."""

    def open(self, path: str, metadata: Mapping[str, str]) -> Call | None:
        """A call of the method at `path` (`/package.Service/Method`), or None when there is none."""
