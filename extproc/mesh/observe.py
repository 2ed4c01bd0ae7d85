"""What Envoy reports: the access log that every record is made from, and its traces."""

from __future__ import annotations

from urllib.parse import urlsplit

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.trace import v3 as trace
from envoy_data_plane.envoy.extensions.access_loggers.grpc import v3 as grpc_log
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google.protobuf import Any

from extproc.config import Config
from extproc.mesh import backends, names
from extproc.mesh.message import grpc_service, seconds

_OTLP_PORT = 4317
_CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
_FLUSH_S = 0.02  # what has ended is soon counted as ended
_BUFFER_BYTES = 16 * 1024


def access_log() -> accesslog.AccessLog:
    """One entry to the workers for every request, refused and aborted ones too; entries wait at most 20 ms."""
    common = grpc_log.CommonGrpcAccessLogConfig(
        log_name=names.ACCESS_LOG,
        transport_api_version=core.ApiVersion.V3,
        grpc_service=grpc_service(names.PROCESSOR_CLUSTER),
        buffer_flush_interval=seconds(_FLUSH_S),
        buffer_size_bytes=_BUFFER_BYTES,
    )
    entry = grpc_log.HttpGrpcAccessLogConfig(
        common_config=common,
        additional_request_headers_to_log=["traceparent"],
        additional_response_headers_to_log=["x-request-id", "request-id", names.UPSTREAM_ID_HEADER],
    )
    return accesslog.AccessLog(name="envoy.access_loggers.http_grpc", typed_config=Any.pack(entry))


def tracing(config: Config) -> hcm.HttpConnectionManagerTracing | None:
    """Envoy's OpenTelemetry tracer, or None where no receiver is configured.

    A caller's own trace is continued and keeps its own sampling decision.
    """
    if not config.telemetry.otlp_endpoint:
        return None
    tracer = trace.OpenTelemetryConfig(grpc_service=grpc_service(names.OTLP_CLUSTER), service_name=config.telemetry.service_name)
    return hcm.HttpConnectionManagerTracing(
        random_sampling=envoy_type.Percent(value=config.telemetry.trace_share * 100),
        provider=trace.TracingHttp(name="envoy.tracers.opentelemetry", typed_config=Any.pack(tracer)),
        spawn_upstream_span=True,
    )


def otlp_clusters(config: Config) -> list[cluster.Cluster]:
    """The cluster of the OTLP receiver, if there is one."""
    if not config.telemetry.otlp_endpoint:
        return []
    url = urlsplit(config.telemetry.otlp_endpoint)
    host, is_tls = url.hostname or "", url.scheme == "https"
    http2 = upstream.HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=core.Http2ProtocolOptions())
    made = cluster.Cluster(
        name=names.OTLP_CLUSTER,
        connect_timeout=seconds(2),
        load_assignment=backends.place(names.OTLP_CLUSTER, host, url.port or _OTLP_PORT),
        typed_extension_protocol_options={backends.HTTP_OPTIONS: Any.pack(upstream.HttpProtocolOptions(explicit_http_config=http2))},
        transport_socket=backends.tls_socket(host, _CA_FILE, ("h2",)) if is_tls else None,
    )
    return [backends.resolved(made, host)]
