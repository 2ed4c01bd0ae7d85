"""The ext_proc service: what Envoy says in each phase, and which step of the pipeline answers it.

Envoy opens one gRPC stream per request and filter. Three filters call us; the `x-tiermesh-phase` metadata of the stream,
which only the rendered configuration can set, tells them apart:

    request    headers, body            greet, decide
    failover   headers, body            fall_back; only when an earlier attempt failed
    answer     response headers, chunks  only for answers that must be edited on their way back
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from google.protobuf.message import DecodeError

from extproc.dialects import UsageStrip
from extproc.errors import ProtocolError
from extproc.exchange import Head, Pass, Release, Reply
from extproc.identity import identify
from extproc.mesh import names
from extproc.pipeline import Pipeline
from extproc.protocol import envoy_pb2 as pb
from extproc.server import codec
from extproc.server.call import Call, CallError, Status
from extproc.usage import Ticket

PROCESS_PATH = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"


def _read(data: bytes) -> pb.ProcessingRequest:
    try:
        return pb.ProcessingRequest.FromString(data)
    except DecodeError as error:
        raise CallError(Status.INVALID_ARGUMENT, "not a ProcessingRequest") from error


async def _awaited(answer: Awaitable[Release | Reply]) -> bytes:
    return codec.answer_body(await answer)


async def _fallen_back(answer: Awaitable[Release | Reply]) -> bytes:
    return codec.answer_body(await answer, is_downstream=False)


class RequestCall:
    """The request phase of one request. Keeps the pipeline it began with, whatever is reloaded meanwhile.

    It is over once the body has been answered. Left open, the gRPC stream would live as long as the answer, which may be an
    hour of streaming, and a draining worker would wait for it.
    """

    is_lasting = False

    def __init__(self, pipeline: Pipeline, traceparent: str) -> None:
        self.is_over = False
        self._pipeline = pipeline
        self._traceparent = traceparent
        self._head: Head | None = None

    def message(self, data: bytes) -> bytes | Awaitable[bytes]:
        request = _read(data)
        kind = request.WhichOneof("request")
        if kind == "request_headers":
            self._head = self._read_head(request)
            answer = self._pipeline.greet(self._head)
            self.is_over = isinstance(answer, Pass) and answer.is_last
            return codec.answer_headers(answer)
        if kind == "request_body" and self._head is not None:
            self.is_over = True
            decided = self._pipeline.decide(self._head, request.request_body.body)
            return codec.answer_body(decided) if isinstance(decided, Pass | Release | Reply) else _awaited(decided)
        if kind == "request_trailers":
            return codec.CONTINUE_REQUEST_TRAILERS
        raise CallError(Status.INVALID_ARGUMENT, f"{kind or 'nothing'} is not expected in the request phase")

    def _read_head(self, request: pb.ProcessingRequest) -> Head:
        headers = codec.header_dict(request.request_headers.headers)
        evidence = codec.evidence(request, headers, self._pipeline.policy.identity, self._pipeline.clock.wall())
        return Head(
            method=headers.get(":method", ""),
            path=headers.get(":path", ""),
            headers=headers,
            has_body=not request.request_headers.end_of_stream,
            traceparent=self._traceparent,
            peer=evidence.peer,
            who=identify(self._pipeline.policy.identity, evidence),
            claims=evidence.claims,
        )

    def end(self) -> None:
        return None

    def closed(self) -> None:
        return None


class FailoverCall:
    """One further attempt at a request. The chain's name and the attempt's number say which backend is next."""

    is_lasting = False

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._attempt = 0
        self.is_over = False

    def message(self, data: bytes) -> bytes | Awaitable[bytes]:
        request = _read(data)
        kind = request.WhichOneof("request")
        if kind == "request_headers":
            count = codec.header_dict(request.request_headers.headers).get("x-envoy-attempt-count", "")
            self._attempt = int(count) if count.isascii() and count.isdigit() and len(count) < 10 else 0
            return codec.CONTINUE_REQUEST_HEADERS
        if kind == "request_body":
            self.is_over = True
            return self._shape(request)
        if kind == "request_trailers":
            return codec.CONTINUE_REQUEST_TRAILERS
        raise CallError(Status.INVALID_ARGUMENT, f"{kind or 'nothing'} is not expected in the failover phase")

    def _shape(self, request: pb.ProcessingRequest) -> bytes | Awaitable[bytes]:
        fields = request.metadata_context.filter_metadata[names.NAMESPACE].fields
        if "ticket" not in fields:
            # A request that went out unread (we were away at the time) has no ticket: it goes on as it is, on its on-premises chain.
            return codec.CONTINUE_REQUEST_BODY
        ticket = Ticket.decode(fields["ticket"].string_value)
        if ticket is None or not 1 <= self._attempt <= len(ticket.chain):
            raise CallError(Status.INTERNAL, "the ticket does not say which backend this attempt is for")
        backend = self._pipeline.policy.backends.get(ticket.chain[self._attempt - 1])
        if backend is None:
            raise CallError(Status.UNAVAILABLE, "the backend is no longer configured")
        try:
            released = self._pipeline.fall_back(ticket, self._attempt, backend, request.request_body.body)
        except ProtocolError as error:
            raise CallError(Status.INTERNAL, str(error)) from error
        return codec.answer_body(released, is_downstream=False) if isinstance(released, Release) else _fallen_back(released)

    def end(self) -> None:
        return None

    def closed(self) -> None:
        return None


class AnswerCall:
    """An answer on its way back, from which the usage chunk that only we asked for is taken out."""

    is_lasting = False
    is_over = False

    def __init__(self) -> None:
        self._strip = UsageStrip()

    def message(self, data: bytes) -> bytes:
        request = _read(data)
        kind = request.WhichOneof("request")
        if kind == "response_headers":
            headers = codec.header_dict(request.response_headers.headers)
            is_stream = headers.get("content-type", "").startswith("text/event-stream") and "content-encoding" not in headers
            return codec.keep_streaming() if is_stream and not request.response_headers.end_of_stream else codec.skip_body()
        if kind == "response_body":
            chunk = request.response_body.body
            return codec.answer_chunk(chunk, self._strip.feed(chunk, end=request.response_body.end_of_stream))
        if kind == "response_trailers":
            return codec.CONTINUE_RESPONSE_TRAILERS
        raise CallError(Status.INVALID_ARGUMENT, f"{kind or 'nothing'} is not expected in the answer phase")

    def end(self) -> None:
        return None

    def closed(self) -> None:
        return None


def open_process(pipeline: Callable[[], Pipeline], metadata: Mapping[str, str]) -> Call | None:
    """The call for one ext_proc stream, by its phase; None for a phase we do not know."""
    phase = metadata.get(names.PHASE_KEY, names.REQUEST_PHASE)
    if phase == names.REQUEST_PHASE:
        return RequestCall(pipeline(), metadata.get("traceparent", ""))
    if phase == names.FAILOVER_PHASE:
        return FailoverCall(pipeline())
    if phase == names.ANSWER_PHASE:
        return AnswerCall()
    return None
