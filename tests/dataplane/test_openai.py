"""The real `openai` SDK, pointed at the gateway and otherwise as its users use it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from extproc.testing import Behaviour
from tests.dataplane.harness import CALLERS_KEY, Stack, counted

pytestmark = pytest.mark.dataplane

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "hot": {"type": "boolean"}}}


def user(text: Any) -> list[Any]:
    return [{"role": "user", "content": text}]


def assert_exact(stack: Stack, request_id: str) -> Any:
    """One record, with the numbers of the stand-in that answered."""
    record = stack.record(request_id)
    name, arrival = stack.arrival(request_id)
    assert record.tokens == counted(arrival, name, stack.standins[name].behaviour)
    assert (record.backend, record.outcome, record.is_estimated) == (record.chain[0], "ok", False)
    assert record.cost_micro_usd > 0 or record.prompt_tokens < 30
    return record


@pytest.mark.parametrize(("word", "backend"), [("easy", "local"), ("medium", "mid"), ("hard", "frontier")])
def test_a_chat_goes_to_the_tier_of_its_score(stack: Stack, word: str, backend: str) -> None:
    with stack.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=user(f"{word} question about rope"))
    answer = raw.parse()
    assert backend in answer.choices[0].message.content
    assert raw.headers["x-tiermesh-backend"] == backend
    assert raw.headers["x-tiermesh-model"] == f"{backend}-model"
    assert raw.headers["x-tiermesh-tier"] == {"local": "simple", "mid": "standard", "frontier": "complex"}[backend]
    record = assert_exact(stack, raw.headers["x-request-id"])
    assert (record.asked_model, record.backend, record.kind, record.task) == ("gpt-4o", backend, "routed", "other")
    assert record.prompt_tokens == answer.usage.prompt_tokens


def test_costs_are_those_of_the_backend_and_of_the_model_asked_for(stack: Stack) -> None:
    stack.standins["mid"].behaviour = Behaviour(tokens=400, cached_tokens=100, reasoning_tokens=50)
    with stack.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=user("medium " + "rope " * 400))
    record = assert_exact(stack, raw.headers["x-request-id"])
    usage = raw.parse().usage
    assert (record.cached_tokens, record.reasoning_tokens, record.completion_tokens) == (100, 50, 450)
    fresh = usage.prompt_tokens - 100
    assert record.cost_micro_usd == pytest.approx(fresh * 0.25 + 100 * 0.025 + 450 * 2, abs=1)
    assert record.asked_cost_micro_usd == pytest.approx(fresh * 2.5 + 100 * 1.25 + 450 * 10, abs=1)


def test_a_stream_that_asks_for_usage_gets_it(stack: Stack) -> None:
    with (
        stack.openai() as client,
        client.chat.completions.create(
            model="auto", messages=user("easy stream"), stream=True, stream_options={"include_usage": True}
        ) as stream,
    ):
        chunks = list(stream)
        request_id = stream.response.headers["x-request-id"]
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    record = assert_exact(stack, request_id)
    assert record.completion_tokens == chunks[-1].usage.completion_tokens == 16


def test_a_stream_that_does_not_ask_sees_no_usage_and_is_accounted_for_exactly(stack: Stack) -> None:
    with stack.openai() as client, client.chat.completions.create(model="auto", messages=user("easy stream"), stream=True) as stream:
        chunks = list(stream)
        request_id = stream.response.headers["x-request-id"]
    assert all(len(chunk.choices) == 1 and chunk.usage is None for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("This is a canned answer")
    assert assert_exact(stack, request_id).completion_tokens == 16


@pytest.mark.parametrize("is_stream", [False, True])
def test_tools_are_called_and_their_results_go_back(stack: Stack, is_stream: bool) -> None:
    messages = user("easy: what is the weather? Call the tool.")
    with stack.openai() as client:
        if is_stream:
            with client.chat.completions.create(model="auto", messages=messages, tools=[TOOL], stream=True) as stream:
                calls = [call for chunk in stream for call in chunk.choices[0].delta.tool_calls or ()]
            arguments, call_id = "".join(call.function.arguments for call in calls), calls[0].id
        else:
            (call,) = client.chat.completions.create(model="auto", messages=messages, tools=[TOOL]).choices[0].message.tool_calls
            arguments, call_id = call.function.arguments, call.id
        assert arguments == '{"city":"canned"}'
        called = {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": arguments}}
        turns = [*messages, {"role": "assistant", "tool_calls": [called]}, {"role": "tool", "tool_call_id": call_id, "content": "rain"}]
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=[*turns, *user("so? " * 600)], tools=[TOOL])
    assert raw.parse().choices[0].message.content
    assert_exact(stack, raw.headers["x-request-id"])


def test_images_go_only_where_images_are_understood(stack: Stack) -> None:
    parts = [{"type": "text", "text": "a hard picture"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    with stack.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=user(parts))
    record = assert_exact(stack, raw.headers["x-request-id"])
    assert record.backend == "frontier"
    assert PIXEL.encode() in stack.arrival(record.request_id)[1].body


def test_an_answer_in_a_json_schema(stack: Stack) -> None:
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}
    with stack.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=user("easy"), response_format=wanted)
    assert raw.parse().choices[0].message.content == '{"city":"canned","hot":true}'
    assert_exact(stack, raw.headers["x-request-id"])


def test_a_conversation_is_scored_by_its_last_turn(stack: Stack) -> None:
    turns: Any = [
        {"role": "system", "content": [{"type": "text", "text": "be brief"}]},
        {"role": "user", "content": "hard one"},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": "an easy one now"},
    ]
    with stack.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=turns)
    assert assert_exact(stack, raw.headers["x-request-id"]).backend == "local"


@pytest.mark.parametrize("is_stream", [False, True])
def test_responses(stack: Stack, is_stream: bool) -> None:
    with stack.openai() as client:
        if is_stream:
            with client.responses.create(model="auto", input="medium " * 40, stream=True, instructions="be brief") as stream:
                events = list(stream)
                request_id = stream.response.headers["x-request-id"]
            answer = next(event.response for event in events if event.type == "response.completed")
        else:
            raw = client.responses.with_raw_response.create(model="auto", input="medium " * 40, instructions="be brief")
            answer, request_id = raw.parse(), raw.headers["x-request-id"]
    record = assert_exact(stack, request_id)
    assert (record.api, record.backend) == ("responses", "mid")
    assert (record.prompt_tokens, record.completion_tokens) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert "canned answer" in answer.output_text


@pytest.mark.parametrize("is_stream", [False, True])
def test_completions(stack: Stack, is_stream: bool) -> None:
    with stack.openai() as client:
        if is_stream:
            with client.completions.create(model="auto", prompt="easy " * 100, stream=True) as stream:
                assert all(chunk.choices for chunk in stream)
                request_id = stream.response.headers["x-request-id"]
        else:
            request_id = client.completions.with_raw_response.create(model="auto", prompt="easy " * 100).headers["x-request-id"]
    assert assert_exact(stack, request_id).api == "completions"


def test_embeddings_go_by_name(stack: Stack) -> None:
    with stack.openai() as client:
        raw = client.embeddings.with_raw_response.create(model="text-embedding-3-small", input=["hard rope " * 200, "lamp"])
    assert len(raw.parse().data) == 2
    record = stack.record(raw.headers["x-request-id"])
    _, arrival = stack.arrival(record.request_id)
    assert (record.backend, record.kind, record.score) == ("vectors", "passed", None)
    assert record.tokens == counted(arrival, "local")
    assert record.cost_micro_usd > 0


def test_models_are_listed_and_described(stack: Stack) -> None:
    with stack.openai() as client:
        names = [model.id for model in client.models.list()]
        assert names == sorted({"auto", "local-model", "mid-model", "frontier-model", "vector-model", "text-embedding-3-small"})
        assert client.models.retrieve("mid-model").id == "mid-model"
        with pytest.raises(NotFoundError):
            client.models.retrieve("nobody")


def test_a_name_that_passes_through_is_not_scored_away(stack: Stack) -> None:
    with stack.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="mid-model", messages=user("hard"))
        with pytest.raises(NotFoundError) as refused:
            client.chat.completions.create(model="some-other-model", messages=user("hard"))
    record = assert_exact(stack, raw.headers["x-request-id"])
    assert (record.kind, record.backend, record.chain) == ("passed", "mid", ("mid",))
    assert refused.value.code == "model_not_found"
    assert stack.record(refused.value.response.headers["x-request-id"]).refusal == "model_not_found"


def test_what_no_backend_can_do_is_refused_in_words(stack: Stack) -> None:
    with stack.openai() as client, pytest.raises(BadRequestError) as refused:
        client.chat.completions.create(model="auto", messages=user("rope " * 200_000))
    assert refused.value.code == "context_length_exceeded"


async def test_the_asynchronous_client(stack: Stack) -> None:
    async with AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=CALLERS_KEY, max_retries=0) as client:
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=user("easy"))
        stream = await client.chat.completions.create(model="auto", messages=user("easy"), stream=True)
        async with stream:
            chunks = [chunk async for chunk in stream]
    assert all(chunk.choices for chunk in chunks)
    for request_id in (raw.headers["x-request-id"], stream.response.headers["x-request-id"]):
        await asyncio.to_thread(assert_exact, stack, request_id)


def test_a_client_is_told_what_a_backend_refuses(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(status=400))
    with stack.openai() as client, pytest.raises(BadRequestError, match="told to fail") as refused:
        client.chat.completions.create(model="auto", messages=user("easy"))
    record = stack.record(refused.value.response.headers["x-request-id"])
    assert (record.status, record.outcome, record.attempts, record.cost_micro_usd) == (400, "failed", ("local",), 0)
