"""The choice, as tables: what a request needs and scores, and which backends are tried in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Api, Capability, compile_config, parse
from extproc.dialects import Refusal
from extproc.routing import Decision, Kind, choose, per_try_timeout_ms
from extproc.routing.fit import Demand, misfit

POLICY = compile_config(
    parse("""
backends:
  local:
    {tier: simple, url: "http://127.0.0.1:8000", model: qwen, location: on_prem, context_tokens: 8000, capabilities: [tools]}
  mid:
    tier: standard
    url: https://mid.example
    model: gpt-mini
    apis: [chat, responses]
    context_tokens: 100000
    capabilities: [tools, json_schema, images]
  frontier:
    tier: complex
    url: https://top.example
    model: opus
    aliases: [best]
    context_tokens: 200000
    capabilities: [tools, json_schema, images, files]
  vectors:
    {tier: simple, url: "http://127.0.0.1:8001", model: bge, aliases: [embed-small], apis: [embeddings], location: on_prem}
models: {pass_through: ["opus", "best"], routed: ["gpt-*", "auto"]}
""")
)


def demand(api: Api = Api.CHAT, *needs: Capability, prompt: int = 100, answer: int | None = None) -> Demand:
    return Demand(api, frozenset(needs), prompt, answer)


@pytest.mark.parametrize(
    ("asked", "score", "chain", "tier"),
    [
        (demand(), 0.0, "local+mid+frontier", "simple"),
        (demand(), 0.35, "local+mid+frontier", "simple"),
        (demand(), 0.36, "mid+frontier+local", "standard"),
        (demand(), 0.71, "frontier+mid+local", "complex"),
        (demand(), 1.0, "frontier+mid+local", "complex"),
        (demand(Api.MESSAGES), 0.5, "frontier+local", "complex"),
        (demand(Api.CHAT, Capability.IMAGES), 0.1, "mid+frontier", "standard"),
        (demand(Api.CHAT, Capability.FILES), 0.1, "frontier", "complex"),
        (demand(prompt=7_000, answer=2_000), 0.1, "mid+frontier", "standard"),
        (demand(prompt=150_000), 0.1, "frontier", "complex"),
    ],
)
def test_the_cheapest_tier_for_the_score_is_tried_first_and_only_backends_that_can_answer_are_in_the_chain(
    asked: Demand, score: float, chain: str, tier: str
) -> None:
    decision = choose(POLICY, "gpt-4o", asked, score)
    assert isinstance(decision, Decision)
    assert "+".join(backend.name for backend in decision.chain) == chain
    assert (decision.kind, decision.tier) == (Kind.ROUTED, tier)


@pytest.mark.parametrize(
    ("model", "asked", "chain"),
    [
        ("opus", demand(), "frontier"),
        ("best", demand(), "frontier"),
        ("embed-small", demand(Api.EMBEDDINGS), "vectors"),
        ("bge", demand(Api.EMBEDDINGS), "vectors"),
    ],
)
def test_a_name_that_passes_through_goes_to_the_backend_that_has_it_whatever_the_score(model: str, asked: Demand, chain: str) -> None:
    decision = choose(POLICY, model, asked, 0.0)
    assert isinstance(decision, Decision)
    assert (decision.kind, [backend.name for backend in decision.chain]) == (Kind.PASSED, [chain])


@pytest.mark.parametrize(
    ("model", "asked", "status", "code"),
    [
        ("llama", demand(), 404, "model_not_found"),
        ("gpt-4o", demand(Api.EMBEDDINGS), 404, "model_not_found"),
        ("gpt-4o", demand(prompt=300_000), 400, "context_length_exceeded"),
        ("gpt-4o", demand(Api.CHAT, Capability.AUDIO), 400, "unsupported_request"),
        ("opus", demand(Api.CHAT, Capability.AUDIO), 400, "unsupported_request"),
    ],
)
def test_what_nobody_can_answer_is_refused_with_a_code_that_says_why(model: str, asked: Demand, status: int, code: str) -> None:
    refusal = choose(POLICY, model, asked, 0.5)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (status, code)
    assert "local" not in refusal.message, "backends' names are the operator's"


def test_reasons_name_every_backend_that_was_left_out() -> None:
    decision = choose(POLICY, "auto", demand(Api.CHAT, Capability.IMAGES, prompt=9_000), 0.2)
    assert isinstance(decision, Decision)
    assert decision.reasons[0] == "score<=0.35"
    assert "local!needs:images" in decision.reasons


def test_a_stream_may_take_less_time_to_its_first_byte_than_a_whole_answer() -> None:
    chain = tuple(POLICY.tiers[0].chain)
    assert per_try_timeout_ms(chain, is_stream=True) < per_try_timeout_ms(chain, is_stream=False)


@given(
    api=st.sampled_from([api for api in Api if api is not Api.EMBEDDINGS]),
    needs=st.frozensets(st.sampled_from(Capability)),
    prompt=st.integers(0, 400_000),
    answer=st.none() | st.integers(1, 100_000),
    score=st.floats(0, 1),
)
def test_a_chain_never_holds_a_backend_that_cannot_answer_and_keeps_its_order(
    api: Api, needs: frozenset[Capability], prompt: int, answer: int | None, score: float
) -> None:
    asked = Demand(api, needs, prompt, answer)
    decision = choose(POLICY, "auto", asked, score)
    able = [backend for backend in POLICY.backends.values() if not misfit(backend, asked)]
    if isinstance(decision, Refusal):
        assert not able
        return
    assert decision.chain
    assert all(not misfit(backend, asked) for backend in decision.chain)
    orders = [tuple(backend.name for backend in tier.chain) for tier in POLICY.tiers]
    names = tuple(backend.name for backend in decision.chain)
    assert any(names == tuple(name for name in order if name in names) for order in orders), "Envoy has a chain for every subsequence only"
