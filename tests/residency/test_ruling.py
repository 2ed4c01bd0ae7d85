"""From kinds to what follows: the first rule that fits, the strictest action, and never mercy for an error."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Api, compile_config, parse
from extproc.config.compiled_residency import Residency
from extproc.config.residency import Action
from extproc.dialects import Refusal, Request
from extproc.dialects import parse as parse_body
from extproc.residency import CLEAN, Inspection, Occasion, Scanner, found_in, rule, scan_policy, waived
from extproc.scope import Scope
from extproc.scope import parse as scope
from extproc.testing import ManualClock

BACKENDS = """
backends:
  local: {url: "http://127.0.0.1:1", model: m, tier: simple, location: on_prem}
"""
RULES = """
residency:
  rules:
    hr: {scope: "acme/hr", kinds: [salary], action: allow}
    dpo: {kinds: ["*"], claims: {realm.roles: [dpo]}, action: allow}
    secrets: {kinds: [api_key, private_key], action: block}
    extraction: {kinds: [email, phone], tasks: [extract], force: {temperature: 0, seed: 7}, spill: audited}
    public: {kinds: [phone], scope: "acme/press", action: allow}
  labels:
    legal: {scope: "acme/legal"}
    said: {header: x-sensitivity, values: [high, secret*]}
    claimed: {claim: data.class, values: ["3", restricted]}
"""


def residency(text: str = RULES) -> Residency:
    return compile_config(parse(BACKENDS + text)).residency


HR, RETAIL, LEGAL, PRESS = (scope(f"acme/{name}") for name in ("hr", "retail", "legal", "press"))


@pytest.mark.parametrize(
    ("found", "occasion", "action", "rules"),
    [
        ((), Occasion(RETAIL), Action.ALLOW, ()),
        ((("email", 1),), Occasion(RETAIL), Action.ON_PREM, ()),
        ((("salary", 3),), Occasion(HR), Action.ALLOW, ("hr",)),
        ((("salary", 3),), Occasion(RETAIL), Action.ON_PREM, ()),
        ((("email", 1), ("salary", 3)), Occasion(HR), Action.ON_PREM, ()),
        ((("api_key", 1), ("email", 1)), Occasion(RETAIL), Action.BLOCK, ("secrets",)),
        ((("email", 1),), Occasion(RETAIL, "extract"), Action.ON_PREM, ("extraction",)),
        ((("phone", 1),), Occasion(PRESS), Action.ALLOW, ("public",)),
        ((("phone", 1),), Occasion(PRESS, "extract"), Action.ON_PREM, ("extraction",)),
        ((("api_key", 1),), Occasion(RETAIL, claims={"realm": {"roles": ["user", "dpo"]}}), Action.ALLOW, ("dpo",)),
        ((("api_key", 1),), Occasion(RETAIL, claims={"realm": {"roles": ["user"]}}), Action.BLOCK, ("secrets",)),
        ((("api_key", 1),), Occasion(RETAIL, claims={"realm.roles": "dpo"}), Action.ALLOW, ("dpo",)),
        ((("unread:image", 1),), Occasion(RETAIL), Action.ON_PREM, ()),
        ((), Occasion(LEGAL), Action.ON_PREM, ()),
        ((), Occasion(RETAIL, headers={"x-sensitivity": "high"}), Action.ON_PREM, ()),
        ((), Occasion(RETAIL, headers={"x-sensitivity": "low"}), Action.ALLOW, ()),
        ((), Occasion(RETAIL, claims={"data": {"class": 3}}), Action.ON_PREM, ()),
        ((), Occasion(RETAIL, claims={"data": {"class": 2}}), Action.ALLOW, ()),
    ],
)
def test_what_follows(found: tuple[tuple[str, int], ...], occasion: Occasion, action: Action, rules: tuple[str, ...]) -> None:
    ruling = rule(residency(), found, occasion)
    assert (ruling.action, ruling.rules) == (action, rules)


def test_only_the_strictest_kinds_are_named() -> None:
    ruling = rule(residency(), (("api_key", 1), ("email", 2)), Occasion(RETAIL))
    assert ruling.held == ("api_key",)
    assert ruling.words == ("api_key:1", "email:2")


def test_force_and_spill_are_of_the_rules_that_keep_it() -> None:
    ruling = rule(residency(), (("email", 1), ("phone", 1)), Occasion(RETAIL, "extract"))
    assert ruling.force == (("temperature", "0"), ("seed", "7"))
    assert ruling.may_spill
    assert not rule(residency(), (("email", 1), ("iban", 1)), Occasion(RETAIL, "extract")).may_spill  # nothing lets the IBAN go


def test_a_failed_detector_is_never_allowed() -> None:
    everything = residency("residency: {default: allow, rules: {all: {kinds: ['*'], action: allow}}}")
    assert rule(everything, found_in(Inspection(is_error=True)), Occasion(RETAIL)).action is Action.ON_PREM
    assert rule(everything, (("email", 1),), Occasion(RETAIL)).action is Action.ALLOW


def test_what_is_unread_counts_as_found() -> None:
    assert found_in(Inspection((("email", 2),), ("audio", "image"))) == (("email", 2), ("unread:audio", 1), ("unread:image", 1))
    assert found_in(Inspection()) == ()
    assert rule(residency(), (), Occasion(RETAIL)) is CLEAN


KINDS = st.sampled_from(["email", "phone", "api_key", "salary", "unread:image", "unread:error", "iban"])
OCCASIONS = st.sampled_from([Occasion(where, task) for where, task in itertools.product((HR, RETAIL, PRESS, LEGAL), ("", "extract"))])


@given(st.sets(KINDS), st.sets(KINDS), OCCASIONS)
def test_finding_more_never_makes_it_laxer(some: set[str], more: set[str], occasion: Occasion) -> None:
    order = [Action.ALLOW, Action.ON_PREM, Action.BLOCK]
    less = rule(residency(), tuple((kind, 1) for kind in sorted(some)), occasion)
    all_of_it = rule(residency(), tuple((kind, 1) for kind in sorted(some | more)), occasion)
    assert order.index(all_of_it.action) >= order.index(less.action)
    assert not (all_of_it.may_spill and not less.may_spill and less.stays)


def test_allowed_texts_hold_for_their_scope_and_path_alone() -> None:
    compiled = residency(
        """
residency:
  allowed:
    desk: {texts: ["*@desk.example.com"], kinds: [email], scope: acme/hr}
    tests: {texts: ["jane.roe@example.com", "+1 202 555 0160"], paths: ["/v1/chat/*"]}
"""
    )
    scanner = Scanner(scan_policy(compiled), ManualClock())
    bodies = {
        "ask jane.roe@desk.example.com": ("email",),
        "ask jane.roe@example.com": ("email",),
        "ask notjane.roe@example.com": ("email",),
        "call +1 202 555 0160 now": ("phone",),
    }
    for text, anybody in bodies.items():
        parsed = parse_body(
            Api.CHAT, json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode(), max_body_bytes=9999
        )
        assert not isinstance(parsed, Refusal)

        def kinds(who: Scope, path: str, request: Request = parsed) -> tuple[str, ...]:
            return tuple(kind for kind, _ in scanner.scan(request, waived(compiled, who, path)).kinds)

        assert kinds(RETAIL, "/v1/messages") == anybody, text
        assert kinds(HR, "/v1/messages") == (() if "desk" in text else anybody), text
        assert kinds(RETAIL, "/v1/chat/completions?x=1") == (anybody if "desk" in text or "not" in text else ()), text
