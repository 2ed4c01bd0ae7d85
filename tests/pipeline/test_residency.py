"""What may leave, in the story of a request: values in, values out, with findings that the test decides."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from extproc.config import compile_config, parse
from extproc.custody import Custody
from extproc.errors import ProtocolError
from extproc.pipeline import Head, Pipeline, Release, Reply
from extproc.testing import FixedScorer, ManualClock
from extproc.testing.custody import Auditor, Faring, MarkedInspector, Memories
from extproc.usage import Ticket

BACKENDS = """
backends:
  local: {url: "http://127.0.0.1:1", model: local-model, tier: simple, location: on_prem}
  mid: {url: "http://127.0.0.1:2", model: mid-model, tier: standard}
  big: {url: "http://127.0.0.1:3", model: big-model, tier: complex, capabilities: [tools, images]}
  vectors: {url: "http://127.0.0.1:4", model: vector-model, tier: simple, apis: [embeddings]}
models: {pass_through: [mid-model], routed: [auto]}
"""
RULES = """
residency:
  rules:
    keys: {kinds: [api_key], action: block}
    public: {kinds: [phone], action: allow}
    extraction: {kinds: [email], tasks: [extract], force: {temperature: 0, seed: 7}, spill: audited}
"""
MARKERS = {"@mail": "email", "#key": "api_key", "+tel": "phone", "=iban": "iban"}
CHAT = "/v1/chat/completions"


class World:
    """A pipeline with everything that it needs of the outside."""

    def __init__(self, config: str = RULES, score: float = 0.9, task: str = "other", away: Mapping[str, str] | None = None) -> None:
        self.memories, self.auditor, self.clock = Memories(), Auditor(), ManualClock()
        outside = Custody(MarkedInspector(MARKERS), self.memories, self.auditor, "model-1")
        self.health = Faring(away or {})
        policy = compile_config(parse(BACKENDS + config))
        self.pipeline = Pipeline(policy, FixedScorer(score, task), self.clock, None, outside, self.health)

    async def decide(self, *turns: str, **members: Any) -> Release | Reply:
        roles = ("user", "assistant")
        messages = [{"role": roles[index % 2], "content": turn} for index, turn in enumerate(turns)]
        body = json.dumps({"model": "auto", "messages": messages, **members}).encode()
        return await self.send(CHAT, body)

    async def send(self, path: str, body: bytes, **headers: str) -> Release | Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = Head("POST", path, {":path": path, "x-request-id": "r-1", **named}, has_body=True)
        answer = self.pipeline.decide(head, body)
        awaited = await answer if inspect.isawaitable(answer) else answer
        assert isinstance(awaited, Release | Reply)
        return awaited


def ticket_of(answer: Release | Reply) -> Ticket:
    ticket = Ticket.decode(str(answer.metadata["ticket"]))
    assert ticket is not None
    return ticket


async def test_what_is_clean_leaves_after_its_record() -> None:
    world = World()
    answer = await world.decide("prove it")
    assert ticket_of(answer).chain[0] == "big"
    (entry,) = world.auditor.entries
    assert (entry.event, entry.backend, entry.location, entry.kinds) == ("released", "big", "cloud", ())
    assert entry.classifier == "model-1"
    assert entry.body


async def test_what_is_ours_anyway_needs_no_record() -> None:
    world = World(score=0.1)
    assert ticket_of(await world.decide("tidy up")).chain[0] == "local"
    assert world.auditor.entries == []


async def test_what_is_sensitive_stays_in_choice_and_failover() -> None:
    world = World()
    ticket = ticket_of(await world.decide("prove it to joe@mail"))
    assert ticket.chain == ("local",)
    assert (ticket.residency, ticket.kinds) == ("on_prem", ("email:1",))
    assert "big!stays:residency" in ticket.reasons
    assert world.auditor.entries == []


async def test_what_is_blocked_goes_nowhere_and_is_on_record() -> None:
    world = World()
    answer = await world.decide("my #key and joe@mail")
    assert isinstance(answer, Reply)
    assert answer.status == 403
    error = json.loads(answer.body)["error"]
    assert error["code"] == "sensitive_content"
    assert "`keys`" in error["message"]
    assert "api_key" in error["message"]
    (entry,) = world.auditor.entries
    assert (entry.event, entry.rules, entry.backend) == ("blocked", ("keys",), "")
    assert entry.kinds == (("api_key", 1), ("email", 1))
    assert ticket_of(answer).residency == "block"


async def test_what_is_allowed_leaves_and_the_record_says_what_it_carried() -> None:
    world = World()
    ticket = ticket_of(await world.decide("call +tel"))
    assert (ticket.chain[0], ticket.residency, ticket.residency_rules) == ("big", "allow", ("public",))
    assert world.auditor.entries[0].kinds == (("phone", 1),)


async def test_a_name_that_leads_out_is_answered_by_whoever_may_have_it() -> None:
    ticket = ticket_of(await World().decide("joe@mail", model="mid-model"))
    assert ticket.chain == ("local",)
    assert "pass_through!stays" in ticket.reasons
    assert ticket_of(await World().decide("nobody", model="mid-model")).chain == ("mid",)


async def test_embeddings_that_must_stay_and_cannot_are_refused() -> None:
    answer = await World().send("/v1/embeddings", b'{"model": "vector-model", "input": "joe@mail"}')
    assert isinstance(answer, Reply)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (403, "must_stay")


async def test_shadow_says_and_does_nothing() -> None:
    world = World("residency: {mode: shadow, rules: {keys: {kinds: [api_key], action: block}}}")
    ticket = ticket_of(await world.decide("my #key"))
    assert (ticket.chain[0], ticket.residency) == ("big", "block")
    assert world.auditor.entries[0].kinds == (("api_key", 1),)


async def test_off_does_not_read() -> None:
    world = World('residency: {mode: "off"}')
    ticket = ticket_of(await world.decide("my #key"))
    assert (ticket.chain[0], ticket.kinds) == ("big", ())


async def test_a_conversation_that_carried_something_stays() -> None:
    world = World()
    await world.decide("I am joe@mail", user="u-1")
    world.clock.advance(60)
    # The client shortened its history: nothing of what was found is in it any more, but it names its conversation.
    for _ in range(2):
        later = await world.decide("and now?", metadata={"session_id": "s"})
        assert ticket_of(later).chain[0] == "big"
    await world.decide("I am joe@mail", metadata={"session_id": "s"})
    for _ in range(3):
        ticket = ticket_of(await world.decide("and now?", metadata={"session_id": "s"}))
        assert (ticket.chain, ticket.kinds) == (("local",), ("session:1",))


async def test_the_beginning_names_a_conversation_too() -> None:
    world = World()
    await world.decide("hello", "hi", "I am joe@mail")
    assert ticket_of(await world.decide("hello", "hi", "[removed]", "fine", "prove it")).chain == ("local",)
    assert ticket_of(await world.decide("good day", "hi", "prove it")).chain[0] == "big"


async def test_first_turns_ask_nobody_for_a_past() -> None:
    world = World()
    await world.decide("prove it")
    assert world.memories.recalled == 0
    await world.decide("prove it", "done", "again")
    assert world.memories.recalled == 1


@pytest.mark.parametrize(("unknown", "first"), [("on_prem", "local"), ("allow", "big")])
async def test_a_past_that_cannot_be_asked_for_may_have_been_sensitive(unknown: str, first: str) -> None:
    world = World(f"sessions: {{when_store_is_away: {unknown}}}")
    world.memories.is_away = True
    assert ticket_of(await world.decide("prove it", "done", "again")).chain[0] == first
    assert ticket_of(await world.decide("prove it")).chain[0] == "big"  # it has no past


async def test_no_record_no_cloud() -> None:
    world = World()
    world.auditor.is_broken = True
    ticket = ticket_of(await world.decide("prove it"))
    assert ticket.chain == ("local",)
    assert "big!stays:audit" in ticket.reasons


async def test_no_record_no_answer_where_that_is_asked_for() -> None:
    world = World("audit: {on_failure: refuse}")
    world.auditor.is_broken = True
    answer = await world.decide("prove it")
    assert isinstance(answer, Reply)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "audit_unavailable")
    assert ticket_of(await world.decide("joe@mail")).chain == ("local",)  # needs no record


async def test_a_rule_forces_parameters_on_what_it_keeps() -> None:
    answer = await World(task="extract").decide("joe@mail", temperature=1)
    assert isinstance(answer, Release)
    body = json.loads(answer.body or b"")
    assert (body["temperature"], body["seed"], body["model"]) == (0, 7, "local-model")
    assert ticket_of(answer).restore == {"model": '"auto"', "temperature": "1", "seed": None}


async def test_a_spill_leaves_after_the_record_that_says_what_was_traded() -> None:
    world = World(task="extract", away={"local": "saturated"})
    ticket = ticket_of(await world.decide("joe@mail"))
    assert (ticket.chain[0], ticket.residency) == ("big", "spill")
    (entry,) = world.auditor.entries
    assert (entry.event, entry.traded, entry.kinds) == ("spilled", ("local!saturated",), (("email", 1),))


async def test_no_record_no_spill() -> None:
    world = World(task="extract", away={"local": "saturated"})
    world.auditor.is_broken = True
    assert ticket_of(await world.decide("joe@mail")).chain == ("local",)


@pytest.mark.parametrize("said", ["joe@mail =iban", "=iban"])
async def test_what_no_rule_lets_spill_waits(said: str) -> None:
    world = World(task="extract", away={"local": "saturated"})
    assert ticket_of(await world.decide(said)).chain == ("local",)
    assert world.auditor.entries == []


async def test_or_is_told_to_come_back() -> None:
    world = World("residency: {when_saturated: refuse, retry_after_s: 9}", away={"local": "saturated"})
    answer = await world.decide("=iban")
    assert isinstance(answer, Reply)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "9")
    world.health.gone = {}
    assert ticket_of(await world.decide("=iban")).chain == ("local",)


async def test_what_may_leave_goes_elsewhere_when_ours_is_full() -> None:
    world = World(score=0.1, away={"local": "saturated"})
    ticket = ticket_of(await world.decide("tidy up"))
    assert ticket.chain[0] == "mid"
    assert "local!saturated" in ticket.reasons
    assert world.auditor.entries[0].event == "released"


async def test_a_fallback_to_the_cloud_is_on_record_first() -> None:
    world = World(score=0.1)
    answer = await world.decide("tidy up")
    assert isinstance(answer, Release)
    ticket, body = ticket_of(answer), answer.body or b""
    backends = world.pipeline.policy.backends
    further = world.pipeline.fall_back(ticket, 2, backends["mid"], body)
    assert inspect.isawaitable(further)
    assert isinstance(await further, Release)
    assert [(entry.event, entry.backend) for entry in world.auditor.entries] == [("fell_back", "mid")]
    world.auditor.is_broken = True
    refused = world.pipeline.fall_back(ticket, 2, backends["mid"], body)
    assert inspect.isawaitable(refused)
    assert isinstance(reply := await refused, Reply)
    assert reply.status == 503
    assert isinstance(world.pipeline.fall_back(ticket, 2, backends["local"], body), Release)


async def test_what_stays_does_not_follow_a_backend_that_a_reload_moves_to_the_cloud() -> None:
    world = World()
    answer = await world.decide("prove it to joe@mail")
    assert isinstance(answer, Release)
    ticket, body = ticket_of(answer), answer.body or b""
    moved = replace(world.pipeline.policy.backends["local"], is_on_prem=False)
    with pytest.raises(ProtocolError):
        world.pipeline.fall_back(ticket, 2, moved, body)
    assert "fell_back" not in [entry.event for entry in world.auditor.entries]
    clean = ticket_of(await world.decide("tidy up"))
    further = world.pipeline.fall_back(clean, 2, moved, body)
    assert inspect.isawaitable(further)
    assert isinstance(await further, Release)


@pytest.mark.parametrize(
    ("config", "status"),
    [("", 403), ("residency: {rules: {files: {kinds: ['unread:other_path'], action: allow}}}", 0), ('residency: {mode: "off"}', 0)],
)
def test_paths_that_cannot_be_read_do_not_lead_to_the_cloud(config: str, status: int) -> None:
    world = World(f"listener: {{other_paths: mid}}\n{config}")
    for head in (Head("POST", "/v1/files", {}, has_body=True), Head("GET", "/v1/files?after=joe", {}, has_body=False)):
        answer = world.pipeline.greet(head)
        assert (answer.status if isinstance(answer, Reply) else 0) == status
    assert not isinstance(world.pipeline.greet(Head("GET", "/v1/files", {}, has_body=False)), Reply)
