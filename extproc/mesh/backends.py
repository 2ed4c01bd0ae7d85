"""One cluster for each backend: where it is, how to reach it, what it is called in answers."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.clusters.common.dns import v3 as dns_family
from envoy_data_plane.envoy.extensions.clusters.dns import v3 as dns
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any, Struct

from extproc.config import Backend
from extproc.config.types import Backend as Settings
from extproc.mesh import names
from extproc.mesh.message import seconds, socket_address

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MANY = 2**31 - 1
_REFUSES = ("127.0.0.1", 0)  # nothing can listen on port 0

# vLLM's server closes a connection after 5 idle seconds, load balancers of cloud providers after 60. A connection that
# the peer closes just as a request is sent on it costs an attempt, so ours close first.
_PLAIN_IDLE_S = 4
_TLS_IDLE_S = 50


def backend_cluster(backend: Backend, settings: Settings) -> cluster.Cluster:
    """The cluster of one backend; the metadata of its endpoint labels its answers."""
    url = urlsplit(settings.url)
    host, is_tls = url.hostname or "", url.scheme == "https"
    made = cluster.Cluster(
        name=names.backend_cluster(backend.name),
        connect_timeout=seconds(settings.connect_timeout_s),
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        load_assignment=place(names.backend_cluster(backend.name), host, url.port or (443 if is_tls else 80), _labels(backend)),
        circuit_breakers=unbounded(),
        typed_extension_protocol_options={HTTP_OPTIONS: Any.pack(_protocol(is_tls=is_tls))},
        transport_socket=tls_socket(host, settings.ca_file) if is_tls else None,
        upstream_connection_options=_keepalive(),
    )
    return resolved(made, host)


def unbounded() -> cluster.CircuitBreakers:
    """Circuit breakers that never open: Envoy's defaults, 1024 requests and 3 retries, are far below what LLMs need.

    A long answer holds its request open for minutes, and refusing work is the budget's business, not a counter's.
    """
    threshold = cluster.CircuitBreakersThresholds(max_connections=_MANY, max_pending_requests=_MANY, max_requests=_MANY, max_retries=_MANY)
    return cluster.CircuitBreakers(thresholds=[threshold])


def place(cluster_name: str, host: str, port: int, labels: core.Metadata | None = None) -> endpoint.ClusterLoadAssignment:
    """Where a cluster's requests go: to `host`, whose name becomes the Host header through auto_host_rewrite.

    Behind a name stands a second address that always refuses. A composite cluster passes over a member that has no
    address at all, as while its name does not resolve, and sends attempt 1 to the second member: with the first one's
    model and, without this, the first one's key. So each member always has an address.
    """
    found = [endpoint.LocalityLbEndpoints(lb_endpoints=[_endpoint(host, port, host, labels)])]
    if not _is_address(host):
        found.append(endpoint.LocalityLbEndpoints(lb_endpoints=[_endpoint(*_REFUSES, host, labels)], priority=1))
    return endpoint.ClusterLoadAssignment(cluster_name=cluster_name, endpoints=found)


def resolved(made: cluster.Cluster, host: str) -> cluster.Cluster:
    """`made` with name resolution where `host` is a name; several addresses of a name are replicas to balance over."""
    if not _is_address(host):
        resolution = dns.DnsCluster(dns_lookup_family=dns_family.DnsLookupFamily.V4_PREFERRED, respect_dns_ttl=True)
        made.cluster_type = cluster.ClusterCustomClusterType(name="envoy.clusters.dns", typed_config=Any.pack(resolution))
    return made


def tls_socket(host: str, ca_file: str, protocols: tuple[str, ...] = ()) -> core.TransportSocket:
    """TLS to `host`, whose certificate must be signed by `ca_file` and name it."""
    is_address = _is_address(host)
    kind = tls.SubjectAltNameMatcherSanType.IP_ADDRESS if is_address else tls.SubjectAltNameMatcherSanType.DNS
    context = tls.UpstreamTlsContext(
        common_tls_context=tls.CommonTlsContext(
            alpn_protocols=list(protocols),
            validation_context=tls.CertificateValidationContext(
                trusted_ca=core.DataSource(filename=ca_file),
                match_typed_subject_alt_names=[tls.SubjectAltNameMatcher(san_type=kind, matcher=matcher.StringMatcher(exact=host))],
            ),
        ),
        # A server name in the handshake may not be an address (RFC 6066, section 3).
        sni="" if is_address else host,
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _protocol(*, is_tls: bool) -> upstream.HttpProtocolOptions:
    common = core.HttpProtocolOptions(idle_timeout=seconds(_TLS_IDLE_S if is_tls else _PLAIN_IDLE_S))
    if is_tls:
        # The handshake (ALPN) decides between HTTP/2 and HTTP/1.1.
        auto = upstream.HttpProtocolOptionsAutoHttpConfig(
            http_protocol_options=core.Http1ProtocolOptions(), http2_protocol_options=core.Http2ProtocolOptions()
        )
        return upstream.HttpProtocolOptions(common_http_protocol_options=common, auto_config=auto)
    plain = upstream.HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=core.Http1ProtocolOptions())
    return upstream.HttpProtocolOptions(common_http_protocol_options=common, explicit_http_config=plain)


def _endpoint(address: str, port: int, hostname: str, labels: core.Metadata | None) -> endpoint.LbEndpoint:
    return endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=socket_address(address, port), hostname=hostname), metadata=labels)


def _labels(backend: Backend) -> core.Metadata:
    labels = {"backend": backend.name, "tier": backend.tier, "model": backend.model}
    return core.Metadata(filter_metadata={names.NAMESPACE: Struct.from_dict(labels)})


def _keepalive() -> cluster.UpstreamConnectionOptions:
    # An answer that is not streamed is silent for minutes; probes keep middleboxes from forgetting the connection.
    return cluster.UpstreamConnectionOptions(tcp_keepalive=core.TcpKeepalive(keepalive_probes=3, keepalive_time=30, keepalive_interval=10))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
