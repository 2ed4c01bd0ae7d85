"""The tables: default chains, the safe chain, exact prices, names, digests."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.config import Config, ConfigError, Policy, chain_name, compile_config

CHAT_ONLY = ["chat"]


def config(rows: str, **settings: Any) -> Config:
    """From rows like `local:simple:on_prem chat:simple:cloud vec:simple:on_prem:embeddings`."""
    backends = {}
    for index, row in enumerate(rows.split()):
        name, tier, location, *apis = row.split(":")
        backends[name] = {"url": f"http://127.0.0.1:{7000 + index}", "model": f"m-{name}", "tier": tier, "location": location}
        backends[name] |= {"apis": apis or CHAT_ONLY}
    return Config.model_validate({"backends": backends, **settings})


def chains(policy: Policy) -> dict[str, str]:
    return {tier.name: chain_name(tier.chain) for tier in policy.tiers}


CHAINS = {
    "one for each tier": (
        "a:simple:on_prem b:standard:on_prem c:complex:cloud",
        {"simple": "a+b+c", "standard": "b+c+a", "complex": "c+b+a"},
        "a+b",
    ),
    "the file's order within a tier": (
        "c2:complex:cloud a2:simple:on_prem a1:simple:on_prem c1:complex:cloud",
        {"simple": "a2+a1+c2+c1", "standard": "c2+c1+a2+a1", "complex": "c2+c1+a2+a1"},
        "a2+a1",
    ),
    "lower tiers nearest first": (
        "a:simple:cloud b:standard:cloud",
        {"simple": "a+b", "standard": "b+a", "complex": "b+a"},
        "",
    ),
    "four at most": (
        "a:simple:on_prem b:simple:on_prem c:standard:on_prem d:complex:on_prem e:complex:on_prem",
        {"simple": "a+b+c+d", "standard": "c+d+e+a", "complex": "d+e+c+a"},
        "a+b+c+d",
    ),
    "none that only embeds": (
        "vec:simple:on_prem:embeddings a:simple:cloud:chat:embeddings",
        {"simple": "a", "standard": "a", "complex": "a"},
        "vec",
    ),
    "unless all do": ("vec:simple:on_prem:embeddings", {"simple": "vec", "standard": "vec", "complex": "vec"}, "vec"),
    "one backend serves every tier": ("c:complex:cloud", {"simple": "c", "standard": "c", "complex": "c"}, ""),
}


@pytest.mark.parametrize(("rows", "expected", "safe"), CHAINS.values(), ids=CHAINS)
def test_default_chains_go_up_then_down_and_safe_ones_from_the_bottom(rows: str, expected: dict[str, str], safe: str) -> None:
    policy = compile_config(config(rows))
    assert chains(policy) == expected
    assert chain_name(policy.safe) == safe


def test_a_chain_that_is_written_is_kept() -> None:
    tiers = {"simple": {"up_to": 0.5, "chain": ["a", "c"]}, "complex": {"up_to": 0.8}}
    policy = compile_config(config("a:simple:on_prem b:simple:on_prem c:complex:cloud", tiers=tiers))
    assert chains(policy) == {"simple": "a+c", "complex": "c+a+b"}
    assert [tier.up_to for tier in policy.tiers] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("rows", "settings", "other_paths", "baseline"),
    [
        ("c:complex:cloud a:simple:on_prem", {}, "a", "c"),
        ("c:complex:cloud b:standard:cloud", {}, "c", "c"),
        ("c:complex:cloud a:simple:on_prem", {"listener": {"other_paths": "c"}, "baseline": "a"}, "c", "a"),
    ],
)
def test_other_paths_stay_on_premises_and_the_best_is_the_baseline(
    rows: str, settings: dict[str, Any], other_paths: str, baseline: str
) -> None:
    policy = compile_config(config(rows, **settings))
    assert (policy.other_paths.name, policy.baseline.name) == (other_paths, baseline)


def test_models_that_may_be_asked_for_are_listed_once() -> None:
    made = config("b:simple:on_prem a:simple:on_prem", models={"listed": ["auto", "m-a"]})
    assert compile_config(made).listed == ("auto", "m-a", "m-b")


def test_a_backend_carries_what_the_choice_needs() -> None:
    settings = {
        "url": "https://llm.example/openai/",
        "model": "big",
        "aliases": ["large"],
        "tier": "standard",
        "force": {"temperature": 0, "stop": ["\n", "é"], "x": {"y": None}},
    }
    backend = compile_config(Config.model_validate({"backends": {"big": settings}})).backends["big"]
    assert (backend.base_path, backend.tier_rank, backend.names, backend.is_on_prem) == ("/openai", 1, {"big", "large"}, False)
    assert backend.force == (("temperature", "0"), ("stop", '["\\n","\\u00e9"]'), ("x", '{"y":null}'))


def test_the_digest_names_the_settings_and_their_order_but_not_how_they_were_written() -> None:
    one = compile_config(config("a:simple:on_prem b:simple:on_prem")).digest
    assert len(one) == 12
    assert int(one, 16) >= 0
    assert compile_config(config("a:simple:on_prem b:simple:on_prem", version=1)).digest == one
    assert compile_config(config("b:simple:on_prem a:simple:on_prem")).digest != one
    assert compile_config(config("a:simple:on_prem b:simple:on_prem", identity={"organisation": "acme"})).digest != one


def test_a_contradiction_is_refused_however_the_configuration_was_made() -> None:
    with pytest.raises(ConfigError, match="no tier is called `lowest`"):
        compile_config(config("a:lowest:on_prem"))
