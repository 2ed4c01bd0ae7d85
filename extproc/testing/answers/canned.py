"""What a stand-in says, before it is put into an API's shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice
from typing import Any, Literal

from extproc.testing.behaviour import Behaviour

CREATED = 1_700_000_000  # a fixed moment: the same request gets the same answer
_TRIGGER = "call the tool"
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The function that is called, with its arguments as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Canned:
    """One answer. `pieces` are its tokens; `prompt_tokens` counts cached ones too, `completion_tokens` reasoning ones."""

    serial: int
    model: str
    asked: dict[str, Any]
    pieces: tuple[str, ...]
    tool: ToolCall | None
    finish: Literal["stop", "length", "tool"]
    prompt_tokens: int
    completion_tokens: int
    behaviour: Behaviour

    @property
    def text(self) -> str:
        """All that is said."""
        return "".join(self.pieces)

    @property
    def asks_usage(self) -> bool:
        """Whether the request's `stream_options` ask for usage and the stand-in gives any."""
        options = self.asked.get("stream_options")
        return self.behaviour.has_usage and isinstance(options, dict) and options.get("include_usage") is True


def tokens_of(text: str) -> int:
    """The stand-in's token count: one for each four characters begun."""
    return (len(text) + 3) // 4


def prompt_text(asked: dict[str, Any]) -> str:
    """Every text of the prompt, system and tool results included, joined with line ends."""
    parts = (asked.get(key) for key in ("system", "instructions", "messages", "input", "prompt"))
    return "\n".join(text for part in parts for text in _texts(part))


def compose(asked: dict[str, Any], behaviour: Behaviour, *, name: str, serial: int) -> Canned:
    """The answer of the stand-in `name` to `asked`; `serial` makes its ids unique."""
    prompt = prompt_text(asked)
    tool = _tool_call(asked) if _TRIGGER in prompt[-2000:].lower() else None
    pieces, finish = _pieces(asked, behaviour, name) if tool is None else ((), "tool")
    said = tokens_of(tool.arguments) if tool else len(pieces)
    if behaviour.padding_bytes and pieces:
        pieces = (*pieces[:-1], pieces[-1] + "." * behaviour.padding_bytes)
    return Canned(
        serial=serial,
        model=str(asked.get("model", "")),
        asked=asked,
        pieces=pieces,
        tool=tool,
        finish=finish,  # type: ignore[arg-type]
        prompt_tokens=tokens_of(prompt),
        completion_tokens=said + behaviour.reasoning_tokens,
        behaviour=behaviour,
    )


def sse(data: str, event: str = "") -> bytes:
    """One server-sent event."""
    return (f"event: {event}\ndata: {data}\n\n" if event else f"data: {data}\n\n").encode()


def compact(document: object) -> str:
    """JSON without spaces, other scripts as they are."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _texts(part: object) -> Iterator[str]:
    # Content is a string, a list of parts, or items that hold content; pictures and the like have no text.
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for item in part:
            yield from _texts(item)
    elif isinstance(part, dict):
        for key in ("text", "content", "output"):
            if key in part:
                yield from _texts(part[key])


def _pieces(asked: dict[str, Any], behaviour: Behaviour, name: str) -> tuple[tuple[str, ...], str]:
    schema = _schema(asked)
    if schema is not None:
        return tuple(_split(compact(_sample(schema)))), "stop"
    limit = next((asked[key] for key in _LIMITS if isinstance(asked.get(key), int)), None)
    pieces = tuple(_split(behaviour.text)) if behaviour.text else _canned_words(name, behaviour.tokens)
    if limit is not None and 0 < limit < len(pieces):
        return pieces[:limit], "length"
    return pieces, "stop"


@lru_cache(maxsize=256)
def _canned_words(name: str, tokens: int) -> tuple[str, ...]:
    said = f"This is a canned answer from the stand-in backend {name}; no model wrote it. "
    return tuple(islice(cycle(_split(said)), tokens))


def _split(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*|\s+", text)


def _schema(asked: dict[str, Any]) -> dict[str, Any] | None:
    chat, text = asked.get("response_format"), asked.get("text")
    wanted = chat if isinstance(chat, dict) else text.get("format") if isinstance(text, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type") not in ("json_schema", "json_object"):
        return None
    nested = wanted.get("json_schema", wanted)
    schema = nested.get("schema", {}) if isinstance(nested, dict) else {}
    return schema if isinstance(schema, dict) else {}


def _tool_call(asked: dict[str, Any]) -> ToolCall | None:
    for tool in asked.get("tools") or ():
        function = tool.get("function", tool)  # chat nests it; responses and messages do not
        if "name" in function:
            schema = function.get("parameters") or function.get("input_schema") or {}
            return ToolCall(function["name"], compact(_sample({"type": "object", **schema})))
    return None


def _sample(schema: dict[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            return {key: _sample(value) for key, value in schema.get("properties", {}).items()}
        case "array":
            return [_sample(schema.get("items", {"type": "string"}))]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return "canned"
