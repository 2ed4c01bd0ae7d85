"""What each dialect says, in the one view."""

import json
from typing import Any

import pytest

from extproc import dialects
from extproc.config.section import Api, Capability
from extproc.dialects import Bulk, Turn
from tests.dialects.views import FUNCTION, VIEWS, said, text


def read(api: Api, **members: Any) -> dialects.Request:
    request = dialects.parse(api, json.dumps({"model": "m", **members}).encode(), max_body_bytes=1 << 20)
    assert isinstance(request, dialects.Request), request
    return request


@pytest.mark.parametrize(("api", "members", "system", "turns", "needs"), VIEWS.values(), ids=VIEWS.keys())
def test_a_dialect_reads_as(api: Api, members: dict[str, Any], system: str, turns: list[Turn], needs: set[Capability]) -> None:
    request = read(api, **members)
    assert (request.system, list(request.turns), request.needs) == (system, turns, needs)


@pytest.mark.parametrize(
    ("messages", "ask"),
    [
        ([said("user", "a"), said("assistant", "b"), said("user", "c")], "c"),
        ([said("user", "a"), said("assistant", "b")], "a"),
        ([said("user", "a"), said("assistant", None, tool_calls=[]), said("tool", "r")], "a"),
        ([said("user", "a"), said("user", [{"type": "image_url", "image_url": {"url": "u"}}])], "a"),
        ([said("system", "s")], ""),
    ],
)
def test_the_ask_is_the_last_thing_a_user_said(messages: list[Any], ask: str) -> None:
    assert read(Api.CHAT, messages=messages).ask == ask


@pytest.mark.parametrize(
    ("members", "is_stream", "asks_usage"),
    [
        ({}, False, False),
        ({"stream": True}, True, False),
        ({"stream": False, "stream_options": {"include_usage": True}}, False, True),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": "yes", "stream_options": []}, True, False),
        ({"stream": 1}, True, False),
        ({"stream": "True"}, True, False),
        ({"stream": 0}, False, False),
        ({"stream": "no"}, False, False),
        ({"stream": [True]}, False, False),
    ],
)
def test_streaming_is_what_a_lenient_server_would_take_for_it(members: dict[str, Any], is_stream: bool, asks_usage: bool) -> None:
    request = read(Api.CHAT, **members)
    assert (request.is_stream, request.asks_usage) == (is_stream, asks_usage)


@pytest.mark.parametrize(
    ("api", "members", "limit"),
    [
        (Api.CHAT, {"max_tokens": 5}, 5),
        (Api.CHAT, {"max_tokens": 5, "max_completion_tokens": 6}, 6),
        (Api.RESPONSES, {"max_output_tokens": 7}, 7),
        (Api.MESSAGES, {"max_tokens": 8}, 8),
        (Api.CHAT, {"max_tokens": None}, None),
        (Api.CHAT, {"max_tokens": True}, None),
        (Api.CHAT, {"max_tokens": -1}, None),
        (Api.CHAT, {"max_tokens": "5"}, None),
        (Api.CHAT, {}, None),
    ],
)
def test_the_output_limit_goes_by_each_dialects_name(api: Api, members: dict[str, Any], limit: int | None) -> None:
    assert read(api, **members).max_output_tokens == limit


def test_tools_and_schemas_are_counted_and_measured() -> None:
    tools = [FUNCTION, FUNCTION]
    output = {"type": "json_schema", "json_schema": {"schema": {}}}
    request = read(Api.CHAT, tools=tools, response_format=output, messages=[])
    assert request.tool_count == 2
    assert request.schema_chars == len(json.dumps(tools)) + len(json.dumps(output))


@pytest.mark.parametrize(
    ("api", "members", "bulk"),
    [
        (Api.CHAT, {"messages": [said("user", "a")]}, Bulk()),
        (
            Api.CHAT,
            {"messages": [said("assistant", "", tool_calls=[{"function": {"name": "f", "arguments": "12345"}}], reasoning_content="123")]},
            Bulk(other_chars=8),
        ),
        (Api.CHAT, {"messages": [said("user", [{"type": "image_url"}] * 3)]}, Bulk(image_count=3)),
        (Api.CHAT, {"messages": [said("user", [{"type": "input_audio", "input_audio": {"data": "1234"}}])]}, Bulk(audio_chars=4)),
        (Api.CHAT, {"messages": [said("user", [{"type": "file", "file": {"file_data": "1234"}}])]}, Bulk(file_chars=4)),
        (Api.RESPONSES, {"input": [said("user", [{"type": "input_file", "file_data": "1234"}])]}, Bulk(file_chars=4)),
        (
            Api.RESPONSES,
            {"input": [{"type": "function_call", "arguments": "12"}, {"type": "reasoning", "summary": [text("345", "summary_text")]}]},
            Bulk(other_chars=5),
        ),
        (
            Api.MESSAGES,
            {"messages": [said("user", [{"type": "document", "source": {"type": "base64", "data": "1234"}}])]},
            Bulk(file_chars=4),
        ),
        (
            Api.MESSAGES,
            {"messages": [said("assistant", [{"type": "thinking", "thinking": "123"}, {"type": "tool_use", "input": {"a": "b"}}])]},
            Bulk(other_chars=3 + len("{'a': 'b'}")),
        ),
        (Api.COMPLETIONS, {"prompt": [1, 2, 3]}, Bulk(token_ids=3)),
        (Api.COMPLETIONS, {"prompt": "a", "suffix": "1234"}, Bulk(other_chars=4)),
        (Api.EMBEDDINGS, {"input": [[1, 2], [3]]}, Bulk(token_ids=3)),
    ],
)
def test_what_is_no_text_is_measured(api: Api, members: dict[str, Any], bulk: Bulk) -> None:
    assert read(api, **members).bulk == bulk
