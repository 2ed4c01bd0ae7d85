"""From what Envoy vouches for to the caller's scope.

Sources are asked in the configured order. The first that knows the caller names levels; later ones may name levels that are
still empty, but never move a caller: one that names another organisation is not heard, and what hangs below a level on
which two disagree is not taken, except for the user, who may belong elsewhere than the app she uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import cast

from extproc.config.compile_identity import XFCC
from extproc.config.compiled_identity import NOBODY, Identity, Mesh
from extproc.dialects import Refusal
from extproc.identity.credential import ANONYMOUS, bare, credential_name
from extproc.identity.xfcc import uris
from extproc.scope import LEVELS, Scope, scope_of

_USER = len(LEVELS) - 1
_MAX_KEPT_CHARS = 512
_CHALLENGE = (("www-authenticate", "Bearer"),)  # RFC 9110, 15.5.2: a 401 says how to do better
_UNKNOWN = Refusal(
    401, "unknown_caller", "Nothing in this request says who sends it, and callers have to be known here.", headers=_CHALLENGE
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came with a request. `claims` are those of a token that Envoy has verified, None without one."""

    headers: Mapping[str, str]  # lower-case names
    peer: str = ""  # the URI in the certificate of whoever is connected
    claims: Mapping[str, object] | None = None
    token_error: str = ""  # why Envoy did not accept the token, in its words
    key_digest: str = ""  # sha256 of the API key, in hex
    now_s: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `source` is `mesh`, `jwt`, `key`, `header` or `default`: what named the outermost level that is known.

    With a `refusal` they are not served: not known, or known by a token or key that is not good.
    """

    scope: Scope
    source: str
    credential: str  # short name of the API key, or "anonymous"
    refusal: Refusal | None = None


ANYBODY = Caller(("default", "", "", "", ""), "default", ANONYMOUS)


def identify(identity: Identity, evidence: Evidence) -> Caller:
    """The caller, with a 401 where they are to be refused."""
    names, source = _asked(identity, evidence)
    credential = credential_name(evidence.key_digest)
    refusal = _broken(identity, evidence)
    if source:
        if identity.organisation and not names[0]:
            names = (identity.organisation, *names[1:])  # written as scopes hold it
        return Caller(names, source, credential, refusal)
    if identity.unknown is None:
        return Caller(NOBODY, "", credential, refusal or _UNKNOWN)
    return Caller(identity.unknown, "default", credential, refusal)


def unbelieved(identity: Identity, headers: Mapping[str, str], peer: str) -> tuple[str, ...]:
    """The identity headers of a `peer` that may not speak for others: they are taken off the request."""
    found = [header for header in identity.spoken if header in headers]
    return () if not found or _is_trusted(identity, peer) else tuple(found)


def _broken(identity: Identity, evidence: Evidence) -> Refusal | None:
    """What was shown and is not good is refused, whoever else knows the caller: nobody shows a token by accident."""
    jwt = identity.jwt
    if jwt is not None and evidence.claims is None and _is_token(evidence.headers.get(jwt.header, "")):
        reason = evidence.token_error or "nobody has verified it"
        return Refusal(401, "invalid_token", f"The token was not accepted: {reason}.", headers=_CHALLENGE)
    key = identity.keys.get(evidence.key_digest) if "key" in identity.sources else None
    if key is not None and evidence.now_s >= key.expires_at:
        named = f" `{key.name}`" if key.name else ""
        return Refusal(401, "expired_key", f"The API key{named} has expired.", headers=_CHALLENGE)
    return None


def _asked(identity: Identity, evidence: Evidence) -> tuple[Scope, str]:
    names, source = NOBODY, ""
    for asked in identity.sources:
        found = _READERS[asked](identity, evidence)
        if found == NOBODY:
            continue
        if not source:
            names, source = found, asked
        else:
            source = asked if _outermost(found) < _outermost(names) else source
            names = _filled(names, found)
        if not identity.fills or "" not in names:
            break
    return names, source


def _filled(names: Scope, found: Scope) -> Scope:
    if names[0] and found[0] and names[0] != found[0]:
        return names
    filled, agrees = list(names), True
    for level, (held, named) in enumerate(zip(names, found, strict=True)):
        if not held and named and (agrees or level == _USER):
            filled[level] = named
        agrees = agrees and (not held or not named or held == named)
    return cast("Scope", tuple(filled))


def _outermost(names: Scope) -> int:
    return next(level for level, name in enumerate(names) if name)


def _of_mesh(identity: Identity, evidence: Evidence) -> Scope:
    mesh = identity.mesh
    if mesh is None:
        return NOBODY
    if not mesh.from_xfcc:
        return _of_workload(mesh, evidence.peer)
    header = evidence.headers.get(XFCC, "")
    if not header or not _is_trusted(identity, evidence.peer):
        return NOBODY
    known = (_of_workload(mesh, uri) for uri in uris(header, mesh.hops))
    return next((names for names in known if names != NOBODY), NOBODY)


def _of_workload(mesh: Mesh, uri: str) -> Scope:
    """The levels that `uri` names, where it has the pattern's shape."""
    parts = uri.split("/")
    if len(parts) != len(mesh.pattern):
        return NOBODY
    names = list(mesh.fixed)
    for part, wanted in zip(parts, mesh.pattern, strict=True):
        if isinstance(wanted, str):
            if part != wanted:
                return NOBODY
        elif not part:
            return NOBODY
        elif wanted is not None:
            names[wanted] = part
    return _scope(names)


def _of_token(identity: Identity, evidence: Evidence) -> Scope:
    if identity.jwt is None or evidence.claims is None:
        return NOBODY
    names = list(identity.jwt.fixed)
    for level, whole, steps in identity.jwt.claims:
        names[level] = _text(_claim(evidence.claims, whole, steps))
    return _scope(names)


def _claim(claims: Mapping[str, object], whole: str, steps: tuple[str, ...]) -> object:
    """The claim of that name, dots and all (as in `https://acme.example/team`), else the one its steps lead to."""
    if whole in claims:
        return claims[whole]
    found: object = claims
    for step in steps:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _text(claim: object) -> str:
    """A name: text, a whole number, or a list with one of these. Anything else names nobody."""
    if isinstance(claim, list):
        claim = claim[0] if len(claim) == 1 else None
    if isinstance(claim, float) and claim.is_integer():
        return str(int(claim))
    return claim if isinstance(claim, str) else ""


def _of_key(identity: Identity, evidence: Evidence) -> Scope:
    key = identity.keys.get(evidence.key_digest)
    return key.scope if key else NOBODY


def _of_headers(identity: Identity, evidence: Evidence) -> Scope:
    if not _is_trusted(identity, evidence.peer):
        return NOBODY
    names = list(NOBODY)
    for level, header in identity.headers:
        value = evidence.headers.get(header, "").strip()
        if "," in value:
            # It came twice: a proxy that adds instead of replacing lets the caller's own copy stand beside its own.
            return NOBODY
        names[level] = value if value.isascii() else _decoded(value)
    return _scope(names)


def _decoded(value: str) -> str:
    """A header's octets as the UTF-8 they usually are, so that a name is the same from every source."""
    return value.encode("latin-1", errors="replace").decode(errors="replace")


def _is_trusted(identity: Identity, peer: str) -> bool:
    if identity.trusted_peers is None:
        return True
    return bool(peer) and any(fnmatchcase(peer, glob) for glob in identity.trusted_peers)


def _is_token(value: str) -> bool:
    """Whether this looks like a signed token (RFC 7515, 3.1), not like a key: three parts, the first a JSON object in base64url."""
    token = bare(value)
    return token.startswith("eyJ") and token.count(".") == 2


_READERS: Mapping[str, Callable[[Identity, Evidence], Scope]] = {
    "mesh": _of_mesh,
    "jwt": _of_token,
    "key": _of_key,
    "header": _of_headers,
}


def _scope(names: Sequence[str]) -> Scope:
    return (_kept_scope if sum(map(len, names)) <= _MAX_KEPT_CHARS else scope_of)(tuple(names))


_kept_scope = lru_cache(maxsize=4096)(scope_of)
