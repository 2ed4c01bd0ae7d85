from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Policy
from extproc.protocol import envoy_pb2 as pb
from extproc.usage import Record, Ticket, record_of

Tickets = Callable[..., Ticket]
Entries = Callable[..., pb.HTTPAccessLogEntry]

_CHAT_USAGE = {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140, "model": "local-model-2024"}


@dataclass(frozen=True)
class Row:
    """One request: its ticket's fields (None: no ticket), what its answer said, what Envoy saw, and what the record says."""

    title: str
    ticket: dict[str, Any] | None
    usage: dict[str, Any] | None
    seen: dict[str, Any]
    expected: dict[str, Any] = field(default_factory=dict)


_ROWS = (
    Row(
        "an OpenAI answer",
        {},
        _CHAT_USAGE,
        {},
        {
            "outcome": "ok",
            "backend": "local",
            "attempts": ("local",),
            "model": "local-model",
            "reported_model": "local-model-2024",
            "revision": "local-rev",
            "location": "on_prem",
            "prompt_tokens": 100,
            "completion_tokens": 40,
            "is_estimated": False,
            "cost_micro_usd": 180,
            "asked_cost_micro_usd": 18_007,  # auto: what the baseline takes, its fee included
            "saved_micro_usd": 17_827,
        },
    ),
    Row(
        "an OpenAI stream with cached and reasoning tokens",
        {"is_stream": True, "asked_model": "gpt-mid"},
        {"prompt_tokens": 1000, "completion_tokens": 300, "cached_tokens": 800, "reasoning_tokens": 200},
        {},
        {
            "outcome": "ok",
            "prompt_tokens": 1000,
            "cached_tokens": 800,
            "completion_tokens": 300,
            "reasoning_tokens": 200,
            "cost_micro_usd": 880,
            "asked_cost_micro_usd": 8800,
        },
    ),
    Row(
        "an Anthropic answer whose caches come on top",
        {"api": "messages", "asked_model": "mid-model", "kind": "passed", "chain": ("mid",)},
        {"input_tokens": 20, "output_tokens": 10, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 80},
        {"cluster": "backend.mid", "path": "/v1/messages"},
        {
            "outcome": "ok",
            "kind": "passed",
            "prompt_tokens": 1100,
            "cached_tokens": 1000,
            "cache_write_tokens": 80,
            "completion_tokens": 10,
            "cost_micro_usd": 200 + 1000 + 1000 + 200,
            "saved_micro_usd": 0,
        },
    ),
    Row(
        "an Anthropic stream",
        {"api": "messages", "is_stream": True},
        {"start_input_tokens": 25, "start_output_tokens": 1, "output_tokens": 90},
        {},
        {"outcome": "ok", "prompt_tokens": 25, "completion_tokens": 90, "is_estimated": False},
    ),
    Row(
        "a responses answer",
        {"api": "responses"},
        {"input_tokens": 36, "output_tokens": 87, "cached_tokens": 30, "reasoning_tokens": 64},
        {},
        {"prompt_tokens": 36, "cached_tokens": 30, "completion_tokens": 87, "reasoning_tokens": 64},
    ),
    Row(
        "embeddings",
        {"api": "embeddings", "kind": "passed", "score": None},
        {"prompt_tokens": 8, "total_tokens": 8},
        {"path": "/v1/embeddings"},
        {"prompt_tokens": 8, "completion_tokens": 0, "is_estimated": False, "score": None, "cost_micro_usd": 8},
    ),
    Row(
        "a failover names everyone who was tried and who answered",
        {},
        _CHAT_USAGE,
        {"cluster": "backend.mid", "tries": 2},
        {"outcome": "ok", "attempts": ("local", "mid"), "backend": "mid", "location": "cloud", "cost_micro_usd": 1800},
    ),
    Row(
        "every backend answered with an error",
        {},
        None,
        {"status": 503, "cluster": "backend.frontier", "tries": 3, "flags": ("upstream_retry_limit_exceeded",)},
        {
            "outcome": "failed",
            "attempts": ("local", "mid", "frontier"),
            "backend": "frontier",
            "prompt_tokens": 0,
            "cost_micro_usd": 0,
            "asked_cost_micro_usd": 0,
            "is_estimated": False,
            "flags": "URX",
        },
    ),
    Row(
        "no backend could be reached",
        {},
        None,
        {
            "status": 503,
            "cluster": "backend.mid",
            "tries": 2,
            "flags": ("upstream_connection_failure", "upstream_retry_limit_exceeded"),
            "details": "upstream_reset_before_response_started{connection_failure}",
        },
        {"outcome": "failed", "attempts": ("local", "mid"), "backend": None, "model": "", "location": "", "flags": "UF,URX"},
    ),
    Row(
        "a backend's refusal that counted tokens is paid",
        {},
        {"prompt_tokens": 50, "completion_tokens": 0},
        {"status": 400},
        {"outcome": "failed", "backend": "local", "prompt_tokens": 50, "cost_micro_usd": 50, "is_estimated": False},
    ),
    Row(
        "a refusal of ours costs nothing, whatever route it would have taken",
        {"kind": "refused", "refusal": "model_not_found", "chain": ()},
        None,
        {"status": 404, "cluster": "backend.local", "tries": 0, "response_bytes": 120},
        {"outcome": "refused", "kind": "refused", "refusal": "model_not_found", "backend": None, "attempts": (), "cost_micro_usd": 0},
    ),
    Row(
        "the caller left before an answer",
        {},
        None,
        {"status": 0, "flags": ("downstream_connection_termination",), "response_bytes": 0},
        {
            "outcome": "aborted",
            "status": 0,
            "backend": None,
            "attempts": ("local",),
            "time_to_first_byte_s": None,
            "prompt_tokens": 90,
            "completion_tokens": 0,
            "is_estimated": True,
            "estimate_reason": "aborted",
            "cost_micro_usd": 90,
        },
    ),
    Row(
        "the caller left before anything was sent on",
        {},
        None,
        {"status": 0, "flags": ("downstream_connection_termination",), "tries": 0, "cluster": ""},
        {"outcome": "aborted", "attempts": (), "prompt_tokens": 0, "is_estimated": False, "cost_micro_usd": 0},
    ),
    Row(
        "no response and nobody left",
        {},
        None,
        {"status": 0, "flags": ("overload_manager",)},
        {"outcome": "failed", "status": 0, "cost_micro_usd": 0},
    ),
    Row(
        "a stream that its backend cut off",
        {"is_stream": True},
        None,
        {"flags": ("upstream_remote_reset",), "response_bytes": 2300},
        {
            "outcome": "cut_off",
            "backend": "local",
            "prompt_tokens": 90,
            "completion_tokens": 10,
            "is_estimated": True,
            "estimate_reason": "cut_off",
            "cost_micro_usd": 110,
        },
    ),
    Row(
        "a stream that its caller cut off knows its prompt",
        {"api": "messages", "is_stream": True},
        {"start_input_tokens": 70, "start_output_tokens": 3},
        {"flags": ("downstream_remote_reset",), "response_bytes": 1300},
        {"outcome": "cut_off", "prompt_tokens": 70, "completion_tokens": 10, "is_estimated": True, "estimate_reason": "cut_off"},
    ),
    Row(
        "a stream left after its usage had come is exact",
        {"is_stream": True},
        _CHAT_USAGE,
        {"flags": ("downstream_connection_termination",)},
        {"outcome": "cut_off", "prompt_tokens": 100, "completion_tokens": 40, "is_estimated": False},
    ),
    Row(
        "an answer that says nothing of usage",
        {"max_output_tokens": 64},
        None,
        {"response_bytes": 4000},
        {"outcome": "ok", "prompt_tokens": 90, "completion_tokens": 64, "is_estimated": True, "estimate_reason": "no_usage"},
    ),
    Row(
        "an answer that says half",
        {},
        {"prompt_tokens": 100},
        {"response_bytes": 400},
        {"prompt_tokens": 100, "completion_tokens": 100, "is_estimated": True, "estimate_reason": "partial_usage"},
    ),
    Row(
        "usage that cannot be",
        {},
        {"prompt_tokens": -4, "completion_tokens": "many"},
        {"response_bytes": 400},
        {"prompt_tokens": 90, "completion_tokens": 100, "is_estimated": True, "estimate_reason": "no_usage"},
    ),
    Row(
        "an LLM request that nobody decided about",
        None,
        _CHAT_USAGE,
        {},
        {
            "outcome": "unmanaged",
            "kind": "unmanaged",
            "api": "chat",
            "request_id": "envoy-req-1",
            "backend": "local",
            "attempts": ("local",),
            "prompt_tokens": 100,
            "cost_micro_usd": 180,
            "saved_micro_usd": 0,
            "decided_at": 0.0,
            "tier": "",
        },
    ),
    Row(
        "an undecided request without usage is estimated too",
        None,
        None,
        {"response_bytes": 400},
        {"outcome": "unmanaged", "prompt_tokens": 100, "completion_tokens": 100, "is_estimated": True},
    ),
    Row(
        "a ticket that cannot be read is none",
        {"text": "{not json"},
        _CHAT_USAGE,
        {},
        {"outcome": "unmanaged", "kind": "unmanaged"},
    ),
    Row(
        "an undecided request that fails is a failure",
        None,
        None,
        {"status": 500, "tries": 0, "cluster": "", "details": "ext_proc_error"},
        {"outcome": "failed", "kind": "unmanaged", "api": "chat"},
    ),
    Row(
        "a body that Envoy found too large",
        None,
        None,
        {"status": 413, "tries": 0, "details": "request_payload_too_large"},
        {"outcome": "refused", "kind": "unmanaged", "backend": None},
    ),
    Row(
        "another path",
        None,
        None,
        {"path": "/v1/files?limit=3", "method": 1},
        {
            "outcome": "ok",
            "kind": "unmanaged",
            "api": "",
            "backend": "local",
            "prompt_tokens": 0,
            "is_estimated": False,
            "cost_micro_usd": 0,
        },
    ),
    Row(
        "the model list, answered here",
        None,
        None,
        {"path": "/v1/models", "method": 1, "tries": 0},
        {"outcome": "ok", "api": "", "backend": None, "attempts": ()},
    ),
    Row(
        "a backend that the configuration no longer has",
        {"chain": ("gone",)},
        _CHAT_USAGE,
        {"cluster": "backend.gone"},
        {"backend": "gone", "model": "", "cost_micro_usd": 18_007, "is_estimated": True, "estimate_reason": "unknown_backend"},
    ),
    Row(
        "a decision under other prices",
        {"policy_digest": "ffffffffffff"},
        _CHAT_USAGE,
        {},
        {"cost_micro_usd": 180, "is_estimated": True, "estimate_reason": "other_prices", "policy_digest": "ffffffffffff"},
    ),
    Row(
        "an answer whose cluster is not named is its last attempt's",
        {},
        _CHAT_USAGE,
        {"cluster": "chain.local+mid+frontier", "tries": 2},
        {"backend": "mid", "attempts": ("local", "mid")},
    ),
    Row(
        "names from outside are short and can be encoded",
        {"asked_model": "\ud800" + "x" * 999},
        _CHAT_USAGE,
        {},
        {"asked_model": "?" + "x" * 255},
    ),
)


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row.title)
def test_a_request_leaves_its_record(row: Row, policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    text = None if row.ticket is None else row.ticket.get("text") or ticket(**row.ticket)
    record = record_of(log_entry(text, row.usage, **row.seen), lambda _: policy)
    assert record is not None
    assert {name: getattr(record, name) for name in row.expected} == row.expected
    assert Record.from_json(record.to_json()) == record


def test_a_record_says_who_when_and_why(policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    record = record_of(log_entry(ticket(), _CHAT_USAGE), lambda _: policy)
    assert record is not None
    assert (record.request_id, record.stream_id, record.caller) == ("req-1", "stream-1", "key-abc")
    assert (record.started_at, record.decided_at) == (1_700_000_000.25, 1_700_000_000.25)
    assert (record.tier, record.score, record.task, record.reasons) == ("simple", 0.2, "chat", ("score<=0.33",))
    assert (record.time_to_first_byte_s, record.duration_s, record.decision_us) == (0.12, 1.5, 350)
    assert (record.request_bytes, record.response_bytes, record.details) == (400, 900, "via_upstream")
    assert record.traceparent == ticket().traceparent


def test_an_entry_about_a_request_that_still_runs_is_no_record(policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    entry = log_entry(ticket(), _CHAT_USAGE)
    entry.common_properties.intermediate_log_entry = True
    assert record_of(entry, lambda _: policy) is None


def test_the_policy_is_the_one_the_ticket_names(policy: Policy, ticket: Tickets, log_entry: Entries) -> None:
    older = replace(policy, digest="aaaaaaaaaaaa", backends={**policy.backends, "local": policy.backends["frontier"]})
    known = {policy.digest: policy, older.digest: older}
    entry = log_entry(ticket(policy_digest=older.digest), _CHAT_USAGE)
    record = record_of(entry, lambda digest: known.get(digest, policy))
    assert record is not None
    assert (record.cost_micro_usd, record.is_estimated) == (18_007, False)


def test_an_undecided_request_is_known_by_the_path_it_came_with(policy: Policy, log_entry: Entries) -> None:
    entry = log_entry(None, _CHAT_USAGE, path="/prefix/v1/chat/completions")
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
    st.dictionaries(st.sampled_from(("ticket", "tier", "x")), _members),
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
