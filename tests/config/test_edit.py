"""Thresholds put into a configuration's text, and nothing else changed."""

from __future__ import annotations

import pytest

from extproc.config import parse
from extproc.config.edit import with_up_to
from extproc.errors import ConfigError

BACKENDS = """\
# ours
backends:
  local: {tier: simple, url: "http://127.0.0.1:1", model: a, location: on_prem}   # cheap
  top: {tier: complex, url: 'https://top.example', model: c}
"""
ENDS = {"simple": 0.25, "standard": 0.8125}

WRITTEN = [
    (
        BACKENDS + "tiers:   # three\n  simple:   {up_to: 0.4, prefer: order}   # up\n  standard: {up_to: .75}\n  complex: {}\n",
        "tiers:   # three\n  simple:   {up_to: 0.25, prefer: order}   # up\n  standard: {up_to: 0.8125}\n  complex: {}\n",
    ),
    (
        BACKENDS + "tiers:\n  simple:\n    # a\n    prefer: price\n    up_to: 0.4 # here\n  standard:\n    up_to: 0.75\n  complex: {}\n",
        "tiers:\n  simple:\n    # a\n    prefer: price\n    up_to: 0.25 # here\n  standard:\n    up_to: 0.8125\n  complex: {}\n",
    ),
    (BACKENDS, "tiers:\n  simple: {up_to: 0.25}\n  standard: {up_to: 0.8125}\n  complex: {up_to: 1}\n"),
    (BACKENDS.rstrip("\n"), "\ntiers:\n  simple: {up_to: 0.25}\n  standard: {up_to: 0.8125}\n  complex: {up_to: 1}\n"),
]


@pytest.mark.parametrize(("text", "tail"), WRITTEN)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_only_thresholds_change(text: str, tail: str, line_end: str) -> None:
    text, tail = text.replace("\n", line_end), tail.replace("\n", line_end)
    edited = with_up_to(text, ENDS)
    assert edited == BACKENDS.rstrip("\n").replace("\n", line_end) + (line_end if not tail.startswith(line_end) else "") + tail
    assert {name: tier.up_to for name, tier in parse(edited).tiers.items()} == ENDS | {"complex": 1.0}


@pytest.mark.parametrize("tier", ["{}", "{chain: [top]}", "\n    chain: [top]"])
def test_a_tier_that_says_none_is_given_one(tier: str) -> None:
    text = f"{BACKENDS}tiers:\n  simple: {{up_to: 0.5}}\n  complex: {tier}\n"
    edited = parse(with_up_to(text, {"simple": 0.2, "complex": 0.9}))
    assert [one.up_to for one in edited.tiers.values()] == [0.2, 0.9]
    assert [one.chain for one in edited.tiers.values()] == [one.chain for one in parse(text).tiers.values()]


@pytest.mark.parametrize(
    ("text", "ends", "said"),
    [
        (BACKENDS + "tiers: {simple: {up_to: 0.4}, standard: {up_to: 0.6}, complex: {}}\n", {"simple": 0.7}, "expected more than"),
        (BACKENDS + "tiers:\n  simple: &one {up_to: 0.4}\n  complex: *one\n", {"simple": 0.2}, "tiers"),
        ("{backends: {top: {tier: complex, url: 'https://top.example', model: c}}}", ENDS, "write `up_to` yourself"),
        ("backends: {}", ENDS, "backends"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, ends: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        with_up_to(text, ends)
