"""The subset of Envoy's API, held against envoy-data-plane: same numbers, same types, same bytes, both ways."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import betterproto2
import pytest
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.data.accesslog import v3 as data
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.service.accesslog import v3 as access_log
from envoy_data_plane.envoy.service.ext_proc import v3 as service
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google import protobuf as google
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc import protocol
from extproc.protocol import envoy_pb2 as pb

THEIRS: Mapping[str, type[Any]] = {
    "HeaderValue": core.HeaderValue,
    "HeaderMap": core.HeaderMap,
    "HeaderValueOption": core.HeaderValueOption,
    "Metadata": core.Metadata,
    "SocketAddress": core.SocketAddress,
    "Address": core.Address,
    "HttpStatus": envoy_type.HttpStatus,
    "ProcessingMode": ext_proc.ProcessingMode,
    "HttpHeaders": service.HttpHeaders,
    "HttpBody": service.HttpBody,
    "HttpTrailers": service.HttpTrailers,
    "ProcessingRequest": service.ProcessingRequest,
    "HeaderMutation": service.HeaderMutation,
    "BodyMutation": service.BodyMutation,
    "CommonResponse": service.CommonResponse,
    "HeadersResponse": service.HeadersResponse,
    "BodyResponse": service.BodyResponse,
    "TrailersResponse": service.TrailersResponse,
    "ImmediateResponse": service.ImmediateResponse,
    "ProcessingResponse": service.ProcessingResponse,
    "ResponseFlags": data.ResponseFlags,
    "AccessLogCommon": data.AccessLogCommon,
    "HTTPRequestProperties": data.HttpRequestProperties,
    "HTTPResponseProperties": data.HttpResponseProperties,
    "HTTPAccessLogEntry": data.HttpAccessLogEntry,
    "StreamAccessLogsMessage": access_log.StreamAccessLogsMessage,
    "StreamAccessLogsMessage.Identifier": access_log.StreamAccessLogsMessageIdentifier,
    "StreamAccessLogsMessage.HTTPAccessLogEntries": access_log.StreamAccessLogsMessageHttpAccessLogEntries,
    "StreamAccessLogsResponse": access_log.StreamAccessLogsResponse,
}
GOOGLE: Mapping[str, type[Any]] = {
    "google.protobuf.Struct": google.Struct,
    "google.protobuf.Struct.FieldsEntry": google.Struct,
    "google.protobuf.Value": google.Value,
    "google.protobuf.ListValue": google.ListValue,
    "google.protobuf.Duration": google.Duration,
    "google.protobuf.Timestamp": google.Timestamp,
    "google.protobuf.UInt32Value": google.UInt32Value,
}
# Enums of Envoy that we read as plain numbers: the same varint.
PLAIN_NUMBERS = {("HttpStatus", "code"), ("HTTPRequestProperties", "request_method")}
TYPE_NAMES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_MESSAGE: "message",
}
PREFIX = f"{pb.DESCRIPTOR.package}."


def described(name: str) -> Descriptor:
    outer, _, inner = name.partition(".")
    found: Descriptor = pb.DESCRIPTOR.message_types_by_name[outer]
    return found.nested_types_by_name[inner] if inner else found


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def counterpart(message: Descriptor) -> type[Any]:
    name = message.full_name
    return THEIRS[name.removeprefix(PREFIX)] if name.startswith(PREFIX) else GOOGLE[name]


# ---- shapes ----


def test_every_message_of_envoys_has_a_counterpart() -> None:
    ours = {name: message for name, message in pb.DESCRIPTOR.message_types_by_name.items() if not name.startswith("HealthCheck")}
    nested = {
        f"{name}.{inner.name}" for name, message in ours.items() for inner in message.nested_types if not inner.GetOptions().map_entry
    }
    assert ours.keys() | nested == THEIRS.keys()


@pytest.mark.parametrize("name", THEIRS)
def test_each_field_has_envoys_number_type_and_oneof(name: str) -> None:
    theirs = {field.name: field.metadata["betterproto"] for field in dataclasses.fields(THEIRS[name])}
    for field in described(name).fields:
        assert field.name in theirs, f"{field.name} is not Envoy's"
        other = theirs[field.name]
        plain = (name, field.name) in PLAIN_NUMBERS
        type_name = "map" if is_map(field) else "enum" if plain else TYPE_NAMES[field.type]
        is_repeated = field.is_repeated and not is_map(field)
        assert (field.number, type_name, is_repeated) == (other.number, other.proto_type, other.repeated), field.name
        oneof = field.containing_oneof.name if field.containing_oneof else None
        is_alone = sum(theirs[each.name].group == other.group for each in described(name).fields) == 1
        assert oneof == other.group or (oneof is None and is_alone), field.name


def test_each_value_of_an_enum_is_envoys() -> None:
    pairs = {
        "HeaderValueOption.HeaderAppendAction": core.HeaderValueOptionHeaderAppendAction,
        "ProcessingMode.HeaderSendMode": ext_proc.ProcessingModeHeaderSendMode,
        "ProcessingMode.BodySendMode": ext_proc.ProcessingModeBodySendMode,
        "CommonResponse.ResponseStatus": service.CommonResponseResponseStatus,
    }
    found = {}
    for message in pb.DESCRIPTOR.message_types_by_name.values():
        for enum in message.enum_types:
            found[f"{message.name}.{enum.name}"] = {value.name: value.number for value in enum.values}
    assert found.pop("HealthCheckResponse.ServingStatus") == {"UNKNOWN": 0, "SERVING": 1, "NOT_SERVING": 2}
    assert found.keys() == pairs.keys()
    for name, members in found.items():
        assert members.items() <= {member.name: member.value for member in pairs[name]}.items()


def test_health_checks_have_the_numbers_of_grpcs_health_service() -> None:
    assert pb.HealthCheckRequest(service="a").SerializeToString() == b"\x0a\x01a"
    assert pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVING).SerializeToString() == b"\x08\x01"
    assert pb.HealthCheckResponse(status=pb.HealthCheckResponse.NOT_SERVING).SerializeToString() == b"\x08\x02"


def test_the_generated_module_is_fresh(tmp_path: Path) -> None:
    source = Path(protocol.__file__).parent
    made = tmp_path / "envoy.bin"
    arguments = [f"--proto_path={source}", f"--descriptor_set_out={made}", "envoy.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True, timeout=60)
    (regenerated,) = FileDescriptorSet.FromString(made.read_bytes()).file
    loaded = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(loaded)
    for message in regenerated.message_type:  # protoc spells out JSON names in a set, and leaves them out of a module
        _forget_json_names(message)
    for message in loaded.message_type:
        _forget_json_names(message)
    assert loaded == regenerated


def _forget_json_names(message: Any) -> None:
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        _forget_json_names(nested)


# ---- bytes ----

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_micros = st.integers(-(10**12), 10**12)
_SCALARS: Mapping[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=8),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: st.integers(0, 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
}


class Values:
    """Random plain values of a message: a dict of field names to values, of which both sides can be built."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def of(self, message: Descriptor, depth: int = 0) -> dict[str, Any]:
        if message.full_name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
            # Whole microseconds, the finest that Python's own types hold.
            micros = abs(self._draw(_micros))
            return {"seconds": micros // 1_000_000, "nanos": micros % 1_000_000 * 1000}
        chosen: dict[str, Any] = {}
        alone = {oneof.name: self._draw(st.sampled_from([None, *(field.name for field in oneof.fields)])) for oneof in message.oneofs}
        for field in message.fields:
            oneof = field.containing_oneof
            is_chosen = alone[oneof.name] == field.name if oneof else self._draw(st.booleans())
            if is_chosen and (field.message_type is None or depth < 6):
                chosen[field.name] = self._field(field, depth)
        return chosen

    def _field(self, field: FieldDescriptor, depth: int) -> Any:
        if is_map(field):
            value = field.message_type.fields_by_name["value"]
            return {key: self._one(value, depth) for key in self._draw(st.lists(_text, max_size=2, unique=True))}
        if field.is_repeated:
            return [self._one(field, depth) for _ in range(self._draw(st.integers(0, 2)))]
        return self._one(field, depth)

    def _one(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is not None:
            return self.of(field.message_type, depth + 1)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self._draw(st.sampled_from([value.number for value in field.enum_type.values]))
        return self._draw(_SCALARS[field.type])


@st.composite
def values(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return Values(draw).of(described(name))


def ours(message: Descriptor, plain: Mapping[str, Any]) -> Message:
    made: Any = GetMessageClass(message)()
    for name, value in plain.items():
        field = message.fields_by_name[name]
        inner = field.message_type
        if is_map(field):
            kind = inner.fields_by_name["value"].message_type
            for key, item in value.items():
                if kind is None:
                    getattr(made, name)[key] = item
                else:
                    getattr(made, name)[key].CopyFrom(ours(kind, item))
        elif inner is None:
            getattr(made, name).extend(value) if field.is_repeated else setattr(made, name, value)
        elif field.is_repeated:
            getattr(made, name).extend([ours(inner, item) for item in value])
        else:
            getattr(made, name).CopyFrom(ours(inner, value))
    return made


def theirs(message: Descriptor, plain: Mapping[str, Any]) -> Any:
    kind = counterpart(message)
    metas = {field.name: field.metadata["betterproto"] for field in dataclasses.fields(kind)}

    def one(field: FieldDescriptor, value: Any) -> Any:
        if field.message_type is None:
            return value
        made = theirs(field.message_type, value)
        return made.to_wrapped() if metas[field.name].unwrap is not None else made

    arguments: dict[str, Any] = {}
    for name, value in plain.items():
        field = message.fields_by_name[name]
        if is_map(field):
            item_field = field.message_type.fields_by_name["value"]
            inner = item_field.message_type
            arguments[name] = {key: theirs(inner, item) if inner else item for key, item in value.items()}
        elif field.is_repeated:
            arguments[name] = [one(field, item) for item in value]
        else:
            arguments[name] = one(field, value)
    return kind(**arguments)


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", THEIRS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(draws=st.data())
def test_what_we_write_envoy_reads_and_what_it_writes_we_read(name: str, draws: st.DataObject) -> None:
    message = described(name)
    plain = draws.draw(values(name))
    mine, other = ours(message, plain), theirs(message, plain)
    read_by_them = counterpart(message).parse(mine.SerializeToString())
    assert read_by_them == other
    assert type(mine).FromString(bytes(read_by_them)) == mine
    assert type(mine).FromString(bytes(other)) == mine


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(values("ProcessingRequest"), st.booleans())
def test_fields_that_are_not_in_the_subset_are_skipped(plain: dict[str, Any], is_observed: bool) -> None:
    message = described("ProcessingRequest")
    other = theirs(message, plain)
    other.observability_mode = is_observed
    other.protocol_config = service.ProtocolConfiguration(send_body_without_waiting_for_header_response=True)
    read = pb.ProcessingRequest.FromString(bytes(other))
    read.DiscardUnknownFields()
    assert read == ours(message, plain)
    assert betterproto2.which_one_of(other, "request")[0] == (read.WhichOneof("request") or "")
