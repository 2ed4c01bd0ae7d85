"""The whole bootstrap, put together."""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import v3 as connections
from envoy_data_plane.google.protobuf import Any

from extproc.config import Config, Policy, chains_of, compile_config
from extproc.mesh import backends, callers, chains, credentials, listener, names, observe, processor, terminate
from extproc.mesh.message import socket_address, to_yaml
from extproc.mesh.rendered import Rendered

_HEADING = """\
Envoy bootstrap, rendered by TierMesh from tiermesh.yaml. Edit that file, not this one.
"""
_MAX_CONNECTIONS = 50_000


def render(config: Config, run_dir: Path, *, workers: int) -> Rendered:
    """The bootstrap of `config` as YAML, with the files it needs beside it."""
    policy = compile_config(config)
    message = bootstrap.Bootstrap(
        node=core.Node(id=names.ACCESS_LOG, cluster=names.ACCESS_LOG),  # reading keys from files needs both
        static_resources=bootstrap.BootstrapStaticResources(
            listeners=[listener.app_listener(config, policy, run_dir)], clusters=_clusters(config, policy, run_dir, workers)
        ),
        overload_manager=_overload(),
        admin=bootstrap.Admin(address=socket_address("127.0.0.1", config.listener.admin_port)),
    )
    return Rendered(bootstrap=to_yaml(message, _HEADING), files=_secrets(config, run_dir))


def _clusters(config: Config, policy: Policy, run_dir: Path, workers: int) -> list[cluster.Cluster]:
    return [
        processor.processor_cluster(run_dir, workers),
        *observe.otlp_clusters(config),
        *callers.key_clusters(config),
        *(backends.backend_cluster(backend, config.backends[backend.name]) for backend in policy.backends.values()),
        *(chains.chain_cluster(chain, config, run_dir) for chain in chains_of(policy)),
    ]


def _secrets(config: Config, run_dir: Path) -> dict[Path, str]:
    keys = {
        credentials.secret_file(name, run_dir): credentials.secret_text(name, backend.credential)
        for name, backend in config.backends.items()
        if backend.credential is not None
    }
    return keys | terminate.secret_files(config, run_dir)


def _overload() -> overload.OverloadManager:
    # Envoy warns when nothing bounds its connections.
    limit = connections.DownstreamConnectionsConfig(max_active_downstream_connections=_MAX_CONNECTIONS)
    monitor = overload.ResourceMonitor(name="envoy.resource_monitors.global_downstream_max_connections", typed_config=Any.pack(limit))
    return overload.OverloadManager(resource_monitors=[monitor])
