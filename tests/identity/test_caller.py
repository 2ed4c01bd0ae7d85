"""Who a caller is, from what Envoy vouches for, as tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import compile_config, parse
from extproc.config.compiled_identity import Identity
from extproc.identity import ANYBODY, Caller, Evidence, credential_name, identify, key_digest, unbelieved
from extproc.scope import LEVELS, text_of

BACKENDS = "backends: {local: {url: http://127.0.0.1:8000, model: m, tier: simple, location: on_prem}}\n"
MESH = 'mesh: {pattern: "spiffe://{trust}/ns/{department}/sa/{app}", organisation: acme}'
XFCC = MESH.replace("{pattern", "{from: xfcc, pattern")
JWT = "jwt: {claims: {organisation: org, team: realm.team, user: sub}}"
KEY = "sk-of-the-bot"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
KEYS = f'keys: [{{sha256: {DIGEST}, scope: acme/retail/search/bot, expires: "2027-03-31", name: nightly}}]'
HEADERS = "headers: {organisation: x-org, department: x-department, team: x-team, app: x-app, user: x-user}"
FRONT = "spiffe://acme.example/ns/edge/sa/front"
TRUSTED = f"trusted_peers: ['{FRONT}', 'spiffe://acme.example/ns/mesh/*']"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
LAST_SECOND = 1_806_537_599  # of 2027-03-31, UTC


def identity(*sections: str, **settings: Any) -> Identity:
    lines = [*sections, *(f"{name}: {value}" for name, value in settings.items())]
    return compile_config(parse(BACKENDS + "identity:\n" + "".join(f"  {line}\n" for line in lines))).identity


def shown(
    headers: Mapping[str, str] | None = None, peer: str = "", claims: Mapping[str, object] | None = None, *, now_s: float = 0
) -> Evidence:
    headers = headers or {}
    return Evidence(headers, peer, claims, key_digest=key_digest(headers), now_s=now_s)


def who(found: Caller) -> tuple[str, str]:
    assert found.refusal is None
    return text_of(found.scope), found.source


# ---- each source alone ----


@pytest.mark.parametrize(
    ("peer", "scope"),
    [
        ("spiffe://acme.example/ns/retail/sa/indexer", "acme/retail/-/indexer"),
        ("spiffe://other.example/ns/retail/sa/indexer", "acme/retail/-/indexer"),
        ("spiffe://acme.example/ns/retail/sa/caf%C3%A9", "acme/retail/-/caf%25C3%25A9"),
        ("spiffe://acme.example/ns/retail/sa/indexer/", "default"),
        ("spiffe://acme.example/ns/retail/sa/", "default"),
        ("spiffe://acme.example/ns//sa/indexer", "default"),
        ("spiffe:///ns/retail/sa/indexer", "default"),
        ("spiffe://acme.example/NS/retail/sa/indexer", "default"),
        ("https://acme.example/ns/retail/sa/indexer", "default"),
        ("spiffe://acme.example/ns/retail", "default"),
        ("", "default"),
    ],
)
def test_a_workload_is_known_by_the_shape_of_its_id(peer: str, scope: str) -> None:
    found = identify(identity(MESH), shown(peer=peer))
    assert who(found) == (scope, "default" if scope == "default" else "mesh")


@pytest.mark.parametrize(
    ("header", "peer", "scope"),
    [
        ("URI=spiffe://t/ns/retail/sa/a", FRONT, "acme/retail/-/a"),
        ("URI=spiffe://t/ns/forged/sa/f,URI=spiffe://t/ns/retail/sa/a", FRONT, "acme/retail/-/a"),
        ("URI=https://t;URI=spiffe://t/ns/retail/sa/a", FRONT, "acme/retail/-/a"),
        ("URI=spiffe://t/ns/retail/sa/a", "spiffe://acme.example/ns/mesh/sa/any", "acme/retail/-/a"),
        ("URI=spiffe://t/ns/retail/sa/a", "spiffe://acme.example/ns/retail/sa/a", "default"),
        ("URI=spiffe://t/ns/retail/sa/a", "", "default"),
        ("nonsense", FRONT, "default"),
    ],
)
def test_what_a_proxy_saw_is_believed_from_trusted_peers_alone(header: str, peer: str, scope: str) -> None:
    found = identify(identity(XFCC, TRUSTED), shown({"x-forwarded-client-cert": header}, peer))
    assert text_of(found.scope) == scope


def test_beside_a_sidecar_every_peer_is_the_sidecar() -> None:
    asked = identity(XFCC, "trusted_peers: [any]")
    assert not asked.reads_peer
    assert text_of(identify(asked, shown({"x-forwarded-client-cert": "URI=spiffe://t/ns/retail/sa/a"})).scope) == "acme/retail/-/a"


def test_an_earlier_element_counts_where_it_is_asked_for() -> None:
    asked = identity(XFCC.replace("from: xfcc", "from: xfcc, hops: 2"), "trusted_peers: [any]")
    header = "URI=spiffe://t/ns/retail/sa/a,URI=spiffe://t/ns/edge/sa/front"
    assert text_of(identify(asked, shown({"x-forwarded-client-cert": header})).scope) == "acme/retail/-/a"


@pytest.mark.parametrize(
    ("claims", "scope"),
    [
        ({"org": "acme", "realm": {"team": "search"}, "sub": "alice@acme.example"}, "acme/-/search/-/alice@acme.example"),
        ({"org": "acme", "realm.team": "dotted", "realm": {"team": "search"}}, "acme/-/dotted"),
        ({"org": "acme", "realm": "search"}, "acme"),
        ({"org": ["acme"], "sub": 42.0}, "acme/-/-/-/42"),
        ({"org": ["acme", "evil"], "sub": "x"}, "-/-/-/-/x"),
        ({"org": "acme", "sub": 1.5}, "acme"),
        ({"org": "acme", "sub": True}, "acme"),
        ({"org": "acme", "sub": None}, "acme"),
        ({"org": "acme/../other", "sub": "a b"}, "acme%2F..%2Fother/-/-/-/a%20b"),
        ({"org": "caf\u00e9"}, "caf%C3%A9"),
        ({"org": "*"}, "%2A"),
        ({"org": "-"}, "%2D"),
        ({"org": ""}, "default"),
        ({}, "default"),
    ],
)
def test_claims_name_levels(claims: dict[str, object], scope: str) -> None:
    assert text_of(identify(identity(JWT), shown(claims=claims)).scope) == scope


def test_whoever_has_a_token_of_the_issuer_is_known_by_what_is_fixed() -> None:
    asked = identity("jwt: {claims: {user: sub}, organisation: acme}")
    assert who(identify(asked, shown(claims={}))) == ("acme", "jwt")
    assert who(identify(asked, shown())) == ("default", "default")


@pytest.mark.parametrize(
    ("headers", "scope"),
    [
        ({"x-api-key": KEY}, "acme/retail/search/bot"),
        ({"authorization": f"Bearer {KEY}"}, "acme/retail/search/bot"),
        ({"authorization": f"bearer  {KEY}"}, "acme/retail/search/bot"),
        ({"authorization": KEY}, "acme/retail/search/bot"),
        ({"x-api-key": KEY, "authorization": "Bearer other"}, "acme/retail/search/bot"),
        ({"x-api-key": "other", "authorization": f"Bearer {KEY}"}, "default"),
        ({"authorization": f"Basic {KEY}"}, "default"),
        ({"authorization": f"Bearer {KEY}x"}, "default"),
        ({}, "default"),
    ],
)
def test_a_key_is_known_by_its_digest(headers: dict[str, str], scope: str) -> None:
    assert text_of(identify(identity(KEYS), shown(headers)).scope) == scope


def test_a_scope_that_is_written_in_the_configuration_is_not_encoded_again() -> None:
    asked = identity(KEYS.replace("acme/retail", "caf%C3%A9/retail"))
    assert text_of(identify(asked, shown({"x-api-key": KEY})).scope) == "caf%C3%A9/retail/search/bot"


@pytest.mark.parametrize(
    ("headers", "peer", "scope"),
    [
        ({"x-org": "acme", "x-team": " search ", "x-user": "alice"}, FRONT, "acme/-/search/-/alice"),
        ({"x-org": "acme", "x-user": "caf\u00c3\u00a9"}, FRONT, "acme/-/-/-/caf%C3%A9"),
        ({"x-org": "acme"}, "", "default"),
        ({"x-org": "acme"}, "spiffe://acme.example/ns/retail/sa/front", "default"),
        # Twice: the caller's own and the proxy's.
        ({"x-org": "acme,evil"}, FRONT, "default"),
        ({"x-org": "acme", "x-user": "alice,bob"}, FRONT, "default"),
        ({"x-org": ""}, FRONT, "default"),
        ({}, FRONT, "default"),
    ],
)
def test_headers_are_believed_from_trusted_peers_alone(headers: dict[str, str], peer: str, scope: str) -> None:
    assert text_of(identify(identity(HEADERS, TRUSTED), shown(headers, peer)).scope) == scope


def test_a_name_is_the_same_from_every_source() -> None:
    from_header = identify(identity("headers: {user: x-user}", "trusted_peers: [any]"), shown({"x-user": "caf\u00c3\u00a9 1"}))
    from_claim = identify(identity("jwt: {claims: {user: sub}}"), shown(claims={"sub": "caf\u00e9 1"}))
    assert from_header.scope == from_claim.scope


# ---- several sources ----

ALL = (MESH, JWT, KEYS, HEADERS, "trusted_peers: [any]")
PEER = "spiffe://acme.example/ns/retail/sa/indexer"


@pytest.mark.parametrize(
    ("claims", "headers", "scope", "source"),
    [
        ({"org": "acme", "sub": "alice"}, {}, "acme/retail/-/indexer/alice", "mesh"),
        ({"sub": "alice", "realm": {"team": "search"}}, {}, "acme/retail/search/indexer/alice", "mesh"),
        ({"org": "evil", "sub": "alice"}, {}, "acme/retail/-/indexer", "mesh"),
        ({"sub": "alice"}, {"x-user": "bob", "x-team": "search"}, "acme/retail/search/indexer/alice", "mesh"),
        # A team of another department is no team of this one; its user may use this app.
        (None, {"x-department": "finance", "x-team": "ledger", "x-user": "bob"}, "acme/retail/-/indexer/bob", "mesh"),
        (None, {"x-api-key": KEY}, "acme/retail/search/indexer", "mesh"),
        (None, {"x-org": "evil", "x-team": "search"}, "acme/retail/-/indexer", "mesh"),
    ],
)
def test_later_sources_fill_in_and_never_move_a_caller(
    claims: dict[str, object] | None, headers: dict[str, str], scope: str, source: str
) -> None:
    found = identify(identity(*ALL), shown(headers, PEER, claims))
    assert who(found) == (scope, source)


def test_without_filling_the_first_source_that_knows_the_caller_says_all() -> None:
    found = identify(identity(*ALL, fill="false"), shown({"x-user": "bob"}, PEER, {"sub": "alice"}))
    assert who(found) == ("acme/retail/-/indexer", "mesh")
    found = identify(identity(*ALL, fill="false"), shown({"x-user": "bob"}, "", {"sub": "alice"}))
    assert who(found) == ("-/-/-/-/alice", "jwt")


def test_the_order_is_the_configured_one() -> None:
    evidence = shown({"x-api-key": KEY, "x-org": "acme", "x-team": "headers"}, PEER, {"org": "acme", "realm": {"team": "claims"}})
    assert text_of(identify(identity(*ALL, sources="[header, jwt]"), evidence).scope) == "acme/-/headers"
    assert text_of(identify(identity(*ALL, sources="[jwt, header]"), evidence).scope) == "acme/-/claims"


def test_the_source_on_the_record_is_what_named_the_outermost_level() -> None:
    asked = identity("jwt: {claims: {user: sub}}", KEYS)
    assert who(identify(asked, shown({"x-api-key": KEY}, claims={"sub": "alice"}))) == ("acme/retail/search/bot/alice", "key")
    assert who(identify(asked, shown(claims={"sub": "alice"}))) == ("-/-/-/-/alice", "jwt")


def test_an_organisation_for_all_who_are_known_but_belong_to_none() -> None:
    asked = identity("jwt: {claims: {user: sub, organisation: org}}", organisation="Acme GmbH")
    assert who(identify(asked, shown(claims={"sub": "alice"}))) == ("Acme%20GmbH/-/-/-/alice", "jwt")
    assert who(identify(asked, shown(claims={"sub": "alice", "org": "other"}))) == ("other/-/-/-/alice", "jwt")
    assert who(identify(asked, shown())) == ("default", "default")


# ---- the unknown, and what is not good ----


def test_without_any_identity_everybody_is_one_caller() -> None:
    assert identify(Identity(), shown()) == ANYBODY
    assert identify(Identity(), shown({"x-api-key": KEY, "x-org": "acme"}, PEER, {"org": "acme"})).scope == ANYBODY.scope


@pytest.mark.parametrize(("unknown", "scope"), [("default", "default"), ("guests/lobby", "guests/lobby")])
def test_an_unknown_caller_has_a_scope(unknown: str, scope: str) -> None:
    assert who(identify(identity(KEYS, unknown=unknown), shown({"x-api-key": "other"}))) == (scope, "default")


def test_an_unknown_caller_is_refused_where_that_is_said() -> None:
    found = identify(identity(KEYS, unknown="refuse"), shown({"x-api-key": "other"}))
    assert found.refusal is not None
    assert (found.refusal.status, found.refusal.code) == (401, "unknown_caller")
    assert (found.scope, found.source) == (("", "", "", "", ""), "")
    assert found.credential == credential_name(hashlib.sha256(b"other").hexdigest())


@pytest.mark.parametrize("unknown", ["refuse", "default"])
def test_a_token_that_was_not_accepted_is_refused_whoever_else_knows_the_caller(unknown: str) -> None:
    evidence = Evidence({"authorization": f"Bearer {TOKEN}"}, PEER, None, "Jwt is expired")
    found = identify(identity(MESH, JWT, unknown=unknown), evidence)
    assert found.refusal is not None
    assert (found.refusal.status, found.refusal.code) == (401, "invalid_token")
    assert "Jwt is expired" in found.refusal.message
    assert TOKEN not in found.refusal.message


@pytest.mark.parametrize("value", ["Bearer sk-key", "Bearer a.b.c", "Bearer eyJ", "Basic eyJh.b", "", "Bearer eyJ.a.b.c.d"])
def test_a_key_is_not_taken_for_a_token(value: str) -> None:
    assert identify(identity(JWT, KEYS), Evidence({"authorization": value}, "", None, "Jwt is not in the form")).refusal is None


@pytest.mark.parametrize(("now_s", "is_good"), [(0, True), (LAST_SECOND, True), (LAST_SECOND + 1, False), (2**40, False)])
def test_a_key_is_good_to_the_end_of_its_last_day(now_s: float, is_good: bool) -> None:
    found = identify(identity(MESH, KEYS), shown({"x-api-key": KEY}, PEER, now_s=now_s))
    assert (found.refusal is None) is is_good
    if found.refusal:
        assert (found.refusal.status, found.refusal.code) == (401, "expired_key")
        assert "nightly" in found.refusal.message
        assert found.source == "mesh", "the record still says whose it is"


def test_a_key_that_is_no_source_is_not_looked_at() -> None:
    found = identify(identity(MESH, KEYS, sources="[mesh]"), shown({"x-api-key": KEY}, PEER, now_s=2**40))
    assert who(found) == ("acme/retail/-/indexer", "mesh")


# ---- headers that are taken off, names that are made safe ----


@pytest.mark.parametrize(
    ("sections", "peer", "taken"),
    [
        ((HEADERS, TRUSTED), "", ("x-org", "x-user")),
        ((HEADERS, TRUSTED), "spiffe://acme.example/ns/retail/sa/a", ("x-org", "x-user")),
        ((HEADERS, TRUSTED), FRONT, ()),
        ((HEADERS, "trusted_peers: [any]"), "", ()),
        ((XFCC, TRUSTED), "", ("x-forwarded-client-cert",)),
        ((MESH,), "", ()),
        ((MESH, HEADERS, TRUSTED, "sources: [mesh]"), "", ("x-org", "x-user")),
    ],
)
def test_headers_of_peers_who_may_not_speak_for_others_are_taken_off(sections: tuple[str, ...], peer: str, taken: tuple[str, ...]) -> None:
    headers = {"x-org": "acme", "x-user": "alice", "x-forwarded-client-cert": "URI=x", "content-type": "application/json"}
    assert unbelieved(identity(*sections), headers, peer) == taken


def test_the_credential_of_a_record_begins_as_the_digest_in_the_configuration() -> None:
    assert identify(Identity(), shown({"x-api-key": KEY})).credential == f"key-{DIGEST[:12]}"
    assert identify(Identity(), shown()).credential == "anonymous"


_texts = st.text(max_size=90)
_claims = st.recursive(
    st.none() | st.booleans() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["org", "realm", "team", "sub"]), inner, max_size=3),
    max_leaves=8,
)
_headers = st.dictionaries(
    st.sampled_from(["x-org", "x-team", "x-user", "x-api-key", "authorization", "x-forwarded-client-cert"]),
    st.text(st.characters(max_codepoint=255), max_size=60),
)


@given(_headers, st.text(max_size=40) | st.just(PEER), st.none() | st.dictionaries(st.sampled_from(["org", "realm", "sub"]), _claims))
def test_whatever_is_shown_somebody_is_made_of_it_whose_names_are_safe(
    headers: dict[str, str], peer: str, claims: dict[str, object] | None
) -> None:
    found = identify(EVERYTHING, shown(headers, peer, claims))
    assert len(found.scope) == len(LEVELS)
    for name in found.scope:
        assert len(name) <= 64
        assert not set(name) & set("/*{}|, \n")
    if peer == PEER:
        assert found.scope[:2] == ("acme", "retail"), "nothing moves a workload"


EVERYTHING = identity(*ALL, unknown="refuse")
