"""TLS to the apps: Envoy's certificate, and whose certificates it accepts, both from files that may be replaced."""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.service.discovery import v3 as discovery
from envoy_data_plane.google.protobuf import Any

from extproc.config import Config
from extproc.config.identity import Tls
from extproc.mesh.message import to_yaml

_CERTIFICATE = "listener.certificate"
_CLIENTS = "listener.clients"


def listener_socket(config: Config, run_dir: Path) -> core.TransportSocket | None:
    """What the listener speaks: TLS as `listener.tls` says, None for plain TCP."""
    settings = config.listener.tls
    if settings is None:
        return None
    context = tls.DownstreamTlsContext(
        common_tls_context=tls.CommonTlsContext(
            alpn_protocols=["h2", "http/1.1"],
            tls_certificate_sds_secret_configs=[_secret(_CERTIFICATE, run_dir)],
            validation_context_sds_secret_config=_secret(_CLIENTS, run_dir) if settings.client_ca_file else None,
        ),
        require_client_certificate=bool(settings.client_ca_file) and settings.require_client_certificate,
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def secret_files(config: Config, run_dir: Path) -> dict[Path, str]:
    """The files that tell Envoy where certificates and keys are. They hold none, and watching them is how Envoy sees new ones."""
    settings = config.listener.tls
    if settings is None:
        return {}
    secrets = [_certificate(settings)]
    if settings.client_ca_file:
        secrets.append(_clients(settings))
    return {
        _file(secret.name, run_dir): to_yaml(discovery.DiscoveryResponse(resources=[Any.pack(secret)]), "By reference.")
        for secret in secrets
    }


def _certificate(settings: Tls) -> tls.Secret:
    value = tls.TlsCertificate(
        certificate_chain=core.DataSource(filename=settings.certificate_file),
        private_key=core.DataSource(filename=settings.key_file),
        watched_directory=_folder(settings.certificate_file),
    )
    return tls.Secret(name=_CERTIFICATE, tls_certificate=value)


def _clients(settings: Tls) -> tls.Secret:
    value = tls.CertificateValidationContext(
        trusted_ca=core.DataSource(filename=settings.client_ca_file), watched_directory=_folder(settings.client_ca_file)
    )
    return tls.Secret(name=_CLIENTS, validation_context=value)


def _folder(file: str) -> core.WatchedDirectory:
    return core.WatchedDirectory(path=str(Path(file).parent))


def _secret(name: str, run_dir: Path) -> tls.SdsSecretConfig:
    source = core.ConfigSource(path_config_source=core.PathConfigSource(path=str(_file(name, run_dir))))
    return tls.SdsSecretConfig(name=name, sds_config=source)


def _file(name: str, run_dir: Path) -> Path:
    return run_dir / f"{name}.yaml"
