"""What a request refers to that only the provider has: it can be answered nowhere else.

thinking      signed or redacted reasoning of Anthropic's (`thinking` blocks with a `signature`)
reasoning     encrypted reasoning items of OpenAI's responses API
signature     thought signatures that Gemini puts on tool calls in its OpenAI dialect
response      `previous_response_id`
conversation  `conversation`
reference     items by their id, and reasoning of which nothing but its id is there
file          files by their id, prompts and vector stores that the provider keeps
container     a sandbox that goes on running
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extproc.config.section import Api
from extproc.dialects.view import Request

# What tools are called with is their own affair, whatever its members are named.
_ARGUMENTS = ("arguments", "input", "parameters", "input_schema")


def bindings(request: Request) -> tuple[str, ...]:
    """Words for what binds `request` to a provider, sorted; empty for most."""
    return tuple(sorted({*_named(request), *_in_content(request.members)}))


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
    given = members.get("input")
    if any(isinstance(item, dict) and _is_reference(item) for item in (given if isinstance(given, list) else ())):
        yield "reference"


def _is_reference(item: Mapping[str, Any]) -> bool:
    """Whether the item is only named: its type may be left out, and reasoning comes without text where the provider stores it."""
    if not isinstance(item.get("id"), str):
        return False
    kind = item.get("type")
    if kind == "reasoning":
        return not (item.get("summary") or item.get("content") or item.get("encrypted_content"))
    return kind == "item_reference" or (kind is None and "content" not in item and "role" not in item)


def _in_content(members: Mapping[str, Any]) -> Iterator[str]:
    """Reads every object in messages and input, and the tools that are offered; the depth was bounded when the body was parsed."""
    waiting: list[Any] = [members.get("messages"), members.get("input"), members.get("tools")]
    while waiting:
        value = waiting.pop()
        if type(value) is list:
            waiting.extend([inner for inner in value if type(inner) is dict or type(inner) is list])
        elif type(value) is dict:
            for name, inner in value.items():
                if (type(inner) is dict or type(inner) is list) and name not in _ARGUMENTS:
                    waiting.append(inner)
            if word := _of_object(value):
                yield word


def _of_object(value: dict[str, Any]) -> str:
    kind = value.get("type")
    if kind == "thinking":
        return "thinking" if value.get("signature") else ""
    if kind == "redacted_thinking":
        return "thinking"
    if kind == "reasoning":
        return "reasoning" if value.get("encrypted_content") else ""
    if value.get("thought_signature"):
        return "signature"
    return "file" if isinstance(value.get("file_id"), str) or value.get("vector_store_ids") else ""
