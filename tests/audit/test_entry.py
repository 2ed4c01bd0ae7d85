"""What a record may hold, and what it cannot."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.audit import EVENTS, Entry
from extproc.audit.line import Place, canonical, entry_of, is_whole, sealed, signature_of, signed_text
from tests.audit.logs import KEYS, append, chain, entry, newest

PROMPT = "Dear Dr. Smith, the patient's number is 123-45-6789.\nPlease help!"
NAME = re.compile(r"[A-Za-z0-9._~@+:/=>%-]{0,200}")


@given(st.text())
def test_any_name_becomes_one_that_every_reader_takes_alike(text: str) -> None:
    members = Entry("blocked", request_id=text, scope=text, kinds=((text, 1),), rules=(text,), unread=(text,), traded=(text,)).members()
    names = [members.get("request_id", ""), members.get("scope", ""), *members["rules"], *members["unread"], members["kinds"][0][0]]
    assert all(NAME.fullmatch(name) for name in names)


def test_a_text_does_not_get_in_as_it_is(tmp_path: Path) -> None:
    names = {field.name: PROMPT for field in fields(Entry) if field.type == "str"}
    writer = chain(tmp_path)
    writer.append([Entry("released", kinds=((PROMPT, 1),), rules=(PROMPT,), **names).members()])  # type: ignore[arg-type]
    written = newest(tmp_path).read_text()
    assert PROMPT not in written
    assert " " not in written.rstrip()
    assert all(len(value) <= 200 for value in json.loads(written)["entry"].values() if isinstance(value, str))


def test_there_is_no_field_for_bytes_or_anything_open() -> None:
    kinds = {str(field.type) for field in fields(Entry)}
    assert kinds == {"Event", "str", "tuple[Count, ...]", "tuple[str, ...]"}


def test_every_event_is_written_as_it_is_called() -> None:
    assert [Entry(event, "r", "acme").members()["event"] for event in EVENTS] == list(EVENTS)


def test_members_are_sorted_without_spaces_and_empty_ones_are_left_out() -> None:
    assert canonical(entry(3).members()) == (
        b'{"api":"chat","backend":"cloud","body":"%b","event":"released","kinds":[["email",3]],"location":"cloud","model":"big-model",'
        b'"policy":"0123456789abcdef","request_id":"req-3","rules":["support-may-mail"],"scope":"acme/retail/search"}'
        % KEYS.digest(b"body 3").encode()
    )


def test_the_last_record_of_a_write_is_signed_and_covers_all_of_it() -> None:
    data, place = sealed([entry(1).members(), entry(2).members()], Place(6, "0" * 64), 123, KEYS.sign)
    first, last = data.splitlines(keepends=True)
    assert is_whole(first)
    assert is_whole(last)
    signature = signature_of(entry_of(last))
    assert signature_of(entry_of(first)) is None
    assert signature is not None
    assert KEYS.public.has_signed(signature, signed_text(entry_of(last)))
    assert not KEYS.public.has_signed(signature, signed_text(entry_of(last).replace(b"req-2", b"req-3")))
    assert (json.loads(last)["entry"]["seq"], place) == (8, Place(8, json.loads(last)["hash"]))
    assert json.loads(last)["entry"]["previous"] == json.loads(first)["hash"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_time_is_that_of_the_write_in_microseconds(tmp_path: Path, count: int) -> None:
    append(chain(tmp_path), *range(count))
    assert {json.loads(line)["entry"]["time_us"] for line in newest(tmp_path).read_text().splitlines()} == {1_700_000_000_000_000}
