"""What Envoy does to let a worker know who calls: verified tokens, peers' certificates, proxies' words."""

from __future__ import annotations

from urllib.parse import urlsplit

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn import v3 as jwt_authn
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import Empty

from extproc.config import Config, Policy
from extproc.config.identity import Jwt
from extproc.mesh import backends, match, names
from extproc.mesh.message import seconds

_PROVIDER = "tiermesh"
_CLOCK_SKEW_S = 60  # Envoy's own default, said aloud
_FETCH_TIMEOUT_S = 5
_KEYS_KEPT_S = 300  # how long a key that the issuer has withdrawn is still taken
_Details = hcm.HttpConnectionManagerForwardClientCertDetails


def attributes(policy: Policy) -> list[str]:
    """The attributes of the connection that a worker needs; each costs time on every request, so mostly none."""
    return [names.PEER_ATTRIBUTE] if policy.identity.reads_peer else []


def namespaces(policy: Policy) -> list[str]:
    """The namespaces of dynamic metadata that a worker needs."""
    return [names.JWT_NAMESPACE] if policy.identity.jwt else []


def client_certificates(policy: Policy) -> _Details:
    """What becomes of `x-forwarded-client-cert`: dropped unless it is read, and then kept only where a certificate was shown.

    Where any peer is believed, the connection need not have one: it comes from a proxy on the same machine.
    """
    if policy.identity.mesh is None or not policy.identity.mesh.from_xfcc:
        return _Details.SANITIZE
    return _Details.ALWAYS_FORWARD_ONLY if policy.identity.trusted_peers is None else _Details.FORWARD_ONLY


def guards_other_paths(policy: Policy) -> bool:
    """Whether requests that no worker decides about are shown to one all the same.

    Where it may matter who sends them, and where they lead to the cloud, because nobody reads what they carry.
    """
    return bool(policy.identity.sources or policy.access.rules) or (policy.residency.reads and not policy.other_paths.is_on_prem)


def token_filters(config: Config) -> list[hcm.HttpFilter]:
    """The filter that verifies tokens, where Envoy has the issuer's keys.

    It lets everything pass: a request may carry a key instead of a token, and the worker's refusal has the API's shape and a
    record. What it found is in metadata, a verified token is taken off the request.
    """
    jwt = config.identity.jwt
    if jwt is None or not (jwt.jwks_file or jwt.jwks_url):
        return []
    either = jwt_authn.JwtRequirementOrList(
        requirements=[
            jwt_authn.JwtRequirement(provider_name=_PROVIDER),
            jwt_authn.JwtRequirement(allow_missing_or_failed=Empty()),
        ]
    )
    rule = jwt_authn.RequirementRule(match=route.RouteMatch(prefix="/"), requires=jwt_authn.JwtRequirement(requires_any=either))
    return [match.http_filter(names.JWT_NAMESPACE, jwt_authn.JwtAuthentication(providers={_PROVIDER: _provider(jwt)}, rules=[rule]))]


def _provider(jwt: Jwt) -> jwt_authn.JwtProvider:
    prefix = "Bearer " if jwt.header == "authorization" else ""
    return jwt_authn.JwtProvider(
        issuer=jwt.issuer,
        audiences=list(jwt.audiences),
        require_expiration=True,
        local_jwks=core.DataSource(filename=jwt.jwks_file) if jwt.jwks_file else None,
        remote_jwks=_remote(jwt) if jwt.jwks_url else None,
        # Named, because by default a token is taken from the query too, and so from every log of URLs.
        from_headers=[jwt_authn.JwtHeader(name=jwt.header, value_prefix=prefix)],
        payload_in_metadata=jwt.metadata_key,
        failed_status_in_metadata=names.TOKEN_STATUS_KEY,
        clock_skew_seconds=_CLOCK_SKEW_S,
    )


def _remote(jwt: Jwt) -> jwt_authn.RemoteJwks:
    return jwt_authn.RemoteJwks(
        http_uri=core.HttpUri(uri=jwt.jwks_url, cluster=names.JWKS_CLUSTER, timeout=seconds(_FETCH_TIMEOUT_S)),
        cache_duration=seconds(_KEYS_KEPT_S),
        async_fetch=jwt_authn.JwksAsyncFetch(fast_listener=True),
    )


def key_clusters(config: Config) -> list[cluster.Cluster]:
    """The cluster of the issuer's keys, where they are fetched."""
    jwt = config.identity.jwt
    if jwt is None or not jwt.jwks_url:
        return []
    url = urlsplit(jwt.jwks_url)
    host = url.hostname or ""
    made = cluster.Cluster(
        name=names.JWKS_CLUSTER,
        connect_timeout=seconds(_FETCH_TIMEOUT_S),
        load_assignment=backends.place(names.JWKS_CLUSTER, host, url.port or 443),
        transport_socket=backends.tls_socket(host, jwt.ca_file),
    )
    return [backends.resolved(made, host)]
