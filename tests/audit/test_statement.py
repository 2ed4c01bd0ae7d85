"""What a log is taken to say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from extproc.audit import Entry, Problem, Span, Statement, Tally, Verification, conclusion

EVER = Span(0, 2**62)


def told(entries: Iterable[Entry], span: Span = EVER) -> Statement:
    tally = Tally(span)
    for number, entry in enumerate(entries, 1):
        tally.add(json.dumps({**entry.members(), "seq": number, "time_us": number * 1_000_000}).encode())
    return tally.statement()


def made(event: Any, **fields: Any) -> Entry:
    return Entry(event, "r", fields.pop("scope", "acme/hr"), **fields)


CLEAN = made("released", backend="cloud")
ALLOWED = made("released", kinds=(("salary", 2),), rules=("hr",), backend="cloud")
BLOCKED = made("blocked", kinds=(("api_key", 1),), rules=("secrets",))
SPILLED = made("spilled", kinds=(("email", 3),), rules=("mail",), traded=("tier:complex>simple",), backend="cloud")
UNREAD = made("fell_back", unread=("image",), rules=("pictures",), backend="cloud")
UNRULED = made("released", kinds=(("iban", 1),), backend="cloud")


@pytest.mark.parametrize(
    ("entries", "is_clean", "text"),
    [
        ([], True, "Nothing sensitive left: 0 requests went to cloud backends, with findings in none of them."),
        ([CLEAN, BLOCKED], True, "Nothing sensitive left: 1 request went to cloud backends, with findings in none of them."),
        (
            [CLEAN, ALLOWED, ALLOWED, UNREAD],
            False,
            (
                "Something sensitive left: of 4 requests to cloud backends, 3 had findings or parts that could not be read. "
                "2 requests by rule hr: salary. 1 request by rule pictures: unread image."
            ),
        ),
        (
            [SPILLED],
            False,
            (
                "Something sensitive left: of 1 request to cloud backends, 1 had findings or parts that could not be read. "
                "1 request by rule mail: email, spilled for tier:complex>simple."
            ),
        ),
        (
            [UNRULED],
            False,
            (
                "Something sensitive left: of 1 request to cloud backends, 1 had findings or parts that could not be read. "
                "1 request without any rule that allows it."
            ),
        ),
    ],
)
def test_the_sentence_says_what_left_and_by_which_rule(entries: list[Entry], is_clean: bool, text: str) -> None:
    found = conclusion(told(entries), Verification())
    assert (found.is_clean, found.text) == (is_clean, text)


def test_nothing_is_said_of_a_log_that_was_touched() -> None:
    found = conclusion(told([CLEAN]), Verification(problems=[Problem("audit-000001.jsonl", "is no record", 1, 1)]))
    assert (found.is_clean, found.text) == (False, "Nothing can be said: the log is not as its writers left it.")


def test_only_the_time_and_the_scope_that_are_asked_for_count() -> None:
    entries = [CLEAN, ALLOWED, made("released", scope="acme/retail"), made("released", scope="other"), CLEAN]
    found = told(entries, Span(2_000_000, 5_000_000, ("acme",)))
    assert (found.left, found.first_seq, found.last_seq) == (2, 2, 3)
    assert told(entries, Span(0, 2**62, ("acme", "hr"))).left == 3


def test_counts_are_by_what_requests_have_in_common() -> None:
    found = told([CLEAN, CLEAN, ALLOWED, BLOCKED, SPILLED])
    assert [count for _, count in found.rows] == [2, 1, 1, 1]
    assert found.events == {"released": 3, "fell_back": 0, "blocked": 1, "refused": 0, "spilled": 1}
    assert found.findings == (("email", 3), ("salary", 2))
    assert (found.left, found.unruled) == (4, 0)


def test_policies_are_told_with_their_times() -> None:
    found = told([made("released", policy="a"), made("blocked", policy="a"), made("released", policy="b")])
    assert [(each.policy, each.records, each.first_us, each.last_us) for each in found.policies] == [
        ("a", 2, 1_000_000, 2_000_000),
        ("b", 1, 3_000_000, 3_000_000),
    ]


@pytest.mark.parametrize("entry", [b"", b"[]", b"{}", b'{"event":"rotated","seq":1,"time_us":5}', b'{"event":"released"}', b"\xff"])
def test_what_is_no_decision_is_passed_over(entry: bytes) -> None:
    tally = Tally(EVER)
    tally.add(entry)
    assert tally.statement().rows == ()
