"""Calls that applications make for themselves: bodies of well-known clients, and users' own that look like them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Api
from extproc.dialects import Request, parse
from extproc.routing import Chore, Outline, chore_of, is_housekeeping
from extproc.routing.housekeeping import ASK_CHARS, SYSTEM_CHARS
from extproc.viewing import outline_of

ROWS = json.loads((Path(__file__).parent / "fixtures" / "housekeeping.json").read_text(encoding="utf-8"))
CHORES = [row for row in ROWS if row["chore"]]


def outline(row: dict[str, Any]) -> Outline:
    raw = json.dumps(row["body"]).encode()
    request = parse(Api(row["api"]), raw, max_body_bytes=len(raw))
    assert isinstance(request, Request)
    return outline_of(request)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['client']}: {row['name']}")
def test_calls_of_well_known_clients(row: dict[str, Any]) -> None:
    assert chore_of(outline(row)).value == row["chore"]
    assert is_housekeeping(outline(row)) == bool(row["chore"])


def test_there_are_chores_of_many_clients_in_every_dialect() -> None:
    assert len(CHORES) >= 12
    assert {row["api"] for row in CHORES} == {"chat", "messages", "responses"}
    assert {row["chore"] for row in CHORES} == {chore.value for chore in Chore if chore}
    assert {"claude-code", "opencode", "aider", "cline", "open-webui", "librechat", "continue"} <= {row["client"] for row in CHORES}


@pytest.mark.parametrize("row", CHORES, ids=lambda row: row["name"])
def test_with_tools_or_after_their_results_it_is_the_users_work(row: dict[str, Any]) -> None:
    assert not is_housekeeping(replace(outline(row), tool_count=3))
    assert not is_housekeeping(replace(outline(row), is_after_tools=True))


@pytest.mark.parametrize("row", CHORES, ids=lambda row: row["name"])
def test_a_conversation_that_is_long_is_no_chore(row: dict[str, Any]) -> None:
    if row["chore"] != "quota":
        assert not is_housekeeping(replace(outline(row), chars=100_000))


@pytest.mark.parametrize(
    "ask",
    [
        "What is a good title for a talk about Raft?",
        "Explain how git stores commit messages, in two sentences only.",
        "Write a short story about a conversation between two trains.",
        "The user might click next: write only the state machine for that wizard.",
        "Tag the entities in this text and return only JSON: Ada met Grace.",
        "Generate a chat app with titles, tags and follow-up questions. Only TypeScript.",
        "Is this a new topic in mathematics? Prove it in 3 words: ...",
        "Prove that there are infinitely many primes. Be brief.",
        "hi",
    ],
)
def test_users_own_requests_are_scored(ask: str) -> None:
    assert not is_housekeeping(Outline("", ask, len(ask), 0, 1, is_after_tools=False, max_output_tokens=None))
    assert not is_housekeeping(
        Outline("You are a helpful assistant.", ask, len(ask) + 28, 0, 1, is_after_tools=False, max_output_tokens=4_096)
    )


@given(system=st.text(max_size=200), ask=st.text(max_size=300), tokens=st.none() | st.integers(1, 9_000), turns=st.integers(0, 9))
def test_any_text_can_be_asked_about(system: str, ask: str, tokens: int | None, turns: int) -> None:
    assert isinstance(
        chore_of(Outline(system, ask, len(system) + len(ask), 0, turns, is_after_tools=False, max_output_tokens=tokens)), Chore
    )


def test_only_the_ends_of_long_texts_are_read() -> None:
    body = {"model": "m", "messages": [{"role": "system", "content": "s" * 9_000}, {"role": "user", "content": "a" * 5_000 + "b" * 5_000}]}
    found = outline({"api": "chat", "body": body})
    assert (len(found.system), len(found.ask), found.chars) == (SYSTEM_CHARS, ASK_CHARS + 1, 19_000)
    assert found.ask.startswith("a")
    assert found.ask.endswith("b")
