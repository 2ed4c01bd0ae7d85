"""What no single field of identity and access can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from extproc.config.identity import ANY_PEER, Access, Identity, Jwt
from extproc.config.place import Finding, Place, alternatives, did_you_mean
from extproc.config.spelling import REFUSE
from extproc.config.types import Config
from extproc.scope import LEVELS

_SECTION_OF = {"mesh": "mesh", "jwt": "jwt", "key": "keys", "header": "headers"}
_IDENTITY = ("identity",)
_MEANT_TO_REFUSE = frozenset({"401", "block", "deny", "denied", "forbid", "none", "refused", "reject", "rejected", "unauthorized"})
_NAMES_NOBODY = "names no level, and no level is fixed, so it tells nobody from another"


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with identity and access in `config`."""
    for rule in _RULES:
        yield from rule(config.identity)
    for name, access in config.access.items():
        yield from _names(name, access, config)


def doubts(config: Config) -> Iterator[Finding]:
    """What works as it is written but is seldom meant."""
    identity = config.identity
    sources = sources_of(identity)
    for source, section in _SECTION_OF.items():
        if identity.sources and getattr(identity, section) and source not in identity.sources:
            yield Finding(("identity", section), f"is configured, but `{source}` is not among identity.sources")
    checks_certificates = config.listener.tls is not None and bool(config.listener.tls.client_ca_file)
    if needs_certificates(identity) and not checks_certificates:
        yield Finding(_IDENTITY, "reads certificates of peers; Envoy as rendered here has none without listener.tls.client_ca_file")
    if sources and identity.unknown == REFUSE and config.processor.on_failure == "open":
        yield Finding(("identity", "unknown"), "`refuse`, but processor.on_failure is `open`: while no worker answers, nobody is refused")
    if identity.unknown.lower() in _MEANT_TO_REFUSE:
        yield Finding(("identity", "unknown"), f"`{identity.unknown}` is taken for the name of a scope; to answer 401 say `refuse`")
    for name, access in config.access.items():
        if not _restricts(access):
            yield Finding(("access", name), "denies nothing")


def sources_of(identity: Identity) -> tuple[str, ...]:
    """The sources that are asked, in order: those named, else those configured."""
    return identity.sources or tuple(source for source, section in _SECTION_OF.items() if getattr(identity, section))


def needs_certificates(identity: Identity) -> bool:
    """Whether identifying a caller takes the certificate of whoever is connected."""
    sources = sources_of(identity)
    if identity.mesh and "mesh" in sources and identity.mesh.from_ == "peer":
        return True
    return takes_words(identity) and ANY_PEER not in identity.trusted_peers


def takes_words(identity: Identity) -> bool:
    """Whether what a proxy says about others matters: identity headers, or `x-forwarded-client-cert`."""
    sources = sources_of(identity)
    return "header" in sources or (identity.mesh is not None and "mesh" in sources and identity.mesh.from_ == "xfcc")


def _sources(identity: Identity) -> Iterator[Finding]:
    for index, source in enumerate(identity.sources):
        section = _SECTION_OF[source]
        if source in identity.sources[:index]:
            yield Finding(("identity", "sources", index), f"`{source}` is in this list already")
        elif not getattr(identity, section):
            place: Place = ("identity", "sources", index)
            yield Finding(place, f"`{source}` needs identity.{section}, which is not there", (place, ("identity", section)))
    if identity.unknown == REFUSE and not sources_of(identity):
        yield Finding(("identity", "unknown"), "refuses everybody, because no source is configured", (_IDENTITY,))


def _peers(identity: Identity) -> Iterator[Finding]:
    place = ("identity", "trusted_peers")
    if takes_words(identity) and not identity.trusted_peers:
        message = "names nobody, so no header is believed; name the proxies' SPIFFE IDs, or say `[any]` where only they can connect"
        yield Finding(place, message, (_IDENTITY,))
    if ANY_PEER in identity.trusted_peers and len(identity.trusted_peers) > 1:
        yield Finding(place, "`any` is everybody already; the others say nothing")


def _mesh(identity: Identity) -> Iterator[Finding]:
    mesh = identity.mesh
    if mesh is None:
        return
    named = [level for level in LEVELS if f"{{{level}}}" in mesh.pattern]
    for level in named:
        if getattr(mesh, level):
            place = ("identity", "mesh", level)
            yield Finding(place, "is taken from the pattern already", (place, ("identity", "mesh", "pattern")))
    if not named and not any(getattr(mesh, level) for level in LEVELS):
        yield Finding(("identity", "mesh", "pattern"), _NAMES_NOBODY, (("identity", "mesh"),))


def _jwt(identity: Identity) -> Iterator[Finding]:
    jwt = identity.jwt
    if jwt is None:
        return
    for level in jwt.claims:
        if getattr(jwt, level):
            place = ("identity", "jwt", level)
            yield Finding(place, "is taken from a claim already", (place, ("identity", "jwt", "claims", level)))
    if not jwt.claims and not any(getattr(jwt, level) for level in LEVELS):
        yield Finding(("identity", "jwt", "claims"), _NAMES_NOBODY, (("identity", "jwt"),))
    yield from _verification(jwt)


def _verification(jwt: Jwt) -> Iterator[Finding]:
    place = ("identity", "jwt")
    if jwt.jwks_file and jwt.jwks_url:
        yield Finding((*place, "jwks_url"), "stands beside jwks_file; one of the two is enough", (place,))
    if (jwt.jwks_file or jwt.jwks_url) and not jwt.issuer:
        yield Finding((*place, "issuer"), "is required where Envoy is to verify tokens", (place,))
    if (jwt.issuer or jwt.audiences) and not (jwt.jwks_file or jwt.jwks_url):
        yield Finding(place, "names an issuer or audiences, but no keys to verify with: say jwks_file or jwks_url", (place,))
    if urlsplit(jwt.jwks_url).scheme == "http":
        yield Finding((*place, "jwks_url"), "expected https://, because whoever changes the keys on their way makes tokens of their own")


def _keys(identity: Identity) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, key in enumerate(identity.keys):
        if key.sha256 in first:
            yield Finding(("identity", "keys", index, "sha256"), f"is the digest of identity.keys[{first[key.sha256]}] too")
        first.setdefault(key.sha256, index)


def _headers(identity: Identity) -> Iterator[Finding]:
    headers = identity.headers
    if headers is None:
        return
    taken: dict[str, str] = {}
    for level in LEVELS:
        header = getattr(headers, level)
        if header in taken:
            yield Finding(("identity", "headers", level), f"`{header}` names the {taken[header]} already")
        elif header:
            taken[header] = level
    if not taken:
        yield Finding(("identity", "headers"), "names no header")


def _names(rule: str, access: Access, config: Config) -> Iterator[Finding]:
    known = {"tiers": list(config.tiers), "backends": list(config.backends)}
    for field in ("tiers", "backends", "deny_tiers", "deny_backends"):
        what = field.removeprefix("deny_")
        for index, name in enumerate(getattr(access, field) or ()):
            if name not in known[what]:
                place: Place = ("access", rule, field, index)
                told = did_you_mean(name, known[what]) or f"; there is {alternatives(known[what])}"
                yield Finding(place, f"no {what[:-1]} is called `{name}`{told}", (place, (what, name)))


def _restricts(access: Access) -> bool:
    allowed = (access.tiers, access.backends, access.models)
    denied = (access.deny_tiers, access.deny_backends, access.deny_models)
    return any(part is not None for part in allowed) or any(denied) or access.other_paths is False


_RULES: tuple[Callable[[Identity], Iterator[Finding]], ...] = (_sources, _peers, _mesh, _jwt, _keys, _headers)
