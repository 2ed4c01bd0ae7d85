from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from extproc.usage.token import NO_USAGE, Tokens, estimated_completion, usage_of

_KEYS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_tokens",
    "start_input_tokens",
    "start_output_tokens",
    "start_cache_read_input_tokens",
    "start_cache_creation_input_tokens",
    "model",
)
_values = st.none() | st.booleans() | st.floats() | st.integers(-5, 50_000) | st.text(max_size=5) | st.lists(st.floats(), max_size=2)


def _struct(members: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(members)
    return struct


def _tokens(members: dict[str, Any], api: str) -> Tokens | None:
    usage = usage_of(_struct(members), api)
    return None if usage.prompt is None or usage.completion is None else usage.tokens(-1, -1)


@pytest.mark.parametrize(
    ("api", "said", "expected"),
    [
        pytest.param("chat", {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}, Tokens(10, 0, 0, 4, 0), id="chat"),
        pytest.param(
            "chat",
            {"prompt_tokens": 2006, "completion_tokens": 300, "cached_tokens": 1920, "reasoning_tokens": 256},
            Tokens(2006, 1920, 0, 300, 256),
            id="cached and reasoning are inside",
        ),
        pytest.param(
            "chat",
            {"prompt_tokens": 100, "completion_tokens": 5, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30},
            Tokens(100, 60, 30, 5, 0),
            id="Anthropic's names in an OpenAI answer do not add to its prompt",
        ),
        pytest.param("chat", {"prompt_tokens": 10, "total_tokens": 15}, Tokens(10, 0, 0, 5, 0), id="completion is the rest of the total"),
        pytest.param("embeddings", {"prompt_tokens": 8, "total_tokens": 8}, Tokens(8, 0, 0, 0, 0), id="embeddings complete nothing"),
        pytest.param(
            "responses",
            {"input_tokens": 36, "output_tokens": 87, "cached_tokens": 30, "reasoning_tokens": 64, "total_tokens": 123},
            Tokens(36, 30, 0, 87, 64),
            id="responses",
        ),
        pytest.param("responses", {"input_tokens": 36, "output_tokens": 87}, Tokens(36, 0, 0, 87, 0), id="responses without details"),
        pytest.param(
            "messages",
            {"input_tokens": 21, "output_tokens": 393, "cache_read_input_tokens": 1888, "cache_creation_input_tokens": 188},
            Tokens(2097, 1888, 188, 393, 0),
            id="messages: caches come on top of the input",
        ),
        pytest.param(
            "messages",
            {"start_input_tokens": 25, "start_output_tokens": 1, "start_cache_read_input_tokens": 100, "output_tokens": 15},
            Tokens(125, 100, 0, 15, 0),
            id="a stream's start names the input",
        ),
        pytest.param(
            "messages",
            {"start_input_tokens": 472, "start_output_tokens": 2, "input_tokens": 10682, "output_tokens": 510},
            Tokens(10682, 0, 0, 510, 0),
            id="later totals grow",
        ),
        pytest.param(
            "messages",
            {
                "start_input_tokens": 472,
                "start_cache_read_input_tokens": 9,
                "input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 5,
            },
            Tokens(481, 9, 0, 5, 0),
            id="a later zero takes nothing back",
        ),
        pytest.param(
            "", {"input_tokens": 3, "output_tokens": 4, "cached_tokens": 2}, Tokens(3, 2, 0, 4, 0), id="keys decide where nobody read"
        ),
        pytest.param(
            "chat", {"prompt_tokens": 5, "completion_tokens": 5, "cached_tokens": 50}, Tokens(5, 5, 0, 5, 0), id="cached is held down"
        ),
        pytest.param(
            "chat", {"prompt_tokens": 5, "completion_tokens": 5, "reasoning_tokens": 50}, Tokens(5, 0, 0, 5, 5), id="reasoning is held down"
        ),
        pytest.param("chat", {"prompt_tokens": 5}, None, id="half a count is not one"),
        pytest.param("messages", {"start_input_tokens": 5, "start_output_tokens": 1}, None, id="a start is not an end"),
        pytest.param("chat", {"prompt_tokens": "10", "completion_tokens": "4"}, None, id="text is no number"),
        pytest.param("chat", {"prompt_tokens": -1, "completion_tokens": 4}, None, id="nothing is negative"),
        pytest.param("chat", {"prompt_tokens": 2e9, "completion_tokens": 4}, None, id="nothing is that long"),
        pytest.param("chat", {"prompt_tokens": 1.5, "completion_tokens": 4}, None, id="tokens are whole"),
        pytest.param("chat", {"prompt_tokens": float("nan"), "completion_tokens": 4}, None, id="nan"),
        pytest.param("chat", {"prompt_tokens": float("inf"), "completion_tokens": 4}, None, id="inf"),
    ],
)
def test_an_answers_usage_means_the_same_in_every_api(api: str, said: dict[str, Any], expected: Tokens | None) -> None:
    assert _tokens(said, api) == expected


@given(
    st.dictionaries(st.sampled_from(_KEYS), _values),
    st.sampled_from(("chat", "messages", "responses", "embeddings", "completions", "", "?")),
)
def test_whatever_an_answer_says_counts_stay_possible(said: dict[str, Any], api: str) -> None:
    tokens = usage_of(_struct(said), api).tokens(7, 9)
    assert 0 <= tokens.cached + tokens.cache_write <= tokens.prompt
    assert tokens.cached >= 0
    assert tokens.cache_write >= 0
    assert 0 <= tokens.reasoning <= tokens.completion
    assert all(type(count) is int for count in (tokens.prompt, tokens.cached, tokens.cache_write, tokens.completion, tokens.reasoning))


@given(st.dictionaries(st.text(max_size=6), _values))
def test_an_answer_that_says_nothing_we_know_says_nothing(said: dict[str, Any]) -> None:
    assert usage_of(_struct(said), "chat").prompt is None or "prompt_tokens" in said or "input_tokens" in said


def test_an_absent_usage_is_recognised() -> None:
    assert usage_of(Struct(), "chat") is NO_USAGE


@pytest.mark.parametrize(
    ("api", "size", "is_stream", "limit", "expected"),
    [
        ("chat", 400, False, None, 100),
        ("chat", 2300, True, None, 10),
        ("messages", 1300, True, None, 10),
        ("chat", 2300, True, 4, 4),
        ("chat", 3, False, None, 1),
        ("chat", 0, True, None, 0),
        ("chat", -5, True, None, 0),
        ("embeddings", 9000, False, None, 0),
        ("unheard-of", 40, True, None, 10),
    ],
)
def test_a_completion_is_guessed_from_its_size(api: str, size: int, is_stream: bool, limit: int | None, expected: int) -> None:
    assert estimated_completion(api, size, is_stream=is_stream, limit=limit) == expected
