"""Who may pass: callers that are refused, headers that nobody vouches for, and what access rules leave of a request's ways."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from extproc.config import compile_config, parse
from extproc.dialects import Refusal
from extproc.identity import ANYBODY, Caller
from extproc.pipeline import Head, Pass, Pipeline, Release, Reply
from extproc.scope import parse as scope_of
from extproc.testing import FixedScorer, ManualClock
from extproc.usage import Ticket

CHAT = "/v1/chat/completions"
POLICY = compile_config(
    parse("""
backends:
  local: {url: "http://127.0.0.1:1", model: local-model, tier: simple, location: on_prem}
  mid: {url: "http://127.0.0.1:2", model: mid-model, tier: standard}
  big: {url: "http://127.0.0.1:3", model: big-model, tier: complex, aliases: [best]}
  vectors: {url: "http://127.0.0.1:1", model: vector-model, tier: simple, apis: [embeddings], location: on_prem}
models: {pass_through: [big-model, best], routed: [auto, "gpt-*"]}
listener: {other_paths: mid}
residency: {rules: {files: {kinds: ["unread:other_path"], action: allow}}}
identity: {headers: {organisation: x-org}, trusted_peers: ["spiffe://acme/front"]}
access:
  guests: {scope: guests, tiers: [simple], models: [auto], other_paths: true}
  interns: {scope: "acme/*/interns", deny_backends: [big], deny_models: ["gpt-5*"]}
  retail: {scope: acme/retail, deny_models: ["mid-*"], other_paths: true}
  nobody: {scope: nobody, backends: []}
  strict: {scope: strict, models: ["*"]}
""")
)


def pipeline(score: float = 0.5) -> Pipeline:
    return Pipeline(POLICY, FixedScorer(score), ManualClock())


def head(scope: str = "default", path: str = CHAT, method: str = "POST", **headers: str) -> Head:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(method, path, named, has_body=method == "POST", who=Caller(scope_of(scope), "key", "key-0123456789ab"))


def decided(scope: str, model: str = "auto", path: str = CHAT, score: float = 0.5) -> Release | Reply:
    answer = pipeline(score).decide(head(scope, path), json.dumps({"model": model, "messages": [], "input": "x"}).encode())
    assert isinstance(answer, Release | Reply)
    return answer


def ticket_of(answer: Release | Reply) -> Ticket:
    ticket = Ticket.decode(str(answer.metadata["ticket"]))
    assert ticket is not None
    return ticket


# ---- who ----

REFUSED = Caller(("acme", "", "", "", ""), "key", "key-0123456789ab", Refusal(401, "expired_key", "The API key has expired."))


@pytest.mark.parametrize(
    ("method", "path", "api", "is_anthropic"),
    [
        ("POST", CHAT, "chat", False),
        ("POST", "/v1/messages", "messages", True),
        ("GET", "/v1/models", "", True),
        ("POST", "/v1/files", "", False),
        ("POST", "/v1/messages/batches", "", True),
        ("GET", "/", "", False),
    ],
)
def test_who_is_refused_is_refused_at_the_headers_on_every_path(method: str, path: str, api: str, is_anthropic: bool) -> None:
    headers = {"anthropic_version": "2023-06-01"} if is_anthropic else {}
    answer = pipeline().greet(replace(head(path=path, method=method, **headers), who=REFUSED))
    assert isinstance(answer, Reply)
    assert answer.status == 401
    assert ("request_id" in json.loads(answer.body)) is is_anthropic
    ticket = ticket_of(answer)
    assert (ticket.kind, ticket.refusal, ticket.api) == ("refused", "expired_key", api)
    assert (ticket.scope, ticket.source, ticket.caller) == ("acme", "key", "key-0123456789ab")


def test_the_ticket_says_who_asks() -> None:
    ticket = ticket_of(decided("acme/-/search"))
    assert (ticket.scope, ticket.source, ticket.caller) == ("acme/-/search", "key", "key-0123456789ab")


@pytest.mark.parametrize(("peer", "removed"), [("spiffe://acme/front", ()), ("spiffe://acme/other", ("x-org",)), ("", ("x-org",))])
def test_identity_headers_of_others_than_trusted_peers_go_no_further(peer: str, removed: tuple[str, ...]) -> None:
    asked = replace(head(x_org="acme", x_other="1", x_tiermesh_chain="big"), peer=peer)
    assert pipeline().greet(asked) == Pass(("x-tiermesh-chain", *removed))


# ---- what they may reach ----


@pytest.mark.parametrize(
    ("scope", "score", "chain", "dropped"),
    [
        ("default", 0.5, "mid+big+local", ()),
        ("guests", 0.5, "local", ("mid!access:guests", "big!access:guests")),
        ("guests/all/of/them", 0.9, "local", ("big!access:guests", "mid!access:guests")),
        ("acme/finance/interns", 0.9, "mid+local", ("big!access:interns",)),
        ("acme/finance/staff", 0.9, "big+mid+local", ()),
        ("acme/retail/interns/app", 0.5, "local", ("mid!access:retail", "big!access:interns")),
        ("acme/retail", 0.5, "big+local", ("mid!access:retail",)),
    ],
)
def test_every_rule_that_matches_the_scope_takes_backends_out_of_every_chain(
    scope: str, score: float, chain: str, dropped: tuple[str, ...]
) -> None:
    ticket = ticket_of(decided(scope, score=score))
    assert "+".join(ticket.chain) == chain
    assert tuple(reason for reason in ticket.reasons if "!" in reason) == dropped


@pytest.mark.parametrize(
    ("scope", "model", "path", "rule"),
    [
        ("guests", "gpt-4o", CHAT, "guests"),
        ("guests", "big-model", CHAT, "guests"),
        ("guests", "no-such-model", "/v1/messages", "guests"),
        ("acme/x/interns", "gpt-5.1", CHAT, "interns"),
        ("acme/x/interns", "best", "/v1/messages", "interns"),
        ("acme/retail", "mid-model", CHAT, "retail"),
        ("nobody", "auto", CHAT, "nobody"),
        ("nobody", "vector-model", "/v1/embeddings", "nobody"),
    ],
)
def test_what_a_scope_may_not_reach_is_refused_and_the_rule_named(scope: str, model: str, path: str, rule: str) -> None:
    answer = decided(scope, model, path)
    assert isinstance(answer, Reply)
    assert answer.status == 403
    assert f"`{rule}`" in json.loads(answer.body)["error"]["message"]
    assert (ticket_of(answer).refusal, ticket_of(answer).asked_model) == ("access_denied", model)


def test_access_is_not_blamed_for_what_nobody_could_answer() -> None:
    answer = pipeline().decide(head("acme/x/interns"), json.dumps({"model": "auto", "messages": [], "max_tokens": 10**6}).encode())
    assert isinstance(answer, Reply)
    assert ticket_of(answer).refusal == "context_length_exceeded"


@pytest.mark.parametrize(
    ("scope", "rule"),
    [
        ("default", ""),
        ("acme/x", ""),
        ("guests", "guests"),  # the backend behind other paths is not theirs
        ("acme/x/interns", "interns"),  # a restriction of models cannot be seen to there
        ("acme/retail", "retail"),
        ("nobody", "nobody"),
        ("strict", "strict"),
    ],
)
def test_other_paths_are_open_to_whom_they_are_not_a_way_around(scope: str, rule: str) -> None:
    answer = pipeline().greet(head(scope, "/v1/batches"))
    if not rule:
        assert answer == Pass(is_last=True)
        return
    assert isinstance(answer, Reply)
    assert answer.status == 403
    assert f"`{rule}`" in answer.body.decode()


def test_models_are_listed_as_far_as_they_may_be_asked_for() -> None:
    def listed(scope: str) -> list[str]:
        answer = pipeline().greet(head(scope, "/v1/models", "GET"))
        assert isinstance(answer, Reply)
        return [model["id"] for model in json.loads(answer.body)["data"]]

    assert listed("default") == list(POLICY.listed)
    assert listed("guests") == ["auto"]
    assert "mid-model" not in listed("acme/retail")
    found = pipeline().greet(head("guests", "/v1/models/big-model", "GET"))
    assert isinstance(found, Reply)
    assert found.status == 404


def test_anybody_is_the_default_scope() -> None:
    assert Head("POST", CHAT, {}, has_body=True).who == ANYBODY
