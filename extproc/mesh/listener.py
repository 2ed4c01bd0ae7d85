"""The listener: what apps connect to."""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation import v3 as early
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from extproc.config import Config, Policy
from extproc.mesh import callers, filters, names, observe, replies, routes, terminate
from extproc.mesh.message import extension, seconds, socket_address

_HEADERS_TIMEOUT_S = 30.0


def app_listener(config: Config, policy: Policy, run_dir: Path) -> listener.Listener:
    """The one listener; what it needs of TLS is in files in `run_dir`."""
    manager = listener.Filter(
        name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(_connection_manager(config, policy))
    )
    return listener.Listener(
        name="llm",
        address=socket_address(config.listener.address, config.listener.port),
        filter_chains=[listener.FilterChain(filters=[manager], transport_socket=terminate.listener_socket(config, run_dir))],
        # Bounds what is held of a request for the worker; more is answered with 413.
        per_connection_buffer_limit_bytes=names.body_buffer_bytes(config.listener.max_body_bytes),
    )


def _connection_manager(config: Config, policy: Policy) -> hcm.HttpConnectionManager:
    return hcm.HttpConnectionManager(
        codec_type=hcm.HttpConnectionManagerCodecType.AUTO,
        stat_prefix="llm",
        route_config=route.RouteConfiguration(name="llm", virtual_hosts=[routes.virtual_host(config, policy)]),
        http_filters=filters.listener_filters(config, policy),
        tracing=observe.tracing(config),
        server_header_transformation=hcm.HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH,
        stream_idle_timeout=seconds(config.listener.stream_idle_timeout_s),
        request_headers_timeout=seconds(_HEADERS_TIMEOUT_S),
        access_log=[observe.access_log()],
        use_remote_address=True,
        forward_client_cert_details=callers.client_certificates(policy),
        early_header_mutation_extensions=[_strip_ours()],
        generate_request_id=True,
        always_set_request_id_in_response=True,
        normalize_path=True,
        merge_slashes=True,
        local_reply_config=replies.local_replies(config),
    )


def _strip_ours() -> core.TypedExtensionConfig:
    # Before routing and every filter: a client must not choose its tier, nor how often Envoy tries.
    prefixes = (names.OUR_PREFIX, "x-envoy-")
    mutations = [
        mutation.HeaderMutation(remove_on_match=mutation.HeaderMutationRemoveOnMatch(key_matcher=matcher.StringMatcher(prefix=prefix)))
        for prefix in prefixes
    ]
    return extension("envoy.http.early_header_mutation.header_mutation", early.HeaderMutation(mutations=mutations))
