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
from extproc.session import Session, session_of

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
