"""The real `anthropic` SDK."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import BadRequestError, NotFoundError

from extproc.testing import Behaviour
from tests.dataplane.harness import Stack, counted

pytestmark = pytest.mark.dataplane

TOOL: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def user(text: Any) -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(("word", "backend"), [("easy", "local"), ("medium", "mid"), ("hard", "frontier")])
def test_a_message_goes_to_the_tier_of_its_score(stack: Stack, word: str, backend: str) -> None:
    with stack.anthropic() as client:
        raw = client.messages.with_raw_response.create(model="claude-x", max_tokens=100, messages=user(f"{word} " * 30))
    answer = raw.parse()
    record = stack.record(raw.headers["x-request-id"])
    name, arrival = stack.arrival(record.request_id)
    assert backend == name == raw.headers["x-tiermesh-backend"] == record.backend
    assert record.tokens == counted(arrival, name)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (record.prompt_tokens, record.completion_tokens)
    assert record.cost_micro_usd > 0


@pytest.mark.parametrize("system", ["be brief", [{"type": "text", "text": "be brief"}, {"type": "text", "text": "and hard to please"}]])
def test_a_system_prompt_is_counted_and_not_scored_as_the_ask(stack: Stack, system: Any) -> None:
    with stack.anthropic() as client:
        raw = client.messages.with_raw_response.create(model="claude-x", max_tokens=100, messages=user("easy"), system=system)
    record = stack.record(raw.headers["x-request-id"])
    _, arrival = stack.arrival(record.request_id)
    assert record.backend == "local"
    assert record.tokens == counted(arrival, "local")


def test_a_stream_with_prompt_cache_counts(stack: Stack) -> None:
    stack.standins["frontier"].behaviour = Behaviour(tokens=40, cached_tokens=60, cache_write_tokens=30)
    with stack.anthropic() as client, client.messages.stream(model="claude-x", max_tokens=100, messages=user("hard " * 200)) as stream:
        text = "".join(stream.text_stream)
        usage = stream.get_final_message().usage
        request_id = stream.response.headers["x-request-id"]
    assert text.startswith("This is a canned answer from the stand-in backend frontier")
    record = stack.record(request_id)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (60, 30)
    assert (record.cached_tokens, record.cache_write_tokens) == (60, 30)
    assert record.prompt_tokens == usage.input_tokens + 90
    assert (record.completion_tokens, record.is_estimated) == (40, False)
    assert record.cost_micro_usd == pytest.approx(usage.input_tokens * 5 + 60 * 0.5 + 30 * 6.25 + 40 * 25, abs=1)


@pytest.mark.parametrize("is_stream", [False, True])
def test_tools_are_called_and_their_results_go_back(stack: Stack, is_stream: bool) -> None:
    messages = user("medium: what is the weather? Call the tool.")
    asked: dict[str, Any] = {"model": "claude-x", "max_tokens": 100, "tools": [TOOL]}
    with stack.anthropic() as client:
        if is_stream:
            with client.messages.stream(messages=messages, **asked) as stream:
                (call,) = stream.get_final_message().content
        else:
            (call,) = client.messages.create(messages=messages, **asked).content
        assert (call.type, call.input) == ("tool_use", {"city": "canned"})
        result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "rain " * 600}]}
        turns = [*messages, {"role": "assistant", "content": [call.model_dump(exclude_none=True)]}, *user([result])]
        raw = client.messages.with_raw_response.create(messages=turns, **asked)
    record = stack.record(raw.headers["x-request-id"])
    name, arrival = stack.arrival(record.request_id)
    assert record.tokens == counted(arrival, name)
    assert raw.parse().content[0].text


def test_models_are_listed_in_its_shape(stack: Stack) -> None:
    with stack.anthropic() as client:
        assert "frontier-model" in [model.id for model in client.models.list()]
        assert client.models.retrieve("frontier-model").type == "model"
        with pytest.raises(NotFoundError) as refused:
            client.models.retrieve("nobody")
    assert refused.value.body["type"] == "error"


def test_a_refusal_is_in_its_shape(stack: Stack) -> None:
    with stack.anthropic() as client, pytest.raises(BadRequestError) as refused:
        client.messages.create(model="claude-x", max_tokens=10, messages=user("rope " * 200_000))
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    assert refused.value.request_id
    assert stack.record(refused.value.request_id).refusal == "context_length_exceeded"
