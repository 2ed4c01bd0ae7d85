from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Policy
from extproc.protocol import envoy_pb2 as pb
from extproc.usage import Record, Ticket, record_of
from tests.usage.attempt_rows import ATTEMPT_ROWS
from tests.usage.rows import CHAT_USAGE, ROWS, Row

Tickets = Callable[..., Ticket]
Entries = Callable[..., pb.HTTPAccessLogEntry]


@pytest.mark.parametrize("row", [*ROWS, *ATTEMPT_ROWS], ids=lambda row: row.title)
def test_a_request_leaves_its_record(row: Row, policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    text = None if row.ticket is None else row.ticket.get("text") or ticket(**row.ticket)
    record = record_of(log_entry(text, row.usage, **row.seen), lambda _: policy)
    assert record is not None
    assert {name: getattr(record, name) for name in row.expected} == row.expected
    assert Record.from_json(record.to_json()) == record


def test_a_record_says_who_when_and_why(policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    record = record_of(log_entry(ticket(), CHAT_USAGE), lambda _: policy)
    assert record is not None
    assert (record.request_id, record.stream_id, record.caller) == ("req-1", "stream-1", "key-abc")
    assert (record.started_at, record.decided_at) == (1_700_000_000.25, 1_700_000_000.25)
    assert (record.tier, record.score, record.task, record.reasons) == ("simple", 0.2, "chat", ("score<=0.33",))
    assert (record.time_to_first_byte_s, record.duration_s, record.decision_us) == (0.12, 1.5, 350)
    assert (record.request_bytes, record.response_bytes, record.details) == (400, 900, "via_upstream")
    assert record.traceparent == ticket().traceparent


@pytest.mark.parametrize(
    ("usage", "outcome"), [(CHAT_USAGE, "ok"), ({"start_input_tokens": 9, "start_output_tokens": 1}, "cut_off"), ({}, "cut_off")]
)
def test_a_caller_who_hangs_up_after_the_counts_has_had_the_whole_stream(
    usage: dict[str, Any], outcome: str, policy: Policy, ticket: Tickets, log_entry: Entries
) -> None:
    record = record_of(log_entry(ticket(is_stream=True), usage, flags=("downstream_remote_reset",)), lambda _: policy)
    assert record is not None
    assert record.outcome == outcome


def test_an_entry_about_a_request_that_still_runs_is_no_record(policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    entry = log_entry(ticket(), CHAT_USAGE)
    entry.common_properties.intermediate_log_entry = True
    assert record_of(entry, lambda _: policy) is None


def test_the_policy_is_the_one_the_ticket_names(policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    older = replace(policy, digest="aaaaaaaaaaaa", backends={**policy.backends, "local": policy.backends["frontier"]})
    known = {policy.digest: policy, older.digest: older}
    entry = log_entry(ticket(policy_digest=older.digest), CHAT_USAGE)
    record = record_of(entry, lambda digest: known.get(digest, policy))
    assert record is not None
    assert (record.cost_micro_usd, record.is_estimated) == (18_007, False)


def test_an_undecided_request_is_known_by_the_path_it_came_with(policy: Policy, log_entry: Entries) -> None:
    entry = log_entry(None, CHAT_USAGE, path="/prefix/v1/chat/completions")
    entry.request.original_path = "/v1/chat/completions?x=1"
    record = record_of(entry, lambda _: policy)
    assert record is not None
    assert (record.api, record.outcome) == ("chat", "unmanaged")


def test_an_undecided_stream_is_known_by_its_content_type(policy: Policy, log_entry: Entries) -> None:
    entry = log_entry(None, None, response_bytes=2300)
    entry.response.response_headers["content-type"] = "text/event-stream; charset=utf-8"
    record = record_of(entry, lambda _: policy)
    assert record is not None
    assert (record.is_stream, record.completion_tokens) == (True, 10)


def test_an_empty_entry_is_a_failed_request(policy: Policy) -> None:
    record = record_of(pb.HTTPAccessLogEntry(), lambda _: policy)
    assert record is not None
    assert (record.outcome, record.kind, record.cost_micro_usd) == ("failed", "unmanaged", 0)


def test_no_path_of_a_request_is_on_its_record(policy: Policy, log_entry: Entries) -> None:
    record = record_of(log_entry(None, None, path="/v1/files/secret-name", method=1), lambda _: policy)
    assert record is not None
    assert "secret-name" not in record.line()


_leaves = st.none() | st.booleans() | st.floats() | st.text(max_size=30)
_members = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8
)


@given(
    st.dictionaries(st.sampled_from(("ticket", "tier", "x", "attempt_2", "attempt_3")), _members),
    st.dictionaries(st.sampled_from(("prompt_tokens", "output_tokens", "start_input_tokens", "model", "x")), _members),
    st.integers(0, 999),
    st.integers(0, 2**32 - 1),
    st.text(max_size=12),
)
def test_no_metadata_makes_settling_raise(
    policy: Policy, ours: dict[str, Any], said: dict[str, Any], status: int, tries: int, cluster: str
) -> None:
    entry = pb.HTTPAccessLogEntry()
    for space, members in (("tiermesh", ours), ("tiermesh.usage", said)):
        struct = Struct()
        struct.update(members)
        entry.common_properties.metadata.filter_metadata[space].CopyFrom(struct)
    entry.response.response_code.value = status
    entry.common_properties.upstream_request_attempt_count = tries
    entry.common_properties.upstream_cluster = f"backend.{cluster}"
    record = record_of(entry, lambda _: policy)
    assert record is not None
    assert record.cost_micro_usd >= 0
    assert Record.from_json(record.to_json()) == record


@given(st.binary(max_size=200))
def test_no_bytes_that_parse_make_settling_raise(policy: Policy, wire: bytes) -> None:
    entry = pb.HTTPAccessLogEntry()
    try:
        entry.ParseFromString(wire)
    except Exception:  # noqa: BLE001
        return
    record_of(entry, lambda _: policy)
