"""The stand-in speaks so that the real SDKs understand it, and fails as it is told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator

import anthropic
import httpx2 as httpx
import openai
import pytest

from extproc.testing import Behaviour, Standin, StandinThread

# The SDK's own types do not allow what the real API sends here: a null finish_reason, and vectors in base64.
LENIENT = {"_strict_response_validation": False}
ASK = [{"role": "user", "content": "Why is the sky blue?"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}


@pytest.fixture(scope="module")
def server() -> Iterator[StandinThread]:
    with StandinThread(Standin("small")) as thread:
        yield thread


@pytest.fixture
def standin(server: StandinThread) -> Iterator[Standin]:
    server.standin.arrivals.clear()
    yield server.standin
    server.standin.behaviour = Behaviour()


@pytest.fixture(scope="module")
def client(server: StandinThread) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture(scope="module")
def claude(server: StandinThread) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0, _strict_response_validation=True) as client:
        yield client


def test_a_chat_answer_has_its_words_and_every_count(client: openai.OpenAI, standin: Standin) -> None:
    standin.behaviour = Behaviour(cached_tokens=3, reasoning_tokens=5)
    answer = client.chat.completions.create(model="m", messages=ASK)
    assert "stand-in backend small" in answer.choices[0].message.content
    assert answer.model == "m"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 21, 26)
    assert answer.usage.prompt_tokens_details.cached_tokens == 3
    assert answer.usage.completion_tokens_details.reasoning_tokens == 5


def test_a_chat_stream_gives_usage_only_when_asked(client: openai.OpenAI, standin: Standin) -> None:
    whole = client.chat.completions.create(model="m", messages=ASK).choices[0].message.content
    chunks = list(client.chat.completions.create(model="m", messages=ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole
    assert all(chunk.usage is None for chunk in chunks)
    chunks = list(client.chat.completions.create(model="m", messages=ASK, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 16
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_usage_is_null_in_every_chunk_before_the_one_that_has_it(server: StandinThread) -> None:
    body = {"model": "m", "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}
    text = httpx.post(f"{server.url}/v1/chat/completions", json=body).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert all(event["usage"] is None for event in events[:-1])
    assert text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_when_the_prompt_says_so(client: openai.OpenAI, stream: bool, standin: Standin) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    asked = {"model": "m", "messages": [{"role": "user", "content": "Please call the tool."}], "tools": tools}
    if stream:
        with client.chat.completions.stream(**asked) as events:
            choice = events.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(**asked).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.name == "weather"
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "canned", "days": 1}


def test_a_schema_gets_json_of_its_shape(client: openai.OpenAI) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}
    answer = client.chat.completions.create(model="m", messages=ASK, response_format=wanted)
    assert json.loads(answer.choices[0].message.content) == {"city": "canned", "days": 1}


def test_a_token_limit_ends_the_answer(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    answer = client.chat.completions.create(model="m", messages=ASK, max_completion_tokens=4)
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 4)
    message = claude.messages.create(model="m", messages=ASK, max_tokens=4)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 4)
    response = client.responses.create(model="m", input="Why?", max_output_tokens=4)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_completions_answer_whole_and_streamed(client: openai.OpenAI) -> None:
    client = client.with_options(_extra_kwargs=LENIENT)
    whole = client.completions.create(model="m", prompt="Why?")
    chunks = list(client.completions.create(model="m", prompt="Why?", stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.choices[0].text
    assert chunks[-1].usage == whole.usage


def test_responses_answer_whole_and_streamed(client: openai.OpenAI, standin: Standin) -> None:
    standin.behaviour = Behaviour(cached_tokens=2, reasoning_tokens=7)
    whole = client.responses.create(model="m", input="Why?", instructions="Be brief.")
    with client.responses.stream(model="m", input="Why?", instructions="Be brief.") as events:
        kinds = [event.type for event in events]
        streamed = events.get_final_response()
    assert streamed.output_text == whole.output_text != ""
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") == 16
    assert streamed.usage.input_tokens_details.cached_tokens == 2
    assert (streamed.usage.output_tokens, streamed.usage.output_tokens_details.reasoning_tokens) == (23, 7)


def test_responses_call_tools_whole_and_streamed(client: openai.OpenAI) -> None:
    asked = {
        "model": "m",
        "input": "call the tool",
        "tools": [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}],
    }
    whole = client.responses.create(**asked)
    with client.responses.stream(**asked) as events:
        streamed = events.until_done().get_final_response()
    for response in (whole, streamed):
        assert response.output[0].type == "function_call"
        assert json.loads(response.output[0].arguments) == {"city": "canned", "days": 1}


def test_embeddings_are_equal_for_equal_inputs(client: openai.OpenAI) -> None:
    client = client.with_options(_extra_kwargs=LENIENT)
    answer = client.embeddings.create(model="m", input=["a", "b", "a"])
    first, second, third = (each.embedding for each in answer.data)
    assert first == third != second
    assert len(first) == 16
    plain = client.embeddings.create(model="m", input="a", encoding_format="float", dimensions=4)
    assert len(plain.data[0].embedding) == 4
    assert plain.usage.prompt_tokens == 1


def test_messages_answer_whole_and_streamed(claude: anthropic.Anthropic, standin: Standin) -> None:
    standin.behaviour = Behaviour(cached_tokens=2, cache_write_tokens=1)
    whole = claude.messages.create(model="m", max_tokens=100, messages=ASK, system=[{"type": "text", "text": "Be brief."}])
    with claude.messages.stream(model="m", max_tokens=100, messages=ASK, system="Be brief.") as events:
        kinds = [event.type for event in events]
        streamed = events.get_final_message()
    assert streamed.content[0].text == whole.content[0].text != ""
    assert whole.usage.cache_read_input_tokens == streamed.usage.cache_read_input_tokens == 2
    assert whole.usage.cache_creation_input_tokens == 1
    assert whole.usage.input_tokens == streamed.usage.input_tokens == 8 - 3
    assert streamed.usage.output_tokens == 16
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


def test_messages_call_tools_whole_and_streamed(claude: anthropic.Anthropic) -> None:
    asked = {
        "model": "m",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Call the tool!"}]}],
        "tools": [{"name": "weather", "input_schema": WEATHER}],
    }
    with claude.messages.stream(**asked) as events:
        streamed = events.get_final_message()
    for message in (claude.messages.create(**asked), streamed):
        assert message.stop_reason == "tool_use"
        assert message.content[0].input == {"city": "canned", "days": 1}
    assert claude.messages.count_tokens(model="m", messages=ASK).input_tokens == 5


def test_models_are_listed_in_both_shapes(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list()] == ["small"]
    assert [model.id for model in claude.models.list()] == ["small"]


@pytest.mark.parametrize(
    ("status", "ours", "theirs"),
    [
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (503, openai.InternalServerError, anthropic.InternalServerError),
        (400, openai.BadRequestError, anthropic.BadRequestError),
    ],
)
def test_an_error_is_one_to_both_sdks(
    status: int, ours: type[Exception], theirs: type[Exception], client: openai.OpenAI, claude: anthropic.Anthropic, standin: Standin
) -> None:
    standin.behaviour = Behaviour(status=status, retry_after_s=7)
    with pytest.raises(ours, match="told to fail") as caught:
        client.chat.completions.create(model="m", messages=ASK)
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(theirs, match="told to fail"):
        claude.messages.create(model="m", max_tokens=9, messages=ASK)


def post(url: str, said: str = "", **body: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/chat/completions", json={"model": "m", "messages": ASK, **body}, headers={"x-standin": said}, timeout=5)


def test_each_request_may_say_how_it_is_treated(server: StandinThread) -> None:
    assert post(server.url, "status=503").status_code == 503
    assert post(server.url, "on=other; status=503").status_code == 200
    assert post(server.url, "on=other; status=429, on=small; status=503").status_code == 503
    assert "usage" not in post(server.url, "usage=no").json()
    assert post(server.url, "tokens=200").json()["usage"]["completion_tokens"] == 200
    assert len(post(server.url, "padding_bytes=500000").content) > 500_000
    unknown = post(server.url, "colour=red")
    assert unknown.status_code == 400
    assert "'colour' is not one of" in unknown.text
    assert "no value for status" in post(server.url, "status=high").text


def test_answers_are_labelled(server: StandinThread) -> None:
    for answer in (post(server.url), post(server.url, "status=500"), httpx.get(f"{server.url}/health")):
        assert answer.headers["x-tiermesh-standin"] == "small"


@pytest.mark.parametrize("said", ["fault=reset", "fault=close"])
def test_a_fault_ends_the_connection_before_the_first_byte(said: str, server: StandinThread) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        post(server.url, said)


def test_silence_lasts_until_the_client_leaves(server: StandinThread) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/v1/chat/completions", json={}, headers={"x-standin": "fault=hang"}, timeout=0.1)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_may_be_cut_off(stream: bool, server: StandinThread) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(server.url, "cut_after=3", stream=stream)


def test_the_next_requests_may_be_treated_differently(server: StandinThread, standin: Standin) -> None:
    standin.then(Behaviour(status=503), Behaviour(status=429))
    assert [post(server.url).status_code for _ in range(3)] == [503, 429, 200]


def test_what_arrived_is_kept(server: StandinThread, standin: Standin) -> None:
    httpx.post(f"{server.url}/v1/messages?beta=true", content=b'{"model":  "m"}', headers={"X-Custom": "Yes"})
    arrival = standin.arrivals[-1]
    assert (arrival.method, arrival.path, arrival.body) == ("POST", "/v1/messages?beta=true", b'{"model":  "m"}')
    assert arrival.headers["x-custom"] == "Yes"


def test_a_stand_in_knows_only_the_models_it_was_given() -> None:
    with StandinThread(Standin("picky", models=("m",))) as server:
        assert post(server.url).status_code == 200
        assert httpx.post(f"{server.url}/v1/chat/completions", json={"model": "other"}).status_code == 404


def test_a_stand_in_can_refuse_and_come_back_on_its_port() -> None:
    with StandinThread(Standin("small")) as server:
        port = server.port
        server.refuse()
        with pytest.raises(httpx.ConnectError):
            post(server.url)
        server.accept()
        assert server.port == port
        assert post(server.url).status_code == 200


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        (b"not json", "/v1/chat/completions", 400),
        (b"[]", "/v1/messages", 400),
        (b"[" * 100_000, "/v1/chat/completions", 400),
        (b"{}", "/v1/files", 404),
    ],
)
def test_nonsense_is_an_error(body: bytes, path: str, status: int, server: StandinThread) -> None:
    assert httpx.post(server.url + path, content=body).status_code == status


async def test_broken_http_is_answered_and_closed() -> None:
    async with Standin("small") as standin:
        for nonsense in (
            b"HELLO\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
            writer.write(nonsense)
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
            writer.close()


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async with Standin("small") as standin:
        reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


def test_as_a_process_it_prints_where_it_is() -> None:
    command = (sys.executable, "-m", "extproc.testing.standin", "--name", "mid", "--behaviour", "status=503")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        ready = json.loads(process.stdout.readline())
        assert ready["name"] == "mid"
        assert post(ready["url"]).status_code == 503
        process.terminate()
        assert process.wait(5) == 0
