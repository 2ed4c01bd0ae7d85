"""How the choice is told of a request's circumstances: sessions, rules, modes, who asks for a tier."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from extproc.config import compile_config, parse
from extproc.custody import Custody
from extproc.identity import Caller
from extproc.pipeline import Head, Pass, Pipeline, Release
from extproc.scope import parse as scope
from extproc.testing import FixedScorer, ManualClock
from extproc.testing.custody import Faring, Memories
from extproc.usage import Ticket

BACKENDS = """
backends:
  local: {url: "http://127.0.0.1:1", model: local-model, tier: simple, location: on_prem, price: {input: 0.1, output: 0.2}}
  mid: {url: "http://127.0.0.1:2", model: mid-model, tier: standard, price: {input: 1, cached_input: 0.1, output: 4}}
  other: {url: "http://127.0.0.1:4", model: other-model, tier: standard, price: {input: 0.5, output: 4}}
  big: {url: "http://127.0.0.1:3", model: big-model, tier: complex, price: {input: 5, cached_input: 0.5, output: 20}}
"""
CHAT = "/v1/chat/completions"


class World:
    """A pipeline whose scores the test decides, with a memory."""

    def __init__(self, config: str = "") -> None:
        self.policy = compile_config(parse(BACKENDS + config))
        self.memories, self.clock, self.health = Memories(), ManualClock(), Faring()

    async def ask(self, score: float, *turns: str, who: str = "acme", headers: dict[str, str] | None = None, **members: Any) -> Ticket:
        messages = [{"role": ("user", "assistant")[index % 2], "content": turn} for index, turn in enumerate(turns)]
        return await self.send(score, {"model": "auto", "messages": messages, **members}, who=who, headers=headers)

    async def send(
        self, score: float, body: dict[str, Any], path: str = CHAT, who: str = "acme", headers: dict[str, str] | None = None
    ) -> Ticket:
        pipeline = Pipeline(self.policy, FixedScorer(score), self.clock, None, Custody(None, self.memories), self.health)
        head = Head("POST", path, {":path": path, **(headers or {})}, has_body=True, who=Caller(scope(who), "key", "key-0"))
        answer = pipeline.decide(head, json.dumps(body).encode())
        released = await answer if inspect.isawaitable(answer) else answer
        assert isinstance(released, Release)
        ticket = Ticket.decode(str(released.metadata["ticket"]))
        assert ticket is not None
        return ticket


async def test_a_conversation_goes_up_when_a_turn_needs_it_and_stays_there_while_moving_does_not_pay() -> None:
    world = World()
    long = "a long story " * 4000
    assert (await world.ask(0.1, long)).tier == "simple"
    harder = await world.ask(0.9, long, "fine", "prove it")
    assert (harder.tier, "escalated" in harder.reasons) == ("complex", True)
    later = await world.ask(0.5, long, "fine", "prove it", "done", "thanks")
    assert (later.tier, "sticky:prefix" in later.reasons) == ("complex", True)


async def test_signed_thoughts_go_where_they_came_from() -> None:
    world = World()
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    user = {"role": "user", "content": "hello"}
    body: dict[str, Any] = {"model": "auto", "max_tokens": 900, "messages": [user]}
    assert (await world.send(0.9, body, "/v1/messages")).chain[0] == "big"
    later = {**body, "messages": [user, {"role": "assistant", "content": [thought]}, {"role": "user", "content": "and?"}]}
    ticket = await world.send(0.1, later, "/v1/messages")
    assert (ticket.chain, ticket.reasons) == (("big",), ("pin:thinking",))
    world.health.gone = {"big": "resting"}
    assert (await world.send(0.1, later, "/v1/messages")).chain == ("big",)


@pytest.mark.parametrize(("who", "tier"), [("acme/platform", "complex"), ("acme/retail", "simple")])
async def test_a_tier_is_asked_for_by_those_who_may(who: str, tier: str) -> None:
    world = World("routing: {ask_header: x-tier, ask_scopes: [acme/platform]}")
    assert (await world.ask(0.1, "hello", who=who, headers={"x-tier": "complex"})).tier == tier


def test_the_header_that_asks_is_taken_off() -> None:
    world = World("routing: {ask_header: x-tier, ask_scopes: [acme/platform]}")
    pipeline = Pipeline(world.policy, FixedScorer(0.1), world.clock)
    answer = pipeline.greet(Head("POST", CHAT, {"x-tier": "complex", "x-other": "1"}, has_body=True))
    assert answer == Pass(("x-tier",))


async def test_shadow_goes_where_it_went_and_says_where_it_would() -> None:
    world = World("routing: {mode: shadow}")
    ticket = await world.ask(0.1, "hello")
    assert (ticket.chain[0], ticket.mode, ticket.would_tier, ticket.would_backend) == ("big", "shadow", "simple", "local")
    named = await world.ask(0.9, "hello", model="mid-model")
    assert (named.chain[0], named.would_tier) == ("mid", "complex")


async def test_off_does_not_score() -> None:
    ticket = await World('routing: {mode: "off"}').ask(0.1, "hello")
    assert (ticket.chain[0], ticket.score, ticket.mode, ticket.would_tier) == ("big", None, "off", "")


async def test_a_canary_is_a_share_of_conversations_and_always_the_same() -> None:
    world = World("routing: {mode: canary, canary_percent: 30}")
    first = [(await world.ask(0.1, f"conversation {number}")).chain[0] for number in range(300)]
    again = [(await world.ask(0.1, f"conversation {number}")).chain[0] for number in range(300)]
    assert first == again
    assert 60 <= first.count("local") <= 120


async def test_rules_come_after_the_score() -> None:
    world = World(
        """
routing:
  rules:
    batch: {scope: "acme/*/*/nightly", max_tier: simple}
    careful: {headers: {x-app: [law-*]}, min_tier: complex}
    not-other: {scope: acme/retail, never: [local]}
    there: {models: ["fast-*"], backend: other}
"""
    )
    assert (await world.ask(0.9, "hello", who="acme/a/b/nightly")).tier == "simple"
    assert (await world.ask(0.1, "hello", headers={"x-app": "law-2"})).tier == "complex"
    never = await world.ask(0.1, "hello", who="acme/retail")
    assert "local" not in never.chain
    assert "local!rule:not-other" in never.reasons
    assert (await world.ask(0.1, "hello", model="fast-1")).chain[0] == "other"


@pytest.mark.parametrize(
    ("prefer", "quick", "first"),
    [
        ("order", {}, "mid"),
        ("price", {}, "other"),
        ("latency", {"mid": 300.0, "other": 90.0}, "other"),
        ("latency", {"mid": 3.0, "other": 90.0}, "mid"),
    ],
)
async def test_equals_are_tried_as_their_tier_prefers(prefer: str, quick: dict[str, float], first: str) -> None:
    world = World(f"tiers: {{simple: {{up_to: 0.3}}, standard: {{up_to: 0.7, prefer: {prefer}}}, complex: {{}}}}")
    world.health.first_bytes_ms = quick
    assert (await world.ask(0.5, "hello")).chain[0] == first


async def test_weights_share_conversations_out() -> None:
    config = BACKENDS.replace("price: {input: 0.5, output: 4}", "price: {input: 0.5, output: 4}, weight: 3")
    world = World()
    world.policy = compile_config(parse(config + "tiers: {simple: {up_to: 0.3}, standard: {up_to: 0.7, prefer: weight}, complex: {}}"))
    chosen = [(await world.ask(0.5, f"conversation {number}")).chain[0] for number in range(400)]
    assert 240 <= chosen.count("other") <= 360
