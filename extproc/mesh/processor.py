"""The cluster of TierMesh's own workers."""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google.protobuf import Any

from extproc.mesh import backends, names
from extproc.mesh.message import seconds

# Room for a whole large body on its way back from the worker, without waiting for window updates.
_STREAM_WINDOW_BYTES = 16 * 1024 * 1024
_CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024
_STREAMS = 2**31 - 1


def processor_cluster(run_dir: Path, workers: int) -> cluster.Cluster:
    """One endpoint for each worker's socket, balanced by requests in flight, checked so that a stopping worker gets no more."""
    places = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=core.Address(pipe=core.Pipe(path=str(names.worker_socket(run_dir, index))))))
        for index in range(workers)
    ]
    return cluster.Cluster(
        name=names.PROCESSOR_CLUSTER,
        connect_timeout=seconds(0.25),
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        load_assignment=endpoint.ClusterLoadAssignment(
            cluster_name=names.PROCESSOR_CLUSTER, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=places)]
        ),
        health_checks=[_health_check()],
        circuit_breakers=backends.unbounded(),  # each request holds a stream for its whole life
        # With every worker unwell, any is tried: one that has just come up serves before its next check.
        common_lb_config=cluster.ClusterCommonLbConfig(healthy_panic_threshold=envoy_type.Percent(value=1)),
        typed_extension_protocol_options={backends.HTTP_OPTIONS: Any.pack(_http2())},
    )


def _http2() -> upstream.HttpProtocolOptions:
    protocol = core.Http2ProtocolOptions(
        max_concurrent_streams=_STREAMS,
        initial_stream_window_size=_STREAM_WINDOW_BYTES,
        initial_connection_window_size=_CONNECTION_WINDOW_BYTES,
    )
    return upstream.HttpProtocolOptions(
        explicit_http_config=upstream.HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=protocol)
    )


def _health_check() -> core.HealthCheck:
    # A worker that says it is stopping is left at once; one that is merely slow gets three chances. Without
    # no_traffic_interval the first checks would be a minute apart.
    return core.HealthCheck(
        timeout=seconds(2),
        interval=seconds(1),
        no_traffic_interval=seconds(1),
        unhealthy_interval=seconds(0.25),
        no_traffic_healthy_interval=seconds(1),
        unhealthy_threshold=3,
        healthy_threshold=1,
        grpc_health_check=core.HealthCheckGrpcHealthCheck(),
    )
