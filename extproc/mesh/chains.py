"""Composite clusters: attempt 1 goes to the first backend of a chain, attempt 2 to the second.

Upstream filters of the members do not run, only those of the composite; so whatever differs between members is a filter
here that runs on the member's attempt. The worker sees the request before any key is on it.
"""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.clusters.composite import v3 as composite
from envoy_data_plane.envoy.extensions.filters.http.header_mutation import v3 as header_mutation
from envoy_data_plane.envoy.extensions.filters.http.upstream_codec import v3 as codec
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from extproc.config import Backend, Config, chain_name
from extproc.mesh import backends, credentials, filters, match, names
from extproc.mesh.message import seconds


def chain_cluster(chain: tuple[Backend, ...], config: Config, run_dir: Path) -> cluster.Cluster:
    """The composite cluster of `chain`."""
    members = [composite.ClusterConfigClusterEntry(name=names.backend_cluster(backend.name)) for backend in chain]
    # The members' own protocols and TLS are used; this only makes the options valid.
    plain = upstream.HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=core.Http1ProtocolOptions())
    options = upstream.HttpProtocolOptions(explicit_http_config=plain, http_filters=_filters(chain, config, run_dir))
    return cluster.Cluster(
        name=names.chain_cluster(chain_name(chain)),
        connect_timeout=seconds(max(config.backends[backend.name].connect_timeout_s for backend in chain)),
        lb_policy=cluster.ClusterLbPolicy.CLUSTER_PROVIDED,
        cluster_type=cluster.ClusterCustomClusterType(
            name="envoy.clusters.composite", typed_config=Any.pack(composite.ClusterConfig(clusters=members))
        ),
        circuit_breakers=backends.unbounded(),  # the limit on retries is this cluster's
        typed_extension_protocol_options={backends.HTTP_OPTIONS: Any.pack(options)},
    )


def _filters(chain: tuple[Backend, ...], config: Config, run_dir: Path) -> list[hcm.HttpFilter]:
    found = [credentials.removal_filter(config)]
    if len(chain) > 1:
        found.append(filters.failover_filter(config))
    for number, backend in enumerate(chain, start=1):
        credential = config.backends[backend.name].credential
        if credential is not None:
            found += credentials.attempt_filters(backend.name, credential, number, run_dir)
    return [*found, _tidy(), match.http_filter("envoy.filters.http.upstream_codec", codec.UpstreamCodec())]


def _tidy() -> hcm.HttpFilter:
    # What Envoy tells other Envoys, such as the caller's address and our timeouts, is no business of a backend.
    prefix = mutation.HeaderMutationRemoveOnMatch(key_matcher=matcher.StringMatcher(prefix="x-envoy-"))
    mutations = header_mutation.Mutations(request_mutations=[mutation.HeaderMutation(remove_on_match=prefix)])
    return match.http_filter("tiermesh.tidy", header_mutation.HeaderMutation(mutations=mutations))
