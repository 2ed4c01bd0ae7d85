"""What tells conversations apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Api
from extproc.dialects import Refusal, Request, parse
from extproc.scope import Scope
from extproc.scope import parse as scope
from extproc.session import Session, session_from, session_of, session_of_answer

ACME, OTHER = scope("acme/retail"), scope("other")
HEADERS = ("x-session-id", "x-thread")


def request(api: Api = Api.CHAT, **members: Any) -> Request:
    parsed = parse(api, json.dumps({"model": "auto", **members}).encode(), max_body_bytes=10**6)
    assert not isinstance(parsed, Refusal)
    return parsed


def chat(*turns: str, system: str = "", **members: Any) -> Request:
    messages = [{"role": ("user", "assistant")[index % 2], "content": turn} for index, turn in enumerate(turns)]
    return request(messages=[{"role": "system", "content": system}, *messages], **members)


def session(asked: Request, who: Scope = ACME, **headers: str) -> Session:
    return session_of(asked, {name.replace("_", "-"): value for name, value in headers.items()}, HEADERS, who)


def test_later_turns_belong_to_the_first() -> None:
    first, third = session(chat("hello", system="be kind")), session(chat("hello", "hi", "and now?", system="be kind"))
    assert first.digest == third.digest
    assert not first.may_have_past
    assert third.may_have_past


@pytest.mark.parametrize(
    "other",
    [
        session(chat("hello!", system="be kind")),
        session(chat("hello", system="be brief")),
        session(chat("hello", system="be kind"), OTHER),
        session(chat("hello", system="be kind", user="someone")),
        session(chat("hello", system="be kind"), x_session_id="7"),
    ],
)
def test_others_do_not(other: Session) -> None:
    assert other.digest != session(chat("hello", system="be kind")).digest


@pytest.mark.parametrize(
    ("named", "headers"),
    [
        (request(Api.RESPONSES, input="hello", conversation="conv_1"), {}),
        (request(Api.RESPONSES, input="hello", conversation={"id": "conv_1"}), {}),
        (chat("hello", metadata={"session_id": "s-1"}), {}),
        (chat("hello"), {"x_thread": "t-1"}),
        (request(Api.RESPONSES, input="hello", previous_response_id="resp_1"), {}),
    ],
)
def test_what_is_named_may_have_a_past_at_its_first_turn(named: Request, headers: dict[str, str]) -> None:
    assert session(named, **headers).may_have_past


def test_a_header_counts_before_the_body() -> None:
    one, two = (session(chat("hello", metadata={"session_id": name}), x_session_id="h") for name in ("a", "b"))
    assert one == two


@given(st.text(max_size=50), st.text(max_size=50))
def test_the_digest_says_nothing_and_is_short(ask: str, name: str) -> None:
    made = session(chat(ask), x_session_id=name)
    assert len(made.digest) == 32
    assert set(made.digest) <= set("0123456789abcdef")


def test_threads_of_one_name_have_openings_of_their_own() -> None:
    one = session(chat("plan the work", system="planner"), x_session_id="s")
    other = session(chat("read this file", system="helper"), x_session_id="s")
    assert one.digest == other.digest
    assert one.opening != other.opening
    assert session(chat("plan the work", "done", "go on", system="planner"), x_session_id="s") == one


def test_a_conversation_that_the_provider_keeps_has_no_openings() -> None:
    one, two = (session(request(Api.RESPONSES, input=text, conversation="conv_1")) for text in ("a", "b"))
    assert one == two


def test_the_text_of_a_session_says_both() -> None:
    made = session(chat("plan"), x_session_id="s")
    again = session_from(made.organisation, made.text)
    assert (again.digest, again.opening) == (made.digest, made.opening)


def test_an_answer_is_gone_on_from_within_its_conversation() -> None:
    asked = request(Api.RESPONSES, input="and?", previous_response_id="resp_1")
    within = session(asked, x_session_id="s")
    assert within.digest == session(chat("hello"), x_session_id="s").digest
    assert within == session_of_answer(ACME, "resp_1", within.digest)
    assert session(asked) == session_of_answer(ACME, "resp_1")
    assert within.is_answer
