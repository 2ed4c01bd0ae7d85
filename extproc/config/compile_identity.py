"""Identity and access as they are written, to the tables that the request path reads."""

from __future__ import annotations

from fnmatch import fnmatchcase
from math import inf

from extproc import scope as scopes
from extproc.config import compiled_identity as compiled
from extproc.config import identity as written
from extproc.config.check_identity import needs_certificates, sources_of
from extproc.config.compiled import Backend
from extproc.config.spelling import REFUSE, TRUST
from extproc.pricebook.day import day_s

XFCC = "x-forwarded-client-cert"
_DAY_S = 86_400
_INDEX = {level: index for index, level in enumerate(scopes.LEVELS)}


def identity_of(settings: written.Identity) -> compiled.Identity:
    """The tables of `identity`."""
    sources = sources_of(settings)
    mesh = _mesh(settings.mesh) if settings.mesh and "mesh" in sources else None
    return compiled.Identity(
        sources=sources,
        mesh=mesh,
        jwt=_jwt(settings.jwt) if settings.jwt and "jwt" in sources else None,
        keys={key.sha256: _key(key) for key in settings.keys},
        headers=_headers(settings.headers),
        trusted_peers=None if written.ANY_PEER in settings.trusted_peers else settings.trusted_peers,
        reads_peer=needs_certificates(settings),
        spoken=spoken_headers(settings),
        fills=settings.fill,
        organisation=scopes.scope_of([settings.organisation])[0],
        unknown=None if settings.unknown == REFUSE else scopes.parse(settings.unknown),
    )


def spoken_headers(settings: written.Identity) -> tuple[str, ...]:
    """The headers in which a proxy speaks for others."""
    named = tuple(header for _, header in _headers(settings.headers))
    reads_xfcc = settings.mesh is not None and settings.mesh.from_ == "xfcc" and "mesh" in sources_of(settings)
    return (*named, XFCC) if reads_xfcc else named


def access_of(rules: dict[str, written.Access], backends: dict[str, Backend], digest: str) -> compiled.Access:
    """The tables of `access`, for these backends."""
    return compiled.Access(digest, tuple(_rule(name, rule, backends) for name, rule in rules.items()))


def end_of(day: str) -> float:
    """The second at which `day` ("2027-03-31", UTC) is over; never, where there is none."""
    return float(day_s(day) + _DAY_S) if day else inf


def _mesh(mesh: written.Mesh) -> compiled.Mesh:
    return compiled.Mesh(
        from_xfcc=mesh.from_ == "xfcc",
        hops=mesh.hops,
        pattern=tuple(_part(part) for part in mesh.pattern.split("/")),
        fixed=_fixed(mesh),
    )


def _part(part: str) -> str | int | None:
    if part in (scopes.ANY, f"{{{TRUST}}}"):
        return None
    return _INDEX[part[1:-1]] if part.startswith("{") else part


def _jwt(jwt: written.Jwt) -> compiled.Jwt:
    claims = tuple((_INDEX[level], claim, tuple(claim.split("."))) for level, claim in jwt.claims.items())
    return compiled.Jwt(header=jwt.header, metadata_key=jwt.metadata_key, claims=claims, fixed=_fixed(jwt))


def _key(key: written.Key) -> compiled.Key:
    return compiled.Key(scopes.parse(key.scope), end_of(key.expires), key.name)


def _headers(headers: written.TrustedHeaders | None) -> tuple[tuple[int, str], ...]:
    named = ((index, getattr(headers, level, "")) for level, index in _INDEX.items())
    return tuple((index, header) for index, header in named if header)


def _fixed(source: written.Mesh | written.Jwt) -> tuple[str, ...]:
    return (source.organisation, source.department, source.team, source.app, source.user)


def _rule(name: str, rule: written.Access, backends: dict[str, Backend]) -> compiled.Rule:
    restricts_models = rule.models is not None or bool(rule.deny_models)
    return compiled.Rule(
        name=name,
        pattern=scopes.pattern_of(rule.scope),
        forbidden=frozenset(backend.name for backend in backends.values() if _is_forbidden(rule, backend)),
        models=rule.models,
        deny_models=rule.deny_models,
        other_paths=not restricts_models if rule.other_paths is None else rule.other_paths,
    )


def _is_forbidden(rule: written.Access, backend: Backend) -> bool:
    return (
        (rule.tiers is not None and backend.tier not in rule.tiers)
        or (rule.backends is not None and backend.name not in rule.backends)
        or backend.tier in rule.deny_tiers
        or backend.name in rule.deny_backends
        or any(fnmatchcase(backend.model, glob) for glob in rule.deny_models)
    )
