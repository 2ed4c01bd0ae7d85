"""Conversations with Envoy's ext_proc filters: messages in, messages out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config import compile_config, parse
from extproc.pipeline import Pipeline
from extproc.protocol import envoy_pb2 as pb
from extproc.server.call import Call, CallError, Status
from extproc.server.processor import AnswerCall, FailoverCall, RequestCall, open_process
from extproc.server.services import ACCESS_LOG_PATH, HEALTH_PATH, Services
from extproc.testing.clock import ManualClock
from extproc.testing.scoring import FixedScorer
from extproc.usage import Ticket

CONFIG = """
backends:
  small: {url: "http://127.0.0.1:8000", model: small-model, tier: simple, location: on_prem}
  large: {url: "https://llm.example/base", model: large-model, tier: complex, price: {input: 1, output: 2}}
"""
PIPELINE = Pipeline(compile_config(parse(CONFIG)), FixedScorer(0.0), ManualClock())
CHAT = "/v1/chat/completions"
BODY = b'{"model": "auto", "messages": [{"role": "user", "content": "hi"}]}'
STREAMED = BODY[:-1] + b', "stream": true}'
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"total_tokens":3}}\n\n'


def header_map(headers: Mapping[str, str], *, is_raw: bool = True) -> pb.HeaderMap:
    made = [
        pb.HeaderValue(key=key, raw_value=value.encode()) if is_raw else pb.HeaderValue(key=key, value=value)
        for key, value in headers.items()
    ]
    return pb.HeaderMap(headers=made)


def request_headers(headers: Mapping[str, str], *, end: bool = False, is_raw: bool = True) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=header_map(headers, is_raw=is_raw), end_of_stream=end))


def response_headers(headers: Mapping[str, str], *, end: bool = False) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(response_headers=pb.HttpHeaders(headers=header_map(headers), end_of_stream=end))


def request_body(body: bytes, ticket: str | None = None) -> pb.ProcessingRequest:
    made = pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=True))
    if ticket is not None:
        made.metadata_context.filter_metadata["tiermesh"].fields["ticket"].string_value = ticket
    return made


def response_body(body: bytes, *, end: bool = False) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(response_body=pb.HttpBody(body=body, end_of_stream=end))


REQUEST_TRAILERS = pb.ProcessingRequest(request_trailers=pb.HttpTrailers())
RESPONSE_TRAILERS = pb.ProcessingRequest(response_trailers=pb.HttpTrailers())


def tell(call: Call, *requests: pb.ProcessingRequest) -> list[pb.ProcessingResponse]:
    answers = []
    for request in requests:
        answer = call.message(request.SerializeToString())
        assert isinstance(answer, bytes)
        answers.append(pb.ProcessingResponse.FromString(answer))
    assert call.end() is None
    call.closed()
    return answers


def set_headers(response: pb.CommonResponse) -> dict[str, str]:
    return {option.header.key: option.header.raw_value.decode() for option in response.header_mutation.set_headers}


def post(path: str = CHAT, **more: str) -> dict[str, str]:
    return {":method": "POST", ":path": path, "x-request-id": "id-1", **{name.replace("_", "-"): value for name, value in more.items()}}


def the_ticket(response: pb.ProcessingResponse) -> Ticket:
    ticket = Ticket.decode(response.dynamic_metadata.fields["tiermesh"].struct_value.fields["ticket"].string_value)
    assert ticket is not None
    return ticket


# ---- the request phase ----


@pytest.mark.parametrize("is_raw", [True, False])
def test_a_request_is_released_to_its_chain_with_a_ticket(is_raw: bool) -> None:
    call = RequestCall(PIPELINE, "00-ab-cd-01")
    first, second = tell(call, request_headers(post(x_tiermesh_chain="forged"), is_raw=is_raw), request_body(BODY))
    assert list(first.request_headers.response.header_mutation.remove_headers) == ["x-tiermesh-chain"]
    common = second.request_body.response
    assert common.clear_route_cache
    assert set_headers(common)["x-tiermesh-chain"] == "small+large"
    assert json.loads(common.body_mutation.body)["model"] == "small-model"
    assert set_headers(common)["content-length"] == str(len(common.body_mutation.body))
    ticket = the_ticket(second)
    assert (ticket.request_id, ticket.chain, ticket.traceparent) == ("id-1", ("small", "large"), "00-ab-cd-01")


@pytest.mark.parametrize(
    ("headers", "end", "status"),
    [
        (post(), True, 400),
        (post(content_length=str(10**9)), False, 413),
        ({":method": "GET", ":path": "/v1/models"}, True, 200),
        ({":method": "GET", ":path": "/v1/models/nothing"}, True, 404),
    ],
)
def test_some_requests_are_answered_at_their_headers(headers: dict[str, str], end: bool, status: int) -> None:
    (answer,) = tell(RequestCall(PIPELINE, ""), request_headers(headers, end=end))
    assert answer.immediate_response.status.code == status


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"messages": 1}'])
def test_a_body_that_cannot_be_read_is_answered_as_the_caller_expects(body: bytes) -> None:
    _, answer = tell(RequestCall(PIPELINE, ""), request_headers(post()), request_body(body))
    assert answer.immediate_response.status.code == 400
    assert json.loads(answer.immediate_response.body)["error"]["type"]
    assert the_ticket(answer).refusal


def test_other_paths_go_on_as_they_are() -> None:
    answers = tell(RequestCall(PIPELINE, ""), request_headers(post("/v1/files")), request_body(b"anything"), REQUEST_TRAILERS)
    assert [answer.WhichOneof("response") for answer in answers] == ["request_headers", "request_body", "request_trailers"]
    assert [answer.ByteSize() for answer in answers] == [2, 2, 2]


# ---- the failover phase ----


def ticket_of(**changes: object) -> Ticket:
    _, answer = tell(RequestCall(PIPELINE, ""), request_headers(post()), request_body(BODY))
    ticket = the_ticket(answer)
    return replace(ticket, **changes)  # type: ignore[arg-type] # fields of the test's own choice


def attempt(number: str, ticket: str | None, *, is_raw: bool = True) -> list[pb.ProcessingResponse]:
    headers = request_headers({**post(), "x-envoy-attempt-count": number}, is_raw=is_raw)
    sent = BODY.replace(b'"auto"', b'"small-model"')
    return tell(FailoverCall(PIPELINE), headers, request_body(sent, ticket))


@pytest.mark.parametrize("is_raw", [True, False])
def test_a_further_attempt_is_shaped_for_the_next_backend(is_raw: bool) -> None:
    first, second = attempt("2", ticket_of().encode(), is_raw=is_raw)
    assert first == pb.ProcessingResponse(request_headers=pb.HeadersResponse())
    common = second.request_body.response
    assert not common.clear_route_cache
    assert json.loads(common.body_mutation.body)["model"] == "large-model"
    assert set_headers(common)[":path"] == "/base/v1/chat/completions"


def test_an_attempt_at_a_request_that_nobody_decided_about_goes_on_as_it_is() -> None:
    _, second = attempt("2", None)
    assert second == pb.ProcessingResponse(request_body=pb.BodyResponse())


@pytest.mark.parametrize(
    ("number", "ticket"),
    [
        ("2", ""),
        ("2", "not a ticket"),
        ("3", ticket_of().encode()),
        ("0", ticket_of().encode()),
        ("", ticket_of().encode()),
        ("-1", ticket_of().encode()),
        ("\u00b2", ticket_of().encode()),
        ("9" * 5000, ticket_of().encode()),
    ],
)
def test_an_attempt_that_its_ticket_says_nothing_of_fails(number: str, ticket: str) -> None:
    with pytest.raises(CallError) as failed:
        attempt(number, ticket)
    assert failed.value.status is Status.INTERNAL


def test_a_backend_that_is_gone_fails_the_attempt() -> None:
    with pytest.raises(CallError) as failed:
        attempt("1", ticket_of(chain=("gone",)).encode())
    assert failed.value.status is Status.UNAVAILABLE


# ---- the answer phase ----


def test_the_usage_chunk_is_taken_out_of_a_stream() -> None:
    _, *answers = tell(
        AnswerCall(),
        response_headers({":status": "200", "content-type": "text/event-stream; charset=utf-8"}),
        response_body(CHUNK),
        response_body(CHUNK + USAGE[:9]),
        response_body(USAGE[9:]),
        response_body(b"data: [DONE]\n\n", end=True),
        RESPONSE_TRAILERS,
    )
    mutations = [answer.response_body.response.body_mutation for answer in answers[:4]]
    assert [(mutation.WhichOneof("mutation"), mutation.body) for mutation in mutations] == [
        (None, b""),
        ("body", CHUNK),
        ("clear_body", b""),
        (None, b""),
    ]
    assert answers[4] == pb.ProcessingResponse(response_trailers=pb.TrailersResponse())


@pytest.mark.parametrize(
    ("headers", "end", "is_edited"),
    [
        ({"content-type": "text/event-stream"}, False, True),
        ({"content-type": "text/event-stream"}, True, False),
        ({"content-type": "application/json"}, False, False),
        ({"content-type": "text/event-stream", "content-encoding": "gzip"}, False, False),
        ({}, False, False),
    ],
)
def test_only_a_plain_stream_is_looked_into(headers: dict[str, str], end: bool, is_edited: bool) -> None:
    (answer,) = tell(AnswerCall(), response_headers(headers, end=end))
    assert answer.WhichOneof("response") == "response_headers"
    assert answer.HasField("mode_override") is not is_edited
    assert answer.mode_override.response_body_mode == pb.ProcessingMode.NONE


# ---- what must not be ----

MAKERS: dict[str, Callable[[], Call]] = {
    "request": lambda: RequestCall(PIPELINE, ""),
    "failover": lambda: FailoverCall(PIPELINE),
    "answer": AnswerCall,
}
HEADERS = request_headers(post())


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("request", request_body(BODY)),  # before the headers
        ("request", response_headers({})),
        ("request", response_body(b"")),
        ("request", RESPONSE_TRAILERS),
        ("request", pb.ProcessingRequest()),
        ("failover", response_headers({})),
        ("failover", response_body(b"")),
        ("failover", RESPONSE_TRAILERS),
        ("failover", pb.ProcessingRequest()),
        ("answer", HEADERS),
        ("answer", request_body(BODY)),
        ("answer", REQUEST_TRAILERS),
        ("answer", pb.ProcessingRequest()),
    ],
)
def test_a_message_of_another_phase_is_an_invalid_argument(phase: str, said: pb.ProcessingRequest) -> None:
    with pytest.raises(CallError) as failed:
        MAKERS[phase]().message(said.SerializeToString())
    assert failed.value.status is Status.INVALID_ARGUMENT


@pytest.mark.parametrize("phase", MAKERS)
@pytest.mark.parametrize("data", [b"\xff", b"\x12\x05a", b"\x0a", b"\x12\x06\x0a\x04\x0a\x02\x0a\xff"])
def test_bytes_that_are_no_message_are_an_invalid_argument(phase: str, data: bytes) -> None:
    with pytest.raises(CallError) as failed:
        MAKERS[phase]().message(data)
    assert failed.value.status is Status.INVALID_ARGUMENT


_headers = st.dictionaries(
    st.sampled_from([":method", ":path", "content-encoding", "content-type", "x-envoy-attempt-count", "content-length", "authorization"]),
    st.sampled_from(["POST", "GET", CHAT, "/v1/messages", "/v1/models", "gzip", "text/event-stream", "1", "2"]) | st.text(max_size=8),
)
_bodies = st.sampled_from([BODY, STREAMED, CHUNK, USAGE, b""]) | st.binary(max_size=30)
_said = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda headers, end: request_headers(headers, end=end).SerializeToString(), _headers, st.booleans()),
    st.builds(lambda headers, end: response_headers(headers, end=end).SerializeToString(), _headers, st.booleans()),
    st.builds(lambda body, ticket: request_body(body, ticket).SerializeToString(), _bodies, st.none() | st.just(ticket_of().encode())),
    st.builds(lambda body, end: response_body(body, end=end).SerializeToString(), _bodies, st.booleans()),
    st.sampled_from([HEADERS, REQUEST_TRAILERS, RESPONSE_TRAILERS]).map(lambda request: request.SerializeToString()),
)


@pytest.mark.parametrize("phase", MAKERS)
@settings(max_examples=80, deadline=None)
@given(said=st.lists(_said, max_size=5))
def test_whatever_is_said_a_call_answers_or_ends_with_a_status(phase: str, said: list[bytes]) -> None:
    call = MAKERS[phase]()
    for data in said:
        with contextlib.suppress(CallError):
            answer = call.message(data)
            assert isinstance(answer, bytes)
            pb.ProcessingResponse.FromString(answer)
    assert call.end() is None


# ---- which call ----


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({}, RequestCall),
        ({"x-tiermesh-phase": "request"}, RequestCall),
        ({"x-tiermesh-phase": "failover"}, FailoverCall),
        ({"x-tiermesh-phase": "answer"}, AnswerCall),
        ({"x-tiermesh-phase": "other"}, type(None)),
    ],
)
def test_the_phase_of_a_stream_is_in_its_metadata(metadata: dict[str, str], kind: type) -> None:
    assert type(open_process(lambda: PIPELINE, metadata)) is kind


def test_a_call_keeps_the_pipeline_it_began_with() -> None:
    pipelines = [PIPELINE]
    call = open_process(lambda: pipelines[0], {})
    assert call is not None
    pipelines[0] = replace(PIPELINE, policy=compile_config(parse(CONFIG.replace("small-model", "other-model"))))
    _, answer = tell(call, HEADERS, request_body(BODY))
    assert json.loads(answer.request_body.response.body_mutation.body)["model"] == "small-model"


def test_the_other_services_are_found_by_path() -> None:
    settled: list[list[pb.HTTPAccessLogEntry]] = []
    is_serving = True
    services = Services(lambda: PIPELINE, lambda entries: settled.append(list(entries)), lambda: is_serving)
    health = services.open(HEALTH_PATH, {})
    log = services.open(ACCESS_LOG_PATH, {})
    assert health is not None
    assert log is not None
    assert (health.is_lasting, log.is_lasting) == (False, True)
    assert health.message(b"") == b"\x08\x01"
    is_serving = False
    assert health.message(b"\x0a\x08tiermesh") == b"\x08\x02"
    entries = pb.StreamAccessLogsMessage.HTTPAccessLogEntries(log_entry=[pb.HTTPAccessLogEntry()])
    assert log.message(pb.StreamAccessLogsMessage(http_logs=entries).SerializeToString()) is None
    assert settled == [[pb.HTTPAccessLogEntry()]]
    with pytest.raises(CallError):
        log.message(b"\xff")
    assert log.end() == b""
    assert services.open("/envoy.service.ext_proc.v3.ExternalProcessor/Other", {}) is None
