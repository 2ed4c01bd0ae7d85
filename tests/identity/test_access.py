"""Which rules hold for a scope, and what they leave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import compile_config, parse
from extproc.config.compiled_identity import Access
from extproc.identity import denied_model, rights_of
from extproc.scope import parse as scope_of

BACKENDS = """
backends:
  local: {url: "http://127.0.0.1:1", model: qwen, tier: simple, location: on_prem}
  mid: {url: "http://127.0.0.1:2", model: gpt-mini, tier: standard, aliases: [middle]}
  big: {url: "http://127.0.0.1:3", model: claude-opus, tier: complex}
access:
"""


def access(*rules: str) -> Access:
    return compile_config(parse(BACKENDS + "".join(f"  rule{number}: {rule}\n" for number, rule in enumerate(rules)))).access


@pytest.mark.parametrize(
    ("rule", "forbidden"),
    [
        ("{scope: acme, tiers: [simple, standard]}", {"big"}),
        ("{scope: acme, tiers: []}", {"local", "mid", "big"}),
        ("{scope: acme, backends: [mid]}", {"local", "big"}),
        ("{scope: acme, deny_tiers: [complex]}", {"big"}),
        ("{scope: acme, deny_backends: [mid, big]}", {"mid", "big"}),
        ("{scope: acme, tiers: [simple, complex], backends: [mid, big]}", {"local", "mid"}),
        ('{scope: acme, deny_models: ["claude-*"]}', {"big"}),
        ('{scope: acme, models: ["gpt-*"]}', set()),  # names that may be asked for; what answers is chosen
        ("{scope: acme, deny_models: [middle]}", set()),
        ("{scope: other, tiers: []}", set()),
        ('{scope: "acme/*", tiers: []}', {"local", "mid", "big"}),
        ('{scope: "*", tiers: []}', {"local", "mid", "big"}),
        ("{scope: acme/retail, tiers: []}", set()),
    ],
)
def test_a_rule_forbids_backends(rule: str, forbidden: set[str]) -> None:
    found = rights_of(access(rule), scope_of("acme")).forbidden
    assert set(found) == forbidden
    assert set(found.values()) <= {"rule0"}


@pytest.mark.parametrize(
    ("rule", "may", "may_not"),
    [
        ("{scope: acme, models: [auto, gpt-*]}", ["auto", "gpt-4o"], ["claude", "GPT-4o", "autom"]),
        ("{scope: acme, models: []}", [], ["auto"]),
        ("{scope: acme, deny_models: ['gpt-5*']}", ["gpt-4o", "auto"], ["gpt-5", "gpt-5.1-mini"]),
        ("{scope: acme, models: [gpt-*], deny_models: [gpt-5]}", ["gpt-4"], ["gpt-5", "auto"]),
        ("{scope: other, models: []}", ["auto"], []),
    ],
)
def test_a_rule_denies_names(rule: str, may: list[str], may_not: list[str]) -> None:
    rights = rights_of(access(rule), scope_of("acme/retail/search/bot/alice"))
    assert [denied_model(rights, model) for model in may] == [""] * len(may)
    assert [denied_model(rights, model) for model in may_not] == ["rule0"] * len(may_not)


def test_all_rules_that_match_hold_together() -> None:
    rules = access("{scope: acme, deny_backends: [big]}", '{scope: "*/retail", deny_tiers: [standard, complex], models: [auto]}')
    rights = rights_of(rules, scope_of("acme/retail"))
    assert dict(rights.forbidden) == {"big": "rule0", "mid": "rule1"}
    assert denied_model(rights, "gpt-4o") == "rule1"
    assert dict(rights_of(rules, scope_of("acme")).forbidden) == {"big": "rule0"}
    assert dict(rights_of(rules, scope_of("other/retail")).forbidden) == {"mid": "rule1", "big": "rule1"}


def test_without_rules_everybody_may_everything() -> None:
    rights = rights_of(access("{scope: other, tiers: []}"), scope_of("acme"))
    assert rights == rights_of(Access("digest"), scope_of("acme"))
    assert (dict(rights.forbidden), rights.other_paths, denied_model(rights, "x")) == ({}, "", "")


@pytest.mark.parametrize(
    ("rule", "is_open"),
    [
        ("{scope: acme, tiers: [simple]}", True),
        ("{scope: acme, models: [auto]}", False),
        ("{scope: acme, deny_models: [gpt-*]}", False),
        ("{scope: acme, models: [auto], other_paths: true}", True),
        ("{scope: acme, other_paths: false}", False),
    ],
)
def test_other_paths_are_shut_where_a_rule_about_models_could_be_got_around(rule: str, is_open: bool) -> None:
    assert rights_of(access(rule), scope_of("acme")).other_paths == ("" if is_open else "rule0")


def test_a_reloaded_configuration_is_not_answered_from_the_old_ones_memory() -> None:
    before, after = access("{scope: acme, tiers: [simple]}"), access("{scope: acme, tiers: [complex]}")
    assert set(rights_of(before, scope_of("acme")).forbidden) == {"mid", "big"}
    assert set(rights_of(after, scope_of("acme")).forbidden) == {"local", "mid"}


_names = st.sampled_from(["*", "acme", "retail", "search", "-"])
_patterns = st.lists(_names, min_size=1, max_size=5).map("/".join)


@given(st.lists(_patterns, min_size=1, max_size=3), st.lists(_names.filter(lambda name: name != "*"), min_size=1, max_size=5).map("/".join))
def test_a_rule_holds_for_a_scope_and_all_below_it(patterns: list[str], text: str) -> None:
    scope = scope_of(text)
    rules = access(*(f'{{scope: "{pattern}", tiers: []}}' for pattern in patterns))
    holds = [
        all(wanted in ("*", name) for wanted, name in zip(pattern.split("/"), [part or "-" for part in scope], strict=False))
        for pattern in patterns
    ]
    assert bool(rights_of(rules, scope).forbidden) is any(holds)
