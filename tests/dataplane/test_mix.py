"""Many requests of all kinds at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.dataplane.harness import CALLERS_KEY, Stack, counted

pytestmark = pytest.mark.dataplane

WORDS = ("easy", "medium", "hard")
Send = Callable[[str], Coroutine[Any, Any, str]]


def senders(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> dict[str, Send]:
    """Ways to send a text, each giving back the request's id."""

    async def chat(text: str) -> str:
        return (await openai.chat.completions.with_raw_response.create(model="auto", messages=user(text))).headers["x-request-id"]

    async def chat_stream(text: str) -> str:
        async with await openai.chat.completions.create(model="auto", messages=user(text), stream=True) as stream:
            assert all([len(chunk.choices) == 1 async for chunk in stream])
        return str(stream.response.headers["x-request-id"])

    async def responses(text: str) -> str:
        return (await openai.responses.with_raw_response.create(model="auto", input=text)).headers["x-request-id"]

    async def messages_stream(text: str) -> str:
        async with anthropic.messages.stream(model="claude-x", max_tokens=90, messages=user(text)) as stream:
            assert await stream.get_final_text()
            return str(stream.response.headers["x-request-id"])

    async def messages(text: str) -> str:
        made = await anthropic.messages.with_raw_response.create(model="claude-x", max_tokens=90, messages=user(text))
        return str(made.headers["x-request-id"])

    return {"chat": chat, "chat_stream": chat_stream, "responses": responses, "messages_stream": messages_stream, "messages": messages}


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def send_all(stack: Stack, texts: list[str]) -> list[str]:
    async with (
        AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=CALLERS_KEY, max_retries=0) as openai,
        AsyncAnthropic(base_url=stack.url, api_key=CALLERS_KEY, max_retries=0) as anthropic,
    ):
        ways = list(senders(openai, anthropic).values())
        return await asyncio.gather(*(ways[number % len(ways)](text) for number, text in enumerate(texts)))


def test_a_hundred_mixed_requests_at_once_are_each_on_one_exact_record(stack: Stack) -> None:
    dice = random.Random(5)
    texts = [f"{dice.choice(WORDS)} number {number} " + "rope " * dice.randrange(40, 400) for number in range(100)]
    ids = asyncio.run(send_all(stack, texts))
    assert len(set(ids)) == len(texts)
    for text, request_id in zip(texts, ids, strict=True):
        record = stack.record(request_id)
        name, arrival = stack.arrival(request_id)
        assert text.encode() in arrival.body
        assert name == record.backend == {"easy": "local", "medium": "mid", "hard": "frontier"}[text.split()[0]]
        assert (record.tokens, record.is_estimated) == (counted(arrival, name), False)
        assert record.cost_micro_usd > 0
