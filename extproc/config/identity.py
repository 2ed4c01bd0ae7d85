"""Who sends a request, and what each may reach, as an operator writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from extproc.config import spelling
from extproc.config.section import ModelName, Name, Section

Level = Literal["organisation", "department", "team", "app", "user"]
Source = Literal["mesh", "jwt", "key", "header"]
IdentityHeader = Annotated[str, AfterValidator(spelling.identity_header)]
ScopePattern = Annotated[str, AfterValidator(spelling.scope_pattern)]
ScopeText = Annotated[str, AfterValidator(spelling.scope)]
Text = Annotated[str, Field(min_length=1, max_length=512)]
FixedName = Annotated[str, Field(max_length=128)]

ANY_PEER = "any"


class _Fixed(Section):
    # Names that hold for everybody a source knows, for the levels that it cannot tell.
    organisation: FixedName = Field("", description="Organisation of every caller that this source knows.")
    department: FixedName = Field("", description="Department of every caller that this source knows.")
    team: FixedName = Field("", description="Team of every caller that this source knows.")
    app: FixedName = Field("", description="App of every caller that this source knows.")
    user: FixedName = Field("", description="User of every caller that this source knows.")


class Mesh(_Fixed):
    """The workload's SPIFFE ID, from the certificate that it showed."""

    from_: Literal["peer", "xfcc"] = Field(
        "peer",
        alias="from",
        description=(
            "`peer`: the certificate of whoever is connected to Envoy. `xfcc`: what a trusted proxy wrote into `x-forwarded-client-cert`."
        ),
    )
    pattern: Annotated[str, AfterValidator(spelling.workload_pattern)] = Field(
        description=(
            "Which part of the ID is which level, such as `spiffe://{trust}/ns/{department}/sa/{app}`. Each part between slashes is a "
            "level in braces, text that must be there, or `*` for any; `{trust}` is any too. An ID of another shape is unknown."
        )
    )
    hops: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="With `xfcc`: which element counts, from the end. 1 is what the nearest proxy saw itself."
    )


class Jwt(_Fixed):
    """Claims of a token that Envoy has verified (`envoy.filters.http.jwt_authn`)."""

    claims: dict[Level, Text] = Field(
        default_factory=dict, description="Which claim names which level. A dot leads into an inner object: `realm.team`."
    )
    header: Annotated[str, AfterValidator(spelling.token_header)] = Field(
        "authorization", description="Header that carries the token; `authorization` with `Bearer `, others bare."
    )
    metadata_key: Text = Field("payload", description="`payload_in_metadata` of the filter. Istio's is `payload` too.")
    issuer: Annotated[str, Field(max_length=512)] = Field(
        "", description="`iss` that a token must have; needed where the keys are named here."
    )
    audiences: tuple[Text, ...] = Field((), description="`aud` that a token must have one of. Default: any.")
    jwks_file: str = Field("", max_length=4096, description="File with the issuer's public keys (JWKS), which Envoy reads as it starts.")
    jwks_url: Annotated[str, AfterValidator(spelling.receiver_url)] = Field(
        "", description="Address of the issuer's public keys, which Envoy fetches. Neither file nor address: another filter verifies."
    )
    ca_file: str = Field(
        "/etc/ssl/certs/ca-certificates.crt", min_length=1, description="Certificate authorities that `jwks_url` is checked against."
    )


class Key(Section):
    """An API key, by its digest alone. `tiermesh key` makes both."""

    sha256: Annotated[str, AfterValidator(spelling.key_digest)] = Field(
        json_schema_extra={"pattern": spelling.KEY_DIGEST}, description="sha256 of the key, in hex. The key itself is never here."
    )
    scope: ScopeText = Field(description="Whose key it is: `organisation/department/team/app/user`, cut where you like, `-` for a gap.")
    expires: Annotated[str, AfterValidator(spelling.optional_date)] = Field(
        "", description='Last day it is good for (UTC), such as `"2027-03-31"`. Empty: no end.'
    )
    name: str = Field("", max_length=128, description="What people call it.")


class TrustedHeaders(Section):
    """Headers that name the caller, believed from `identity.trusted_peers` alone. A level without a header stays empty."""

    organisation: IdentityHeader = Field("", description="Header with the organisation.")
    department: IdentityHeader = Field("", description="Header with the department.")
    team: IdentityHeader = Field("", description="Header with the team.")
    app: IdentityHeader = Field("", description="Header with the app.")
    user: IdentityHeader = Field("", description="Header with the user.")


class Identity(Section):
    """Who sends a request. Without any of it, everybody is `default`."""

    sources: tuple[Source, ...] = Field(
        (), description="Where to look, in this order. Default: whatever is configured below, in the order mesh, jwt, key, header."
    )
    mesh: Mesh | None = Field(None, description="The mesh's workload identity.")
    jwt: Jwt | None = Field(None, description="Tokens.")
    keys: tuple[Key, ...] = Field((), max_length=4_000, description="API keys: of `x-api-key`, else of `authorization: Bearer`.")
    headers: TrustedHeaders | None = Field(None, description="Headers that a trusted proxy sets.")
    trusted_peers: tuple[Text, ...] = Field(
        (),
        description=(
            "Whose identity headers and `x-forwarded-client-cert` are believed: SPIFFE IDs of peer certificates, as shell globs. "
            "`any` believes everybody, which is right only where nobody but your proxy can connect."
        ),
    )
    fill: bool = Field(True, description="Whether later sources name the levels that earlier ones left empty. They never overwrite.")
    organisation: FixedName = Field("", description="Organisation of callers that are known but whose sources name none.")
    unknown: Annotated[str, AfterValidator(spelling.scope_or_refuse)] = Field(
        "default", description="Scope of callers that no source knows, or `refuse` to answer them 401."
    )


class Access(Section):
    """What a scope may reach. Every rule whose pattern matches the caller holds; what any of them denies is denied."""

    scope: ScopePattern = Field(description="Whom it is for: a scope and all below it, `*` for any name, such as `acme/*/interns`.")
    tiers: tuple[Name, ...] | None = Field(None, description="Tiers they may reach. Default: all.")
    backends: tuple[Name, ...] | None = Field(None, description="Backends they may reach. Default: all.")
    models: tuple[ModelName, ...] | None = Field(None, description="Names they may ask for, as shell globs. Default: all.")
    deny_tiers: tuple[Name, ...] = Field((), description="Tiers they may not reach.")
    deny_backends: tuple[Name, ...] = Field((), description="Backends they may not reach.")
    deny_models: tuple[ModelName, ...] = Field(
        (), description="Names they may not ask for, as shell globs; backends whose model has such a name do not answer them either."
    )
    other_paths: bool | None = Field(
        None,
        description="Whether they may use paths that are no LLM API, where no model is known. Default: unless the rule restricts models.",
    )


class Tls(Section):
    """TLS to the apps. Envoy reads the files again when they are replaced by renaming."""

    certificate_file: Text = Field(description="Envoy's certificate and what leads to its root, PEM.")
    key_file: Text = Field(description="Its private key, PEM.")
    client_ca_file: str = Field(
        "", max_length=4096, description="Authorities that apps' certificates are checked against. Empty: apps are asked for none."
    )
    require_client_certificate: bool = Field(
        True, description="With `client_ca_file`: whether apps without a certificate are turned away. Those with a bad one always are."
    )
