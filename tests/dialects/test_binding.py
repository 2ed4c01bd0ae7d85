"""What binds a request to whoever keeps it: every kind, and what only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extproc.config.section import Api
from extproc.dialects import Request, bindings, parse

SIGNED = {"type": "thinking", "thinking": "so", "signature": "c2ln"}


def found(api: Api, **members: Any) -> tuple[str, ...]:
    raw = json.dumps({"model": "m", **members}).encode()
    request = parse(api, raw, max_body_bytes=len(raw))
    assert isinstance(request, Request)
    return bindings(request)


def said(*blocks: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": list(blocks)}]


@pytest.mark.parametrize(
    ("api", "members", "words"),
    [
        (Api.MESSAGES, {"messages": said(SIGNED)}, ("thinking",)),
        (Api.MESSAGES, {"messages": said({"type": "redacted_thinking", "data": "x"})}, ("thinking",)),
        (Api.MESSAGES, {"messages": said({"type": "thinking", "thinking": "so", "signature": ""})}, ()),
        (Api.MESSAGES, {"messages": said({"type": "text", "text": "the \"signature\" of a function"})}, ()),
        (Api.MESSAGES, {"messages": said(), "container": "c_1"}, ("container",)),
        (Api.MESSAGES, {"messages": said({"type": "document", "source": {"type": "file", "file_id": "f_1"}})}, ("file",)),
        (Api.MESSAGES, {"messages": said(), "thinking": {"type": "enabled", "budget_tokens": 9}}, ()),
        (Api.RESPONSES, {"input": [{"type": "reasoning", "encrypted_content": "gAAA", "summary": []}]}, ("reasoning",)),
        (Api.RESPONSES, {"input": [{"type": "reasoning", "summary": []}]}, ()),
        (Api.RESPONSES, {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, ("reference",)),
        (Api.RESPONSES, {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"text": "so"}]}]}, ()),
        (Api.RESPONSES, {"input": [{"id": "msg_1"}]}, ("reference",)),
        (Api.RESPONSES, {"input": [{"id": "msg_1", "role": "assistant", "content": "a"}]}, ()),
        (Api.RESPONSES, {"input": "hi", "previous_response_id": "resp_1"}, ("response",)),
        (Api.RESPONSES, {"input": "hi", "previous_response_id": None}, ()),
        (Api.RESPONSES, {"input": "hi", "conversation": {"id": "conv_1"}}, ("conversation",)),
        (Api.RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, ("reference",)),
        (Api.RESPONSES, {"input": "hi", "prompt": {"id": "pmpt_1"}}, ("file",)),
        (Api.RESPONSES, {"input": "hi", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, ("file",)),
        (Api.RESPONSES, {"input": "hi", "include": ["reasoning.encrypted_content"]}, ()),
        (
            Api.RESPONSES,
            {
                "previous_response_id": "resp_1",
                "input": [{"type": "item_reference", "id": "a"}, {"type": "reasoning", "encrypted_content": "b"}],
            },
            ("reasoning", "reference", "response"),
        ),
        (
            Api.CHAT,
            {"messages": [*said(), {"role": "assistant", "tool_calls": [{"extra_content": {"google": {"thought_signature": "x"}}}]}]},
            ("signature",),
        ),
        (Api.CHAT, {"messages": said(), "previous_response_id": "resp_1"}, ()),  # a member that chat completions does not have
        (Api.CHAT, {"messages": said({"type": "file", "file": {"file_id": "file-1"}})}, ("file",)),
        (Api.MESSAGES, {"messages": said({"type": "tool_use", "id": "1", "name": "f", "input": {"file_id": "an argument"}})}, ()),
        (Api.RESPONSES, {"input": "hi", "tools": [{"type": "function", "parameters": {"properties": {"file_id": {}}}}]}, ()),
        (Api.CHAT, {"messages": said({"type": "text", "text": "previous_response_id, \"file_id\", \"container\""})}, ()),
    ],
)  # fmt: skip
def test_what_binds(api: Api, members: dict[str, Any], words: tuple[str, ...]) -> None:
    assert found(api, **members) == words


def test_what_binds_is_found_however_deep_and_old_it_is() -> None:
    talk = said({"type": "tool_result", "content": [{"content": [SIGNED]}]}) + said() * 200
    assert found(Api.MESSAGES, messages=talk) == ("thinking",)
