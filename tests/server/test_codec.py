"""Envoy's messages to plain values and back."""

from __future__ import annotations

import pytest

from extproc.pipeline import Pass, Release, Reply
from extproc.protocol import envoy_pb2 as pb
from extproc.server import codec

OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


def response(data: bytes) -> pb.ProcessingResponse:
    return pb.ProcessingResponse.FromString(data)


def set_headers(mutation: pb.HeaderMutation) -> list[tuple[str, bytes]]:
    assert all(option.append_action == OVERWRITE and not option.header.value for option in mutation.set_headers)
    return [(option.header.key, option.header.raw_value) for option in mutation.set_headers]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        ([pb.HeaderValue(key="a", raw_value=b"1")], {"a": "1"}),
        ([pb.HeaderValue(key="a", value="1")], {"a": "1"}),
        ([pb.HeaderValue(key="a")], {"a": ""}),
        ([pb.HeaderValue(key="a", raw_value=b"1"), pb.HeaderValue(key="a", value="2")], {"a": "1,2"}),
        ([pb.HeaderValue(key="a", raw_value=b"caf\xc3\xa9 \xff")], {"a": "caf\u00c3\u00a9 \u00ff"}),
        ([pb.HeaderValue(key="a", value="caf\u00e9")], {"a": "caf\u00c3\u00a9"}),
    ],
)
def test_headers_are_read_octet_by_octet(headers: list[pb.HeaderValue], expected: dict[str, str]) -> None:
    assert codec.header_dict(pb.HeaderMap(headers=headers)) == expected


def test_a_value_goes_back_as_the_octets_it_came_as() -> None:
    octets = bytes(range(256))
    read = codec.header_dict(pb.HeaderMap(headers=[pb.HeaderValue(key=":path", raw_value=octets)]))
    body = response(codec.answer_body(Release(((":path", read[":path"]), ("x-name", "\u4f60")), None, {}))).request_body
    assert set_headers(body.response.header_mutation) == [(":path", octets), ("x-name", "\u4f60".encode())]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (codec.answer_headers(Pass()), "request_headers"),
        (codec.answer_body(Pass()), "request_body"),
        (codec.answer_chunk(b"a", b"a"), "response_body"),
        (codec.CONTINUE_REQUEST_TRAILERS, "request_trailers"),
        (codec.CONTINUE_RESPONSE_TRAILERS, "response_trailers"),
    ],
)
def test_going_on_says_nothing_but_that(data: bytes, kind: str) -> None:
    read = response(data)
    assert read.WhichOneof("response") == kind
    assert not getattr(read, kind).ByteSize()
    assert [field.name for field, _value in read.ListFields()] == [kind]


def test_headers_that_only_we_may_set_are_removed() -> None:
    read = response(codec.answer_headers(Pass(("x-tiermesh-chain", "x-tiermesh-answer"))))
    assert list(read.request_headers.response.header_mutation.remove_headers) == ["x-tiermesh-chain", "x-tiermesh-answer"]


@pytest.mark.parametrize("is_downstream", [True, False])
def test_a_release_sets_headers_body_and_metadata_in_one_answer(is_downstream: bool) -> None:
    release = Release((("x-tiermesh-chain", "a+b"), ("content-length", "2")), b"{}", {"ticket": "t", "score": 0.5}, ("content-encoding",))
    read = response(codec.answer_body(release, is_downstream=is_downstream))
    common = read.request_body.response
    assert set_headers(common.header_mutation) == [("x-tiermesh-chain", b"a+b"), ("content-length", b"2")]
    assert list(common.header_mutation.remove_headers) == ["content-encoding"]
    assert (common.body_mutation.WhichOneof("mutation"), common.body_mutation.body) == ("body", b"{}")
    assert common.clear_route_cache is is_downstream
    fields = read.dynamic_metadata.fields["tiermesh"].struct_value.fields
    assert (fields["ticket"].string_value, fields["score"].number_value) == ("t", 0.5)


def test_a_release_may_leave_the_body_and_the_metadata_alone() -> None:
    read = response(codec.answer_body(Release((), None, {})))
    assert not read.request_body.response.HasField("body_mutation")
    assert not read.HasField("dynamic_metadata")


@pytest.mark.parametrize("write", [codec.answer_headers, codec.answer_body])
def test_a_reply_ends_the_request_in_either_phase(write: object) -> None:
    assert callable(write)
    read = response(write(Reply(429, (("retry-after", "7"),), b"{}", {"reason": "busy"})))
    immediate = read.immediate_response
    assert (immediate.status.code, immediate.body, immediate.details) == (429, b"{}", "tiermesh")
    assert set_headers(immediate.headers) == [("retry-after", b"7")]
    assert read.dynamic_metadata.fields["tiermesh"].struct_value.fields["reason"].string_value == "busy"


@pytest.mark.parametrize(("after", "kind"), [(b"b", "body"), (b"", "clear_body")])
def test_a_chunk_is_replaced_or_taken_out(after: bytes, kind: str) -> None:
    mutation = response(codec.answer_chunk(b"a", after)).response_body.response.body_mutation
    assert (mutation.WhichOneof("mutation"), mutation.body) == (kind, after)


def test_an_answer_that_is_not_edited_is_not_sent_here() -> None:
    read = response(codec.skip_body())
    assert read.HasField("response_headers")
    assert read.mode_override.response_body_mode == pb.ProcessingMode.NONE
    assert read.mode_override.response_header_mode == pb.ProcessingMode.SEND


def test_an_answer_that_is_edited_loses_its_length() -> None:
    read = response(codec.keep_streaming())
    assert list(read.response_headers.response.header_mutation.remove_headers) == ["content-length"]
    assert not read.HasField("mode_override")
