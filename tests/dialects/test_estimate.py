"""Prompt sizes in tokens, about right."""

import json
from typing import Any

import pytest

from extproc import dialects
from extproc.config.section import Api

PROSE = "The committee met on Tuesday and agreed, after some discussion, to postpone the decision until the figures are in. "
CHINESE = "委员会于星期二开会，经过讨论，同意将决定推迟到数据公布之后。"  # noqa: RUF001
RUSSIAN = "Комитет собрался во вторник и после обсуждения решил отложить решение. "


def estimate(api: Api = Api.CHAT, **members: Any) -> int:
    request = dialects.parse(api, json.dumps({"model": "m", **members}).encode(), max_body_bytes=1 << 25)
    assert isinstance(request, dialects.Request), request
    return dialects.estimate_tokens(request)


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (PROSE * 40, 850, 1200),  # 22 tokens a sentence in common vocabularies
        (CHINESE * 40, 900, 1400),  # 20 to 30
        (RUSSIAN * 40, 600, 1800),  # 16 to 40, by the vocabulary
        ("", 1, 10),
    ],
)
def test_text_is_estimated_by_its_script(text: str, low: int, high: int) -> None:
    assert low <= estimate(messages=user(text)) <= high


@pytest.mark.parametrize(
    ("api", "members", "low", "high"),
    [
        (Api.CHAT, {"messages": user("a"), "tools": [{"name": "x" * 4000}]}, 1000, 1050),
        (Api.CHAT, {"messages": user([{"type": "image_url", "image_url": {"url": "data:," + "A" * 100_000}}] * 2)}, 2000, 2010),
        (Api.CHAT, {"messages": user([{"type": "input_audio", "input_audio": {"data": "A" * 600_000}}])}, 600, 620),
        (Api.MESSAGES, {"messages": user([{"type": "document", "source": {"type": "base64", "data": "A" * 64_000}}])}, 2000, 2020),
        (Api.MESSAGES, {"system": "s" * 4000, "messages": user("a")}, 1000, 1010),
        (Api.MESSAGES, {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"code": "x" * 4000}}]}]}, 1000, 1020),
        (Api.RESPONSES, {"input": [{"type": "function_call_output", "output": "x" * 4000}]}, 1000, 1010),
        (Api.EMBEDDINGS, {"input": [[7] * 300, [8] * 200]}, 500, 502),
        (Api.COMPLETIONS, {"prompt": ["x" * 2000, "y" * 2000]}, 1000, 1010),
    ],
)
def test_everything_the_model_reads_is_counted(api: Api, members: dict[str, Any], low: int, high: int) -> None:
    assert low <= estimate(api, **members) <= high
