"""Bodies of every dialect with a text in every place one can stand, and encodings a model can read."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from extproc.config.section import Api
from extproc.dialects import Refusal, Request, parse

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda text: json.dumps({"note": text, "n": 1}),
    "json in json": lambda text: json.dumps({"a": json.dumps({"b": [text]})}),
    "base64": lambda text: "see " + base64.b64encode(f"note: {text}\nend of it".encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"the note says {text} and ends".encode()).decode().rstrip("="),
    "wrapped base64": lambda text: base64.encodebytes(f"{'some words first, ' * 8}{text} {'and more, ' * 8}".encode()).decode(),
    "data URI": lambda text: "data:text/plain;base64," + base64.b64encode(f"{text} it is".encode()).decode(),
    "hex": lambda text: f"{text} of it".encode().hex(),
    "percent": lambda text: quote(f"q={text} x", safe=""),
    "references": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "named references": lambda text: html.escape(f"<b>{text}</b>"),
    "unicode escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "byte escapes": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "full width": lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
    "zero width": "\u200b".join,
    "spelled": " ".join,
    "dashed": "-".join,
}


def _chat(content: object) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}]}


def _messages(content: object) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}


def _responses(item: object) -> dict[str, Any]:
    return {"model": "m", "input": [{"role": "user", "content": "hello"}, item]}


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLACES: dict[str, tuple[Api, Callable[[str], dict[str, Any]]]] = {
    "chat user": (Api.CHAT, _chat),
    "chat part": (Api.CHAT, lambda text: _chat([{"type": "text", "text": "a"}, {"type": "text", "text": text}])),
    "chat system": (Api.CHAT, lambda text: {"model": "m", "messages": [{"role": "system", "content": text}]}),
    "chat earlier": (
        Api.CHAT,
        lambda text: {"model": "m", "messages": [{"role": "user", "content": text}, {"role": "user", "content": "b"}]},
    ),
    "chat tool result": (Api.CHAT, lambda text: {"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": text}]}),
    "chat arguments": (
        Api.CHAT,
        lambda text: {
            "model": "m",
            "messages": [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"x": text})}}],
                }
            ],
        },
    ),
    "chat tool description": (
        Api.CHAT,
        lambda text: _chat("a") | {"tools": [{"type": "function", "function": {"name": "f", "description": text, "parameters": {}}}]},
    ),
    "chat file": (
        Api.CHAT,
        lambda text: _chat([{"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{_b64(text)}"}}]),
    ),
    "chat image detail": (
        Api.CHAT,
        lambda text: _chat([{"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": text}}]),
    ),
    "chat name": (Api.CHAT, lambda text: {"model": "m", "messages": [{"role": "user", "name": text, "content": "b"}]}),
    "chat reasoning": (
        Api.CHAT,
        lambda text: {"model": "m", "messages": [{"role": "assistant", "content": "b", "reasoning_content": text}]},
    ),
    "user": (Api.CHAT, lambda text: _chat("a") | {"user": text}),
    "metadata": (Api.CHAT, lambda text: _chat("a") | {"metadata": {"k": text}}),
    "a key": (Api.CHAT, lambda text: _chat("a") | {"metadata": {text: "v"}}),
    "unknown member": (Api.CHAT, lambda text: _chat("a") | {"x_new": [[{"y": [text]}]]}),
    "completions": (Api.COMPLETIONS, lambda text: {"model": "m", "prompt": ["a", text]}),
    "suffix": (Api.COMPLETIONS, lambda text: {"model": "m", "prompt": "a", "suffix": text}),
    "embeddings": (Api.EMBEDDINGS, lambda text: {"model": "m", "input": ["a", text]}),
    "responses input": (Api.RESPONSES, lambda text: {"model": "m", "input": text}),
    "responses instructions": (Api.RESPONSES, lambda text: {"model": "m", "input": "a", "instructions": text}),
    "responses part": (Api.RESPONSES, lambda text: _responses({"role": "user", "content": [{"type": "input_text", "text": text}]})),
    "responses output": (Api.RESPONSES, lambda text: _responses({"type": "function_call_output", "call_id": "c", "output": text})),
    "responses arguments": (
        Api.RESPONSES,
        lambda text: _responses({"type": "function_call", "call_id": "c", "name": "f", "arguments": json.dumps({"x": text})}),
    ),
    "responses file": (
        Api.RESPONSES,
        lambda text: _responses(
            {"role": "user", "content": [{"type": "input_file", "filename": "a", "file_data": _b64(f"{text} is in it")}]}
        ),
    ),
    "responses summary": (
        Api.RESPONSES,
        lambda text: _responses({"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": text}]}),
    ),
    "messages system": (Api.MESSAGES, lambda text: _messages("a") | {"system": [{"type": "text", "text": text}]}),
    "messages tool use": (
        Api.MESSAGES,
        lambda text: _messages([{"type": "tool_use", "id": "t", "name": "f", "input": {"a": {"b": text}}}]),
    ),
    "messages tool result": (
        Api.MESSAGES,
        lambda text: _messages([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": text}]}]),
    ),
    "messages document": (
        Api.MESSAGES,
        lambda text: _messages([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}}]),
    ),
    "messages encoded document": (
        Api.MESSAGES,
        lambda text: _messages([{"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": _b64(text)}}]),
    ),
    "messages thinking": (Api.MESSAGES, lambda text: _messages([{"type": "thinking", "thinking": text, "signature": "c2lnbmVk"}])),
}


def request_of(api: Api, body: object) -> Request:
    """`body` as the worker reads it."""
    request = parse(api, json.dumps(body).encode(), max_body_bytes=100_000_000)
    assert not isinstance(request, Refusal)
    return request
