"""The choice under access rules: what a caller may not reach is never chosen, and is named where it is the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Api, Capability, compile_config, parse
from extproc.dialects import Refusal
from extproc.routing import Decision, choose, denied
from extproc.routing.fit import Demand, fitting, misfit

POLICY = compile_config(
    parse("""
backends:
  local: {tier: simple, url: "http://127.0.0.1:8000", model: qwen, location: on_prem, context_tokens: 8000, capabilities: [tools]}
  mid: {tier: standard, url: https://mid.example, model: gpt-mini, apis: [chat], context_tokens: 100000}
  top: {tier: complex, url: https://top.example, model: opus, context_tokens: 200000, capabilities: [tools, images]}
  vectors: {tier: simple, url: "http://127.0.0.1:8001", model: bge, apis: [embeddings], location: on_prem}
models: {pass_through: [opus], routed: [auto]}
""")
)


def demand(api: Api = Api.CHAT, *needs: Capability, **forbidden: str) -> Demand:
    return Demand(api, frozenset(needs), 100, None, forbidden)


@pytest.mark.parametrize(
    ("asked", "score", "chain"),
    [
        (demand(top="a"), 1.0, "mid+local"),
        (demand(top="a", mid="b"), 1.0, "local"),
        (demand(local="a"), 0.1, "mid+top"),
        (demand(Api.MESSAGES, top="a"), 0.5, "local"),
    ],
)
def test_what_may_not_be_reached_is_in_no_chain(asked: Demand, score: float, chain: str) -> None:
    decision = choose(POLICY, "auto", asked, score)
    assert isinstance(decision, Decision)
    assert "+".join(backend.name for backend in decision.chain) == chain


@pytest.mark.parametrize(
    ("model", "asked", "code", "rules"),
    [
        ("auto", demand(local="a", mid="b", top="a"), "access_denied", "`a` and `b`"),
        ("opus", demand(top="only"), "access_denied", "`only`"),
        ("bge", demand(Api.EMBEDDINGS, vectors="only"), "access_denied", "`only`"),
        # The one that could is out of reach: that is the reason, whatever the others lack.
        ("auto", demand(Api.CHAT, Capability.IMAGES, top="a"), "access_denied", "`a`"),
        # Nobody could, in reach or not.
        ("auto", demand(Api.CHAT, Capability.AUDIO, top="a"), "unsupported_request", ""),
        ("nobody", demand(local="a", mid="a", top="a"), "model_not_found", ""),
    ],
)
def test_access_is_named_where_it_is_the_reason_and_only_there(model: str, asked: Demand, code: str, rules: str) -> None:
    refusal = choose(POLICY, model, asked, 0.5)
    assert isinstance(refusal, Refusal)
    assert (refusal.status == 403) is (code == "access_denied")
    assert refusal.code == code
    assert rules in refusal.message


def test_a_rule_is_named_once() -> None:
    assert denied(["b", "a", "b"]).message == "Access is denied by `a` and `b`."


def test_the_word_on_the_record_names_backend_and_rule() -> None:
    assert fitting(POLICY.tiers[0].chain, demand(mid="interns"))[1] == ("mid!access:interns",)


@given(
    needs=st.frozensets(st.sampled_from(Capability)),
    prompt=st.integers(0, 250_000),
    score=st.floats(0, 1),
    forbidden=st.dictionaries(st.sampled_from(list(POLICY.backends)), st.sampled_from(["one", "two"])),
)
def test_a_choice_with_rules_is_the_choice_without_what_they_forbid(
    needs: frozenset[Capability], prompt: int, score: float, forbidden: dict[str, str]
) -> None:
    free, bound = Demand(Api.CHAT, needs, prompt, None), Demand(Api.CHAT, needs, prompt, None, forbidden)
    able = {backend.name for backend in POLICY.backends.values() if not misfit(backend, free)}
    decision = choose(POLICY, "auto", bound, score)
    if isinstance(decision, Decision):
        assert {backend.name for backend in decision.chain} <= able - forbidden.keys()
    else:
        assert not able - forbidden.keys()
        assert (decision.status == 403) is bool(able)
