"""Which rules fit, and what writing system a text is in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import compile_config, parse
from extproc.routing import Circumstance, fitting_rules, script_of
from tests.routing.ladder import BACKENDS

HERE: dict[str, Any] = {"scope": ("acme", "hr", "", "", ""), "model": "gpt-4o", "path": "/v1/chat/completions"}


def names(rules: str, **found: Any) -> list[str]:
    routing = compile_config(parse(BACKENDS + f"routing: {{rules: {{{rules}}}}}\n")).routing
    return [rule.name for rule in fitting_rules(routing, Circumstance(**(HERE | found)))]


@pytest.mark.parametrize(
    ("rule", "found", "fits"),
    [
        ("tier: complex", {}, True),
        ("tier: complex, scope: acme", {}, True),
        ('tier: complex, scope: "acme/hr"', {}, True),
        ('tier: complex, scope: "acme/it"', {}, False),
        ('tier: complex, scope: "*/hr"', {}, True),
        ('tier: complex, models: ["gpt-*"]', {}, True),
        ('tier: complex, models: ["claude-*", opus]', {}, False),
        ('tier: complex, paths: ["/v1/chat/*"]', {}, True),
        ('tier: complex, paths: ["/v1/messages"]', {}, False),
        ("tier: complex, tasks: [extract]", {"task": "extract"}, True),
        ("tier: complex, tasks: [extract]", {"task": "code"}, False),
        ("tier: complex, tasks: [extract]", {}, False),
        ("tier: complex, scripts: [han, kana]", {"script": "kana"}, True),
        ("tier: complex, scripts: [han, kana]", {}, False),
        ('tier: complex, headers: {x-tag: ["batch-*"]}', {"headers": {"x-tag": "batch-7"}}, True),
        ('tier: complex, headers: {x-tag: ["batch-*"]}', {"headers": {"x-tag": "live"}}, False),
        ('tier: complex, headers: {x-tag: ["batch-*"]}', {}, False),
    ],
)
def test_a_rule_fits_when_all_that_it_asks_about_does(rule: str, found: dict[str, Any], *, fits: bool) -> None:
    assert names(f"it: {{{rule}}}", **found) == (["it"] if fits else [])


def test_the_rules_keep_their_order() -> None:
    assert names("b: {tier: complex}, x: {tier: simple, scope: other}, a: {tier: simple}") == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", "latin"),
        ("How are you?", "latin"),
        ("Wie schön!", "latin"),
        ("Как дела?", "cyrillic"),
        ("你好,请帮我写一封信", "han"),
        ("これを英語に翻訳してください", "kana"),
        ("漢字が多い文章です漢字漢字漢字", "kana"),
        ("안녕하세요", "hangul"),
        ("مرحبا بالعالم", "arabic"),
        ("שלום", "hebrew"),
        ("नमस्ते दुनिया", "devanagari"),
        ("Καλημέρα", "greek"),
        ("สวัสดี", "thai"),
        ("αβ what is this letter called", "latin"),
        ("…—“”", "latin"),
        ("ሰላም", "other"),
    ],
)
def test_the_writing_system_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


@given(st.text())
def test_every_text_has_one(text: str) -> None:
    assert script_of(text) in {"latin", "cyrillic", "han", "kana", "hangul", "arabic", "hebrew", "devanagari", "greek", "thai", "other"}
