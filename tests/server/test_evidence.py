"""What Envoy's first message says of whoever sent a request, and how a call acts on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from extproc.config import compile_config, parse
from extproc.identity import Evidence
from extproc.pipeline import Pipeline
from extproc.protocol import envoy_pb2 as pb
from extproc.server import codec
from extproc.server.processor import RequestCall
from extproc.testing import FixedScorer, ManualClock
from extproc.usage import Ticket

PEER = "spiffe://acme.example/ns/retail/sa/indexer"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
POLICY = compile_config(
    parse("""
backends: {local: {url: http://127.0.0.1:8000, model: m, tier: simple, location: on_prem}}
identity:
  mesh: {pattern: "spiffe://{trust}/ns/{department}/sa/{app}"}
  jwt: {claims: {organisation: org.name, user: sub}, metadata_key: claims}
  headers: {organisation: x-org}
  trusted_peers: [spiffe://acme.example/front]
  unknown: refuse
""")
)


def message(headers: Mapping[str, str] | None = None, peer: str = "", token: Mapping[str, Any] | None = None) -> pb.ProcessingRequest:
    """As Envoy sends it: attributes grouped by the kind of filter, metadata by namespace."""
    fields = {":method": "POST", ":path": "/v1/chat/completions", **(headers or {})}
    made = pb.ProcessingRequest()
    for key, value in fields.items():
        made.request_headers.headers.headers.add(key=key, raw_value=value.encode())
    if peer:
        made.attributes["envoy.filters.http.ext_proc"].update({"connection.uri_san_peer_certificate": peer})
    if token is not None:
        struct = Struct()
        struct.update(token)
        made.metadata_context.filter_metadata["envoy.filters.http.jwt_authn"].CopyFrom(struct)
    return made


def evidence(said: pb.ProcessingRequest) -> Evidence:
    read = pb.ProcessingRequest.FromString(said.SerializeToString())
    return codec.evidence(read, codec.header_dict(read.request_headers.headers), POLICY.identity, 1.5)


def test_the_certificate_the_claims_and_the_keys_digest_are_read() -> None:
    claims = {"org": {"name": "acme"}, "sub": "alice", "n": 3, "yes": True, "nothing": None, "list": ["a", {"b": 1}]}
    found = evidence(message({"x-api-key": "k"}, PEER, {"claims": claims}))
    assert (found.peer, found.claims, found.token_error, found.now_s) == (PEER, claims, "", 1.5)
    assert len(found.key_digest) == 64


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (None, ""),
        ({}, ""),
        ({"other": {"sub": "alice"}}, ""),
        ({"claims": "no mapping"}, ""),
        ({"tiermesh_status": {"code": 4, "message": "Jwt is expired"}}, "Jwt is expired"),
        ({"tiermesh_status": {"code": 4}}, ""),
        ({"tiermesh_status": "text"}, ""),
    ],
)
def test_a_token_that_was_not_verified_makes_no_claims(token: dict[str, Any] | None, error: str) -> None:
    found = evidence(message(token=token))
    assert (found.claims, found.token_error) == (None, error)


def test_what_identity_does_not_ask_for_is_not_read() -> None:
    said = message(peer=PEER, token={"payload": {"sub": "alice"}})
    found = codec.evidence(said, {}, compile_config(parse("backends: {l: {url: http://127.0.0.1:1, model: m, tier: simple}}")).identity, 0)
    assert (found.peer, found.claims) == ("", None)


def call() -> RequestCall:
    return RequestCall(Pipeline(POLICY, FixedScorer(0.1), ManualClock()), "")


def answered(made: RequestCall, said: pb.ProcessingRequest) -> pb.ProcessingResponse:
    answer = made.message(said.SerializeToString())
    assert isinstance(answer, bytes)
    return pb.ProcessingResponse.FromString(answer)


def ticket_of(answer: pb.ProcessingResponse) -> Ticket:
    ticket = Ticket.decode(answer.dynamic_metadata.fields["tiermesh"].struct_value.fields["ticket"].string_value)
    assert ticket is not None
    return ticket


def test_a_caller_is_told_once_and_known_to_the_end() -> None:
    made = call()
    first = answered(made, message({"x-org": "forged"}, PEER, {"claims": {"org": {"name": "acme"}, "sub": "alice"}}))
    assert list(first.request_headers.response.header_mutation.remove_headers) == ["x-org"]
    body = pb.ProcessingRequest(request_body=pb.HttpBody(body=b'{"model":"auto","messages":[]}', end_of_stream=True))
    ticket = ticket_of(answered(made, body))
    # The attributes came with the headers only.
    assert (ticket.scope, ticket.source) == ("acme/retail/-/indexer/alice", "jwt")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (message(), "unknown_caller"),
        (message({"x-org": "acme"}), "unknown_caller"),
        (message({"authorization": f"Bearer {TOKEN}"}, PEER), "invalid_token"),
    ],
)
def test_who_is_refused_is_told_so_at_the_headers(said: pb.ProcessingRequest, code: str) -> None:
    answer = answered(call(), said)
    assert answer.immediate_response.status.code == 401
    assert json.loads(answer.immediate_response.body)["error"]["code"] == code
    challenges = [h.header.raw_value for h in answer.immediate_response.headers.set_headers if h.header.key == "www-authenticate"]
    assert challenges == [b"Bearer"]
    assert ticket_of(answer).refusal == code


@pytest.mark.parametrize(("path", "is_over"), [("/v1/files", True), ("/v1/chat/completions", False)])
def test_a_call_about_a_path_that_is_not_decided_about_ends_with_its_headers(path: str, is_over: bool) -> None:
    made = call()
    answered(made, message({":path": path}, PEER))
    assert made.is_over is is_over
