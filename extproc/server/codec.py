"""Envoy's ext_proc messages to the pipeline's values and back. The only module that knows both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from google.protobuf.struct_pb2 import Struct, Value

from extproc.config.compiled_identity import Identity
from extproc.identity import Evidence, key_digest
from extproc.mesh import names
from extproc.pipeline import Pass, Release, Reply
from extproc.protocol import envoy_pb2 as pb

_OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD

# Made once: most answers to headers say nothing but "go on", and every wire byte of them is the same.
CONTINUE_REQUEST_HEADERS = pb.ProcessingResponse(request_headers=pb.HeadersResponse()).SerializeToString()
CONTINUE_REQUEST_BODY = pb.ProcessingResponse(request_body=pb.BodyResponse()).SerializeToString()
CONTINUE_RESPONSE_BODY = pb.ProcessingResponse(response_body=pb.BodyResponse()).SerializeToString()
CONTINUE_REQUEST_TRAILERS = pb.ProcessingResponse(request_trailers=pb.TrailersResponse()).SerializeToString()
CONTINUE_RESPONSE_TRAILERS = pb.ProcessingResponse(response_trailers=pb.TrailersResponse()).SerializeToString()


def header_dict(header_map: pb.HeaderMap) -> dict[str, str]:
    """Lower-case names to values; repeated headers joined with commas (RFC 9110, 5.3). Each character of a value is one octet.

    Envoy sends `raw_value`, older ones `value`.
    """
    found: dict[str, str] = {}
    for header in header_map.headers:
        value = (header.raw_value or header.value.encode()).decode("latin-1")
        key = header.key
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def evidence(request: pb.ProcessingRequest, headers: Mapping[str, str], identity: Identity, now_s: float) -> Evidence:
    """What the first message of a request says about its sender, as far as `identity` asks for it."""
    peer = _peer(request) if identity.reads_peer else ""
    claims, token_error = _token(request, identity.jwt.metadata_key) if identity.jwt else (None, "")
    return Evidence(headers, peer, claims, token_error, key_digest(headers), now_s)


def _peer(request: pb.ProcessingRequest) -> str:
    # Attributes are grouped by filter; ours asks for this one alone.
    for group in request.attributes.values():
        if names.PEER_ATTRIBUTE in group.fields:
            return group.fields[names.PEER_ATTRIBUTE].string_value
    return ""


def _token(request: pb.ProcessingRequest, key: str) -> tuple[dict[str, object] | None, str]:
    """The claims of a verified token, and why one was not accepted."""
    groups = request.metadata_context.filter_metadata
    if names.JWT_NAMESPACE not in groups:
        return None, ""
    fields = groups[names.JWT_NAMESPACE].fields
    if key in fields and fields[key].WhichOneof("kind") == "struct_value":
        return _members(fields[key].struct_value), ""
    status = fields[names.TOKEN_STATUS_KEY].struct_value.fields if names.TOKEN_STATUS_KEY in fields else {}
    return None, status["message"].string_value if "message" in status else ""


def _members(struct: Struct) -> dict[str, object]:
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _members(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return getattr(value, kind) if kind and kind != "null_value" else None


def answer_headers(answer: Pass | Reply) -> bytes:
    """The answer to request headers."""
    if isinstance(answer, Reply):
        return _immediate(answer)
    if not answer.remove_headers:
        return CONTINUE_REQUEST_HEADERS
    mutation = pb.HeaderMutation(remove_headers=answer.remove_headers)
    common = pb.CommonResponse(header_mutation=mutation)
    return pb.ProcessingResponse(request_headers=pb.HeadersResponse(response=common)).SerializeToString()


def answer_body(answer: Pass | Release | Reply, *, is_downstream: bool = True) -> bytes:
    """The answer to a request body. Only the downstream filter may re-pick the route; an upstream one has it already."""
    if isinstance(answer, Reply):
        return _immediate(answer)
    if isinstance(answer, Pass):
        return CONTINUE_REQUEST_BODY
    response = pb.ProcessingResponse()
    common = response.request_body.response
    # Header and clear_route_cache in one answer, or Envoy keeps the route it picked before there was a header.
    common.clear_route_cache = is_downstream
    _set(common.header_mutation, answer.set_headers)
    common.header_mutation.remove_headers.extend(answer.remove_headers)
    if answer.body is not None:
        common.body_mutation.body = answer.body
    _describe(response, answer.metadata)
    return response.SerializeToString()


def keep_streaming() -> bytes:
    """The answer to response headers whose body we want to see: its length may change, so it is not announced."""
    common = pb.CommonResponse(header_mutation=pb.HeaderMutation(remove_headers=["content-length"]))
    return pb.ProcessingResponse(response_headers=pb.HeadersResponse(response=common)).SerializeToString()


def skip_body() -> bytes:
    """The answer to response headers whose body is none of our business: Envoy sends us no more of it."""
    mode = pb.ProcessingMode(response_header_mode=pb.ProcessingMode.SEND, response_body_mode=pb.ProcessingMode.NONE)
    return pb.ProcessingResponse(response_headers=pb.HeadersResponse(), mode_override=mode).SerializeToString()


def answer_chunk(before: bytes, after: bytes) -> bytes:
    """The answer to a chunk of a response body."""
    if after == before:
        return CONTINUE_RESPONSE_BODY
    response = pb.ProcessingResponse()
    mutation = response.response_body.response.body_mutation
    if after:
        mutation.body = after
    else:
        mutation.clear_body = True
    return response.SerializeToString()


def _immediate(reply: Reply) -> bytes:
    response = pb.ProcessingResponse()
    immediate = response.immediate_response
    immediate.status.code = reply.status
    immediate.body = reply.body
    immediate.details = "tiermesh"
    _set(immediate.headers, reply.headers)
    _describe(response, reply.metadata)
    return response.SerializeToString()


def _set(mutation: pb.HeaderMutation, headers: Iterable[tuple[str, str]]) -> None:
    for key, value in headers:
        option = mutation.set_headers.add()
        option.header.key = key
        option.header.raw_value = _octets(value)
        option.append_action = _OVERWRITE


def _octets(value: str) -> bytes:
    """What came as octets goes back as the same octets; a configured text that is not latin-1 goes as UTF-8."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _describe(response: pb.ProcessingResponse, metadata: Mapping[str, str | float]) -> None:
    if not metadata:
        return
    fields = response.dynamic_metadata.fields[names.NAMESPACE].struct_value.fields
    for key, value in metadata.items():
        if isinstance(value, str):
            fields[key].string_value = value
        else:
            fields[key].number_value = value
