"""A ladder of three tiers for tests of the choice, with the views and demands that they are about."""

from __future__ import annotations

from typing import Any

from extproc.config import Api, Policy, compile_config, parse
from extproc.config.compiled_routing import Rule
from extproc.routing import Past
from extproc.routing.fit import Demand

BACKENDS = """
backends:
  local: {url: "http://127.0.0.1:1", model: qwen, tier: simple, location: on_prem, price: {input: 0.1, output: 0.4}}
  mid: {url: "https://mid.example", model: mini, tier: standard, weight: 3, price: {input: 1, cached_input: 0.1, output: 5}}
  mid2: {url: "https://mid2.example", model: mini2, tier: standard, weight: 1, price: {input: 0.8, cached_input: 0.8, output: 5}}
  big: {url: "https://big.example", model: opus, tier: complex, price: {input: 5, cached_input: 0.5, output: 25}}
"""
SIMPLE, STANDARD, COMPLEX = 0, 1, 2
SCORES = (0.1, 0.5, 0.9)  # of each tier
NAMES = ("local", "mid", "big")  # the first backend of each
NOW_S = 1_700_000_000.0


def policy(more: str = "") -> Policy:
    return compile_config(parse(BACKENDS + more))


POLICY = policy()


def demand(prompt: int = 20_000, answer: int | None = None, **members: Any) -> Demand:
    return Demand(Api.CHAT, frozenset(), prompt, answer, **members)


def past(rank: int, prompt: int = 19_000, ago_s: float = 20.0) -> Past:
    return Past(("simple", "standard", "complex")[rank], NAMES[rank], prompt, NOW_S - ago_s)


def rule(name: str, **said: Any) -> Rule:
    members: dict[str, Any] = {
        "pattern": ("*",),
        "models": None,
        "paths": None,
        "tasks": None,
        "scripts": None,
        "headers": (),
        "rank": -1,
        "min_rank": -1,
        "max_rank": -1,
        "backend": "",
        "never": frozenset(),
        "mode": None,
        "canary_percent": 10.0,
    }
    return Rule(name, **(members | said))
