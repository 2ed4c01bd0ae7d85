"""Provider keys: read by Envoy from files, added on the attempt that goes to their backend, removed before any other.

All attempts of a request share one set of headers, so what one attempt adds is there for the next. Each chain therefore
begins with a filter that removes every header that may carry a key, on every attempt.
"""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.credential_injector import v3 as injector
from envoy_data_plane.envoy.extensions.filters.http.header_mutation import v3 as header_mutation
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.http.injected_credentials.generic import v3 as generic
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.service.discovery import v3 as discovery
from envoy_data_plane.google.protobuf import Any

from extproc.config import Config
from extproc.config.compile_identity import spoken_headers
from extproc.config.types import Credential
from extproc.mesh import match as matching
from extproc.mesh import names
from extproc.mesh.message import extension, set_header, to_yaml

_ANTHROPIC_VERSION = "2023-06-01"


def headers(config: Config) -> tuple[str, ...]:
    """Every header that may carry a credential, the caller's or a backend's, or name the caller, sorted."""
    ours = {_place(backend.credential)[0] for backend in config.backends.values() if backend.credential}
    token = {config.identity.jwt.header} if config.identity.jwt else set()
    return tuple(sorted({*names.CALLERS_HEADERS, *spoken_headers(config.identity), *token, *ours}))


def removal_filter(config: Config) -> hcm.HttpFilter:
    """The upstream filter that removes what an earlier attempt, or the caller, left."""
    mutations = [mutation.HeaderMutation(remove=header) for header in headers(config)]
    return matching.http_filter(
        "tiermesh.credentials.remove", header_mutation.HeaderMutation(mutations=header_mutation.Mutations(request_mutations=mutations))
    )


def attempt_filters(name: str, credential: Credential, number: int, run_dir: Path) -> list[hcm.HttpFilter]:
    """The upstream filters that add the key of backend `name` on attempt `number`."""
    header, prefix = _place(credential)
    source = core.ConfigSource(path_config_source=core.PathConfigSource(path=str(secret_file(name, run_dir))))
    value = generic.Generic(
        credential=tls.SdsSecretConfig(name=_secret(name), sds_config=source), header=header, header_value_prefix=prefix
    )
    add = injector.CredentialInjector(overwrite=True, credential=extension("envoy.http.injected_credentials.generic", value))
    filters = [matching.only_on_attempt(number, f"tiermesh.credential.{name}", extension("envoy.filters.http.credential_injector", add))]
    if credential.kind == "anthropic":
        version = mutation.HeaderMutation(append=set_header("anthropic-version", _ANTHROPIC_VERSION, if_absent=True))
        inner = header_mutation.HeaderMutation(mutations=header_mutation.Mutations(request_mutations=[version]))
        filters.append(matching.only_on_attempt(number, f"tiermesh.version.{name}", extension("envoy.filters.http.header_mutation", inner)))
    return filters


def secret_file(name: str, run_dir: Path) -> Path:
    """The rendered file that tells Envoy where the key of backend `name` is."""
    return run_dir / f"credential.{name}.yaml"


def secret_text(name: str, credential: Credential) -> str:
    """The text of `secret_file`: it names the operator's key file and holds no key."""
    key = Path(credential.file)
    data = core.DataSource(filename=str(key), watched_directory=core.WatchedDirectory(path=str(key.parent)))
    secret = tls.Secret(name=_secret(name), generic_secret=tls.GenericSecret(secret=data))
    return to_yaml(discovery.DiscoveryResponse(resources=[Any.pack(secret)]), f"The key of backend {name}, by reference.")


def _secret(name: str) -> str:
    return f"credential.{name}"


def _place(credential: Credential) -> tuple[str, str]:
    match credential.kind:
        case "openai":
            return "authorization", "Bearer "
        case "anthropic":
            return "x-api-key", ""
        case "header":
            return credential.header.lower(), credential.prefix
