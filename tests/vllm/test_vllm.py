"""The data plane in front of a real vLLM, which `vllm_cpu.sh` starts: what it counts is what is on the record.

The model is random and its words mean nothing; few tokens are asked for.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI, BadRequestError

from extproc.cli.gateway import Gateway
from extproc.health.reader import read
from extproc.local.port import free_port
from extproc.testing import write_model
from extproc.usage import Record
from tests.dataplane.harness import CALLERS_KEY, SCORES, Stack, until

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif("TIERMESH_VLLM_URL" not in os.environ, reason="TIERMESH_VLLM_URL names no vLLM"),
]

CONFIG = """\
backends:
  small:
    tier: simple
    url: "{url}"
    model: {small}
    location: on_prem
    context_tokens: 4096
    price: {{input: 1, output: 4}}
    force: {{temperature: 0, seed: 7}}
  gone: {{tier: standard, url: "http://127.0.0.1:{nobody}", model: gone, price: {{input: 2, output: 8}}}}
  medium: {{tier: standard, url: "{url}", model: {medium}, location: on_prem, price: {{input: 2, output: 8}}}}
  large: {{tier: complex, url: "{url}", model: {large}, location: on_prem, price: {{input: 5, output: 20}}}}
tiers:
  simple: {{up_to: 0.35}}
  standard: {{up_to: 0.7, chain: [gone, medium]}}
  complex: {{up_to: 1}}
listener: {{port: {port}, admin_port: {admin_port}}}
processor: {{run_dir: "{run_dir}", workers: 2, message_timeout_s: 10, decision_timeout_s: 5}}
classifier: {{path: "{model}"}}
telemetry: {{metrics_address: "127.0.0.1:{metrics_port}", log: none}}
"""


@pytest.fixture(scope="module")
def vllm() -> Iterator[Stack]:
    names = os.environ.get("TIERMESH_VLLM_MODELS", "small medium large").split()
    directory = Path(tempfile.mkdtemp(prefix="tm-vllm-", dir="/tmp"))
    path = directory / "tiermesh.yaml"
    path.write_text(
        CONFIG.format(
            url=os.environ["TIERMESH_VLLM_URL"].removesuffix("/").removesuffix("/v1"),
            small=names[0],
            medium=names[len(names) // 2],
            large=names[-1],
            nobody=free_port(),
            port=free_port(),
            admin_port=free_port(),
            metrics_port=free_port(),
            run_dir=directory / "run",
            model=write_model(directory / "model", SCORES),
        )
    )
    with Gateway(path, logs_to_files=True) as gateway:
        stack = Stack(gateway, {}, directory)
        yield stack
        stack.count_records()
        assert all(len(records) == 1 for records in stack.records.values())
    shutil.rmtree(directory)


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def counted(record: Record) -> tuple[int, int]:
    assert (record.outcome, record.is_estimated) == ("ok", False)
    assert record.cost_micro_usd > 0
    return record.prompt_tokens, record.completion_tokens


@pytest.mark.parametrize(("word", "backend"), [("easy", "small"), ("hard", "large")])
def test_a_chat_is_routed_and_counted(vllm: Stack, word: str, backend: str) -> None:
    with vllm.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=user(f"{word} question"), max_tokens=8)
    usage = raw.parse().usage
    record = vllm.record(raw.headers["x-request-id"])
    assert raw.headers["x-tiermesh-backend"] == record.backend == backend
    assert counted(record) == (usage.prompt_tokens, usage.completion_tokens)
    assert record.reported_model == raw.parse().model


@pytest.mark.parametrize("asks_usage", [False, True])
def test_a_chat_stream_is_counted_and_shows_usage_only_when_asked_to(vllm: Stack, asks_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asks_usage else {}
    with (
        vllm.openai() as client,
        client.chat.completions.create(model="auto", messages=user("easy"), max_tokens=8, stream=True, **options) as stream,
    ):
        chunks = list(stream)
        request_id = stream.response.headers["x-request-id"]
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    record = vllm.record(request_id)
    assert all(chunk.choices for chunk in chunks) != asks_usage
    assert len(usages) == asks_usage
    assert counted(record)[1] == 8
    if usages:
        assert counted(record) == (usages[0].prompt_tokens, usages[0].completion_tokens)


def test_the_same_prompt_counts_the_same_streamed_or_not(vllm: Stack) -> None:
    body = {"model": "auto", "messages": user("easy, twice"), "max_tokens": 8}
    plain, streamed = (vllm.post("/v1/chat/completions", body | {"stream": is_stream}) for is_stream in (False, True))
    assert counted(vllm.record(plain.id)) == counted(vllm.record(streamed.id))


def test_forced_parameters_make_answers_repeat(vllm: Stack) -> None:
    body = {"model": "auto", "messages": user("easy"), "max_tokens": 8, "temperature": 1.5}
    first, second = (vllm.post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("is_stream", [False, True])
def test_completions(vllm: Stack, is_stream: bool) -> None:
    answer = vllm.post("/v1/completions", {"model": "auto", "prompt": "easy", "max_tokens": 8, "stream": is_stream})
    assert answer.status == 200, answer.body
    assert counted(vllm.record(answer.id))[1] == 8


@pytest.mark.parametrize("is_stream", [False, True])
def test_responses(vllm: Stack, is_stream: bool) -> None:
    with vllm.openai() as client:
        if is_stream:
            with client.responses.create(model="auto", input="easy", max_output_tokens=16, stream=True) as stream:
                events = list(stream)
                request_id = stream.response.headers["x-request-id"]
            answer = next(event.response for event in events if event.type in ("response.completed", "response.incomplete"))
        else:
            raw = client.responses.with_raw_response.create(model="auto", input="easy", max_output_tokens=16)
            answer, request_id = raw.parse(), raw.headers["x-request-id"]
    assert counted(vllm.record(request_id)) == (answer.usage.input_tokens, answer.usage.output_tokens)


def test_a_message_is_counted(vllm: Stack) -> None:
    with vllm.anthropic() as client:
        raw = client.messages.with_raw_response.create(model="claude-x", messages=user("hard"), max_tokens=8, system="be brief")
    usage = raw.parse().usage
    record = vllm.record(raw.headers["x-request-id"])
    assert record.backend == "large"
    assert counted(record) == (usage.input_tokens, usage.output_tokens)


def test_a_message_stream_is_counted(vllm: Stack) -> None:
    with vllm.anthropic() as client, client.messages.stream(model="claude-x", messages=user("easy"), max_tokens=8) as stream:
        final = stream.get_final_message()
        request_id = stream.response.headers["x-request-id"]
    record = vllm.record(request_id)
    assert counted(record)[1] == final.usage.output_tokens == 8
    assert record.prompt_tokens > 0


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_backend_that_refuses_connections_is_replaced(vllm: Stack, path: str) -> None:
    answer = vllm.post(path, {"model": "auto", "messages": user("medium"), "max_tokens": 8})
    record = vllm.record(answer.id)
    assert (answer.status, record.attempts, record.backend) == (200, ("gone", "medium"), "medium")
    assert counted(record)[1] == 8


def test_its_own_errors_reach_the_caller(vllm: Stack) -> None:
    with vllm.openai() as client, pytest.raises(BadRequestError) as refused:
        client.chat.completions.create(model="auto", messages=user("hard"), max_tokens=8, temperature=-3)
    record = vllm.record(refused.value.response.headers["x-request-id"])
    assert (record.status, record.outcome, record.attempts) == (400, "failed", ("large",))


def test_a_caller_who_leaves_is_on_one_record(vllm: Stack) -> None:
    with (
        vllm.openai() as client,
        client.chat.completions.create(model="auto", messages=user("hard"), max_tokens=2000, stream=True) as stream,
    ):
        request_id = stream.response.headers["x-request-id"]
        next(iter(stream))
    record = vllm.record(request_id)
    assert (record.outcome, record.is_estimated) == ("cut_off", True)


def test_other_paths_reach_it(vllm: Stack) -> None:
    assert vllm.get("/health").status == 200
    assert b"vllm" in vllm.get("/metrics").body


async def parsed(raw: Any) -> Any:
    """What a raw response says; one SDK's has to be awaited, the other's must not be."""
    answer = raw.parse()
    return await answer if inspect.isawaitable(answer) else answer


def test_a_mix_at_once(vllm: Stack) -> None:
    async def send() -> list[tuple[str, Any, Any]]:
        async with (
            AsyncOpenAI(base_url=f"{vllm.url}/v1", api_key=CALLERS_KEY, max_retries=0) as openai,
            AsyncAnthropic(base_url=vllm.url, api_key=CALLERS_KEY, max_retries=0) as anthropic,
        ):

            async def chat(word: str) -> tuple[str, Any, Any]:
                raw = await openai.chat.completions.with_raw_response.create(model="auto", messages=user(word), max_tokens=8)
                usage = (await parsed(raw)).usage
                return raw.headers["x-request-id"], usage.prompt_tokens, usage.completion_tokens

            async def message(word: str) -> tuple[str, Any, Any]:
                raw = await anthropic.messages.with_raw_response.create(model="claude-x", messages=user(word), max_tokens=8)
                usage = (await parsed(raw)).usage
                return raw.headers["x-request-id"], usage.input_tokens, usage.output_tokens

            return await asyncio.gather(*(way(f"{word} {n}") for n in range(4) for word in SCORES for way in (chat, message)))

    sent = asyncio.run(send())
    until(lambda: vllm.count_records() >= len(sent), "records are missing")
    for request_id, prompt, completion in sent:
        assert counted(vllm.record(request_id)) == (prompt, completion)


async def test_its_metrics_say_how_full_it_is() -> None:
    url = os.environ["TIERMESH_VLLM_URL"].removesuffix("/").removesuffix("/v1")
    reading = await read(f"{url}/metrics")
    assert reading is not None
    assert reading.waiting >= 0
    assert 0 <= reading.kv_cache <= 1
