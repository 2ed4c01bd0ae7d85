"""Small pieces every part of an Envoy configuration is made of: packed extensions, durations, headers, YAML."""

from __future__ import annotations

from datetime import timedelta

import betterproto2
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.google.protobuf import Any

from extproc.mesh.plain import plain_yaml


def extension(name: str, message: betterproto2.Message) -> core.TypedExtensionConfig:
    """An extension called `name`, configured by `message`."""
    return core.TypedExtensionConfig(name=name, typed_config=Any.pack(message))


def seconds(value: float) -> timedelta:
    """A duration, rounded to the millisecond so that it reads well."""
    return timedelta(milliseconds=round(value * 1000))


def socket_address(host: str, port: int) -> core.Address:
    """A TCP address."""
    return core.Address(socket_address=core.SocketAddress(address=host, port_value=port))


def set_header(name: str, value: str, *, if_absent: bool = False) -> core.HeaderValueOption:
    """A header that replaces what is there, or keeps it when `if_absent`."""
    action = core.HeaderValueOptionHeaderAppendAction
    return core.HeaderValueOption(
        header=core.HeaderValue(key=name, value=value),
        append_action=action.ADD_IF_ABSENT if if_absent else action.OVERWRITE_IF_EXISTS_OR_ADD,
    )


def grpc_service(cluster: str, metadata: dict[str, str] | None = None, *, retry: core.RetryPolicy | None = None) -> core.GrpcService:
    """Envoy's own gRPC client on `cluster`."""
    return core.GrpcService(
        envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=cluster),
        initial_metadata=[core.HeaderValue(key=key, value=value) for key, value in (metadata or {}).items()],
        retry_policy=retry,
    )


def to_yaml(message: betterproto2.Message, heading: str) -> str:
    """`message` as Envoy's YAML under `heading` as a comment: proto field names, fields in the order of the proto."""
    # betterproto2 unpacks every Any whose type was imported and writes its `@type` first, as Envoy expects.
    return plain_yaml(message.to_dict(casing=betterproto2.Casing.SNAKE), heading)
