"""What the choice is told of a request, and what of it is remembered."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from extproc.config import compile_config, parse
from extproc.custody import Custody
from extproc.exchange import Head, Release
from extproc.pipeline import Pipeline
from extproc.routing import NO_PAST, PLAIN, Loop, View
from extproc.testing import FixedScorer, ManualClock
from extproc.testing.custody import Memories
from extproc.usage import Ticket
from extproc.viewing import view_of
from tests.routing.ladder import BACKENDS
from tests.routing.test_loop import ROWS, request_of

CHAT = "/v1/chat/completions"
TITLE = "Write a short title for this conversation, five words at most."


class World:
    """A pipeline that remembers, asked as one client asks."""

    def __init__(self, more: str = "", score: float = 0.1) -> None:
        self.memories, self.clock = Memories(), ManualClock()
        text = BACKENDS + 'residency: {mode: "off"}\nsessions: {headers: [x-session]}\n' + more
        self.pipeline = Pipeline(compile_config(parse(text)), FixedScorer(score), self.clock, outside=Custody(memories=self.memories))

    async def send(self, *messages: dict[str, Any], path: str = CHAT, **members: Any) -> Ticket:
        body = json.dumps({"model": "auto", "messages": list(messages), **members}).encode()
        answer = self.pipeline.decide(Head("POST", path, {"x-session": "s-1"}, has_body=True), body)
        released = await answer if inspect.isawaitable(answer) else answer
        assert isinstance(released, Release)
        ticket = Ticket.decode(str(released.metadata["ticket"]))
        assert ticket is not None
        return ticket


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_the_default_knows_nothing_and_binds_nothing() -> None:
    assert View() == PLAIN
    assert (PLAIN.past, PLAIN.loop, PLAIN.turns_ahead, PLAIN.pins) == (NO_PAST, Loop.NONE, 1, ())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_loop_is_read_where_a_tool_has_just_answered_and_loops_are_read_at_all(row: dict[str, Any]) -> None:
    for more, expected in (("", row["loop"]), ("routing: {loops: false}\n", "none")):
        world = World(more)
        request = request_of(row)
        asked = _asked(world, request)
        assert view_of(world.pipeline.policy, asked, 1.0).loop.value == expected


@pytest.mark.parametrize(
    ("roles", "turns"),
    [("u", 1), ("uau", 1), ("uatatau", 2), ("uatatatatau", 2), ("uatatatata", 5), ("uauauau", 1)],
)
def test_a_users_turn_is_taken_to_need_as_many_requests_as_the_ones_before(roles: str, turns: int) -> None:
    messages = []
    for number, role in enumerate(roles):
        call = {"id": str(number), "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages.append(
            {"u": said("user", "x"), "a": said("assistant", "y") | {"tool_calls": [call]}, "t": said("tool", "z") | {"tool_call_id": "1"}}[
                role
            ]
        )
    world = World()
    request = request_of({"api": "chat", "body": {"model": "m", "messages": messages}})
    assert view_of(world.pipeline.policy, _asked(world, request), 1.0).turns_ahead == turns


async def test_a_chore_does_not_move_its_conversation() -> None:
    world = World(score=0.9)
    assert (await world.send(said("user", "prove it"))).tier == "complex"
    before = dict(world.memories.kept)
    world.clock.advance(30)
    chore = await world.send(said("system", TITLE), said("user", "prove it"))
    assert (chore.tier, "housekeeping" in chore.reasons) == ("simple", True)
    assert world.memories.kept == before
    assert (await world.send(said("user", "prove it"), said("assistant", "so"), said("user", "and?"))).reasons[-1] == "sticky"


async def test_a_chore_before_anything_else_leaves_no_past() -> None:
    world = World(score=0.9)
    await world.send(said("system", TITLE), said("user", "prove it"))
    again = await world.send(said("user", "prove it"))
    assert (again.tier, again.reasons) == ("complex", ("score:top",))


@pytest.mark.parametrize("sticky", ["true", "false"])
async def test_what_a_provider_keeps_binds_whether_or_not_conversations_stay(sticky: str) -> None:
    world = World(f"routing: {{sticky: {sticky}}}\n", score=0.5)
    assert (await world.send(said("user", "a"), path="/v1/messages", max_tokens=9)).chain[0] == "mid"
    signed = said("assistant", [{"type": "thinking", "thinking": "so", "signature": "c2ln"}, {"type": "text", "text": "b"}])
    ticket = await world.send(said("user", "a"), signed, said("user", "c"), path="/v1/messages", max_tokens=9)
    assert (ticket.chain, ticket.reasons) == (("mid",), ("pin:thinking",))


def _asked(world: World, request: Any) -> Any:
    from extproc.identity import ANYBODY
    from extproc.routing.fit import Demand
    from extproc.shaping import Asked, Findings

    head = Head("POST", CHAT, {}, has_body=True)
    return Asked(head, ANYBODY, request, Findings(None, Demand(request.api, request.needs, 10, None)), 10, 0.0)
