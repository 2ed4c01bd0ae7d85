"""What a request refers to that only the provider has: it can be answered nowhere else.

    thinking      signed or redacted reasoning of Anthropic's (`thinking` blocks with a `signature`)
    reasoning     encrypted reasoning items of OpenAI's responses API
    signature     thought signatures that Gemini puts on tool calls in its OpenAI dialect
    response      `previous_response_id`
    conversation  `conversation`
    reference     items by their id
    file          files by their id, prompts and vector stores that the provider keeps
    container     a sandbox that goes on running
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extproc.config.section import Api
from extproc.dialects.view import Request

# Texts without which none of this can be in a body: looking for them is quicker than walking it.
_TRACES = (
    '"signature"',
    '"redacted_thinking"',
    '"encrypted_content"',
    "previous_response_id",
    '"conversation"',
    '"item_reference"',
    '"file_id"',
    '"container"',
    "thought_signature",
    '"prompt"',
    '"vector_store_ids"',
)


def bindings(request: Request) -> tuple[str, ...]:
    """Words for what binds `request` to a provider, sorted; empty for most."""
    source = request.source
    if not any(trace in source for trace in _TRACES):
        return ()
    return tuple(sorted(set(_named(request)) | set(_in_content(request.members))))


def _named(request: Request) -> Iterator[str]:
    members = request.members
    if isinstance(members.get("container"), str | dict) and members["container"]:
        yield "container"
    if request.api is not Api.RESPONSES:
        return
    if isinstance(members.get("previous_response_id"), str):
        yield "response"
    if isinstance(members.get("conversation"), str | dict) and members["conversation"]:
        yield "conversation"
    if isinstance(prompt := members.get("prompt"), dict) and prompt.get("id"):
        yield "file"


def _in_content(members: Mapping[str, Any]) -> Iterator[str]:
    """Reads every object in messages, input and tools; the depth was bounded when the body was parsed."""
    waiting: list[Any] = [members.get("messages"), members.get("input"), members.get("tools")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(inner for inner in value.values() if isinstance(inner, dict | list))
            if word := _of_object(value):
                yield word


def _of_object(value: dict[str, Any]) -> str:
    kind = value.get("type")
    if kind == "thinking" and value.get("signature"):
        return "thinking"
    if kind == "redacted_thinking":
        return "thinking"
    if kind == "reasoning" and value.get("encrypted_content"):
        return "reasoning"
    if kind == "item_reference":
        return "reference"
    if value.get("thought_signature"):
        return "signature"
    return "file" if isinstance(value.get("file_id"), str) or value.get("vector_store_ids") else ""
