"""What a backend is sent: the caller's own bytes, the backend's own name and key, and nothing else of either."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extproc.testing import Behaviour
from tests.dataplane.harness import CALLERS_KEY, KEYS, Stack

pytestmark = pytest.mark.dataplane

# Spellings that a parser and a printer would not both keep.
ODD = (
    '{ "model"\t: "auto",\n "messages":[{"role":"user","content":"%s caf\\u00e9 \u00e9 \\/"}],'
    ' "x_unknown" : {"b":1.0, "a":1e3, "\\u0061b":[ ]} , "n":1}'
)


def test_only_the_model_differs(stack: Stack) -> None:
    text = ODD % "medium"
    answer = stack.post("/v1/chat/completions", text.encode())
    name, arrival = stack.arrival(answer.id)
    assert (answer.status, name) == (200, "mid")
    assert arrival.body.decode() == text.replace('"auto"', '"mid-model"')
    assert arrival.headers["content-length"] == str(len(arrival.body))


def test_forced_parameters_are_set_or_added(stack: Stack) -> None:
    text = (ODD % "easy").replace('"n":1', '"temperature":0.7, "n":1')
    _, arrival = stack.arrival(stack.post("/v1/chat/completions", text.encode()).id)
    expected = text.replace('"auto"', '"local-model"').replace("0.7", "0")[:-1] + ',"seed":7}'
    assert arrival.body.decode() == expected


def test_a_request_that_needs_no_edit_leaves_byte_for_byte(stack: Stack) -> None:
    text = (ODD % "hard").replace("auto", "mid-model").encode()
    _, arrival = stack.arrival(stack.post("/v1/chat/completions", text).id)
    assert arrival.body == text


def test_stream_options_keep_what_else_is_in_them(stack: Stack) -> None:
    answer = stack.chat("medium", stream=True, stream_options={"include_usage": False, "x": [1]})
    _, arrival = stack.arrival(answer.id)
    assert json.loads(arrival.body)["stream_options"] == {"include_usage": True, "x": [1]}


def test_the_callers_keys_stay_here(stack: Stack) -> None:
    secrets = {
        "authorization": f"Bearer {CALLERS_KEY}",
        "x-api-key": CALLERS_KEY,
        "api-key": CALLERS_KEY,
        "cookie": f"session={CALLERS_KEY}",
        "openai-organization": CALLERS_KEY,
        "proxy-authorization": CALLERS_KEY,
    }
    for word in ("easy", "medium", "hard"):
        answer = stack.chat(word, headers=secrets)
        _, arrival = stack.arrival(answer.id)
        assert CALLERS_KEY not in repr(arrival.headers)
        record = stack.record(answer.id)
        assert record.caller.startswith("key-")
        assert CALLERS_KEY not in record.line()


def test_each_backend_gets_its_own_key_in_its_own_way(stack: Stack) -> None:
    local, mid, frontier = (stack.arrival(stack.chat(word).id)[1].headers for word in ("easy", "medium", "hard"))
    assert not {"authorization", "x-api-key"} & set(local)
    assert mid["authorization"] == "Bearer sk-of-mid"
    assert "x-api-key" not in mid
    assert frontier["x-api-key"] == "sk-of-frontier"
    assert frontier["anthropic-version"] == "2023-06-01"
    assert "authorization" not in frontier


def test_the_callers_anthropic_version_is_kept(stack: Stack) -> None:
    answer = stack.chat("hard", headers={"anthropic-version": "2099-01-01"})
    assert stack.arrival(answer.id)[1].headers["anthropic-version"] == "2099-01-01"


@pytest.mark.parametrize("words", [("easy", "mid"), ("medium", "frontier"), ("hard", "mid")])
def test_after_a_failover_the_next_backend_has_its_own_key_and_no_other(stack: Stack, words: tuple[str, str]) -> None:
    word, second = words
    first = {"easy": "local", "medium": "mid", "hard": "frontier"}[word]
    stack.standins[first].then(Behaviour(status=503))
    arrivals = stack.arrivals(stack.chat(word).id)
    assert set(arrivals) == {first, second}
    for name, (arrival,) in arrivals.items():
        for owner, key in KEYS.items():
            assert (key in repr(arrival.headers)) == (owner == name), f"the key of {owner} at {name}"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-tiermesh-chain": "frontier"},
        {"X-TierMesh-Chain": "frontier", "x-tiermesh-answer": "strip-usage", "x-tiermesh-stream": "yes"},
        {"x-envoy-attempt-count": "2", "x-tiermesh-ticket": "{}", "x-envoy-upstream-rq-per-try-timeout-ms": "1"},
    ],
)
def test_a_client_does_not_choose_its_tier_by_our_headers(stack: Stack, headers: dict[str, str]) -> None:
    answer = stack.chat("easy", headers=headers)
    name, arrival = stack.arrival(answer.id)
    assert (answer.status, name) == (200, "local")
    assert not {*headers, *map(str.lower, headers)} & set(arrival.headers)
    assert not [header for header in arrival.headers if header.startswith("x-tiermesh-")]


def test_neither_on_other_paths(stack: Stack) -> None:
    answer = stack.post("/v1/files", b"x", {"x-tiermesh-chain": "frontier"})
    name, arrival = stack.arrival(answer.id)
    assert name == "local"
    assert not [header for header in arrival.headers if header.startswith("x-tiermesh-")]


def test_the_client_headers_a_backend_may_want_reach_it(stack: Stack) -> None:
    sent = {"user-agent": "my-app/3", "anthropic-beta": "some-feature", "x-stainless-lang": "python"}
    headers = stack.arrival(stack.chat("easy", headers=sent).id)[1].headers
    assert {name: headers.get(name) for name in sent} == sent


def test_a_query_string_is_kept(stack: Stack) -> None:
    body: Any = {"model": "claude-x", "max_tokens": 5, "messages": [{"role": "user", "content": "medium"}]}
    answer = stack.post("/v1/messages?beta=true", body)
    name, arrival = stack.arrival(answer.id)
    assert (answer.status, name, arrival.path) == (200, "mid", "/v1/messages?beta=true")
