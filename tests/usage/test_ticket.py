from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.usage import Ticket

_words = st.text(max_size=20)
_tickets = st.builds(
    Ticket,
    request_id=_words,
    decided_at=st.floats(0, 4e9),
    kind=st.sampled_from(("routed", "passed", "refused")),
    api=_words,
    asked_model=_words,
    tier=_words,
    score=st.none() | st.floats(0, 1),
    reasons=st.lists(_words, max_size=3).map(tuple),
    chain=st.lists(_words, max_size=3).map(tuple),
    prompt_tokens_estimate=st.integers(0, 10**9),
    max_output_tokens=st.none() | st.integers(0, 10**9),
    is_stream=st.booleans(),
    strips_usage=st.booleans(),
    restore=st.dictionaries(_words, st.none() | _words, max_size=3),
    refusal=_words,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_tickets)
def test_a_ticket_comes_back_as_it_went(ticket: Ticket) -> None:
    assert Ticket.decode(ticket.encode()) == ticket


@given(_tickets)
def test_a_ticket_travels_as_ascii(ticket: Ticket) -> None:
    assert ticket.encode().isascii()


def test_half_a_surrogate_pair_in_a_model_name_does_not_spoil_the_metadata(ticket: Callable[..., Ticket]) -> None:
    text = ticket(asked_model="a\ud800b").encode()
    assert text.encode("utf-8")
    decoded = Ticket.decode(text)
    assert decoded is not None
    assert decoded.asked_model == "a\ud800b"


def test_keys_of_a_later_version_are_skipped(ticket: Callable[..., Ticket]) -> None:
    members = json.loads(ticket().encode()) | {"zz": {"new": [1, 2]}, "lease": "abc"}
    assert Ticket.decode(json.dumps(members)) == ticket()


def test_members_with_their_default_are_not_sent() -> None:
    assert json.loads(Ticket("r", 1.0, "passed", "chat").encode()) == {"v": 1, "id": "r", "at": 1.0, "k": "passed", "a": "chat"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"v":1}',
        '{"v":2,"id":"r","at":1.0,"k":"routed","a":"chat"}',
        '{"v":1,"id":7,"at":1.0,"k":"routed","a":"chat"}',
        '{"v":1,"id":"r","at":NaN,"k":"routed","a":"chat"}',
        '{"v":1,"id":"r","at":1.0,"k":"routed","a":"chat","c":"local"}',
        '{"v":1,"id":"r","at":1.0,"k":"routed","a":"chat","pe":true}',
        '{"v":1,"id":"r","at":1.0,"k":"routed","a":"chat","pe":1e400}',
        '{"v":1,"id":"r","at":1.0,"k":"routed","a":"chat","pe":' + "9" * 5000 + "}",
        "[" * 100_000,
    ],
)
def test_what_is_no_ticket_is_none(text: str) -> None:
    assert Ticket.decode(text) is None


@given(_json | st.dictionaries(st.sampled_from(("v", "id", "at", "k", "a", "c", "s", "r", "pe")), _json | st.just(1)))
def test_no_json_makes_decoding_raise(value: object) -> None:
    Ticket.decode(json.dumps(value))


@given(st.text())
def test_no_text_makes_decoding_raise(text: str) -> None:
    Ticket.decode(text)
