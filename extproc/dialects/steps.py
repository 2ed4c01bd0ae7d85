"""What an agent did last: its newest tool calls with what came back of them, in one shape for three dialects.

Agents send the whole history at every step, so only its end is read, and of arguments and results only their ends. A result is
where an agent's harness also puts words of its own (reminders in tags); those are nobody's turn. Agents whose models have no
tools write calls into the text and bring results back as a user's message, `[tool for 'argument'] Result:`; that is read too.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from extproc.config.section import Api
from extproc.dialects.view import Request, Turn

KEPT_CHARS = 400
_MOST_ENTRIES, _MOST_ARGUMENTS = 80, 12
_ARGUMENTS = ("arguments", "input", "action", "operation", "code", "queries")
_TAG = re.compile(r"<([a-z][\w-]{0,40})>")
_IN_TEXT = re.compile(r"\s*\[(\w{1,64})(?: for '([^'\n]{0,400})')?\] Result:")


class Step(NamedTuple):
    """One call of a tool. `arguments` and the result (`head`, and where it is longer than that `tail`) are bounded texts."""

    tool: str
    arguments: str  # JSON text or close to it
    digest: int  # of the arguments: equal for the same call again
    head: str = ""
    tail: str = ""
    is_error: bool = False  # the dialect says so
    is_answered: bool = True
    is_current: bool = True  # done since a user last said something


_Result = tuple[str, str, bool]  # both ends, and whether the dialect calls it an error
_UNANSWERED: _Result = ("", "", False)


@dataclass(slots=True)
class _Found:
    """From the newest entry backwards: results that wait for their calls, and the steps so far."""

    results: dict[str, _Result] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    is_current: bool = True

    def bring(self, name: object, content: object, *, is_error: bool = False) -> None:
        """A result, by the name its call has."""
        if isinstance(name, str):
            self.results[name] = (*_ends(content), is_error)

    def call(self, name: object, tool: object, arguments: object) -> None:
        """The call itself, which comes up after its result."""
        result = self.results.pop(name, None) if isinstance(name, str) else None
        text, digest = _arguments(arguments)
        head, tail, is_error = result or _UNANSWERED
        named = tool if isinstance(tool, str) else ""
        self.steps.append(Step(named, text, digest, head, tail, is_error, result is not None, self.is_current))


def steps(request: Request, most: int = 12) -> tuple[Step, ...]:
    """The newest tool calls, at most `most`, oldest first. Nothing for requests in which no tool has answered."""
    walk, entries = _WALKS.get(request.api), request.members.get("input" if request.api is Api.RESPONSES else "messages")
    if walk is None or not isinstance(entries, list) or not _has_results(request.turns[-_MOST_ENTRIES:]):
        return ()
    found = _Found()
    for entry in entries[: -_MOST_ENTRIES - 1 : -1]:
        if isinstance(entry, dict):
            walk(entry, found)
        if len(found.steps) >= most:
            break
    return tuple(found.steps[:most][::-1])


def is_tool_turn(request: Request) -> bool:
    """Whether the newest turn is a tool's result and not a user's; what a harness adds to one is no user's turn."""
    turns = request.turns
    for turn in turns[:-4:-1]:
        if turn.role != "user":
            return turn.role == "tool"
        if _IN_TEXT.match(turn.text):
            return True
        if not _is_harness(turn.text):
            return False
    return False


def _has_results(turns: tuple[Turn, ...]) -> bool:
    return any(turn.role == "tool" or (turn.role == "user" and _IN_TEXT.match(turn.text)) for turn in turns)


def _is_harness(text: str) -> bool:
    """Blocks in tags, one after another and nothing beside them, are what a harness tells the model, not what a user says."""
    at = _start(text, 0)
    while at < len(text):
        opened = _TAG.match(text, at)
        closed = text.find(f"</{opened[1]}>", opened.end()) if opened else -1
        if opened is None or closed < 0:
            return False
        at = _start(text, closed + len(opened[1]) + 3)
    return True


def _start(text: str, at: int) -> int:
    """Where the next text that is not white space begins."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _ends(content: object) -> tuple[str, str]:
    if isinstance(content, str):
        return content[:KEPT_CHARS], content[KEPT_CHARS:][-KEPT_CHARS:]
    if isinstance(content, dict):
        return _ends(content.get("text") or content.get("content") or content.get("error_code"))
    if not isinstance(content, list):
        return "", ""
    texts = [text for part in content[:20] if (text := part.get("text") if isinstance(part, dict) else part) and isinstance(text, str)]
    return _ends("\n".join(texts) if len(texts) != 1 else texts[0])


def _arguments(arguments: object) -> tuple[str, int]:
    if isinstance(arguments, str):
        text = arguments[:KEPT_CHARS]
        return text, zlib.crc32(f"{len(arguments)}:{text}{arguments[KEPT_CHARS:][-KEPT_CHARS:]}".encode(errors="replace"))
    if not isinstance(arguments, dict):
        return "", 0
    shown, rest = [], []
    for name, value in islice(arguments.items(), _MOST_ARGUMENTS):
        text = value if isinstance(value, str) else repr(value)
        shown.append(f'"{name}": "{text[:KEPT_CHARS]}"')
        if len(text) > KEPT_CHARS:
            rest.append(f"{len(text)}:{text[KEPT_CHARS:][-KEPT_CHARS:]}")
    told = ", ".join(shown)
    return told[:KEPT_CHARS], zlib.crc32("\0".join((told, *rest)).encode(errors="replace"))


def _chat(message: Mapping[str, Any], found: _Found) -> None:
    role = message.get("role")
    if role in ("tool", "function"):
        found.bring(message.get("tool_call_id", message.get("name")), message.get("content"))
    elif role == "assistant":
        calls = message.get("tool_calls")
        for call in reversed(calls) if isinstance(calls, list) else ():
            if isinstance(call, dict) and isinstance(made := call.get("function", call.get("custom")), dict):
                found.call(call.get("id"), made.get("name"), made.get("arguments", made.get("input")))
        if isinstance(made := message.get("function_call"), dict):
            found.call(made.get("name"), made.get("name"), made.get("arguments"))
    elif role == "user":
        _words(message.get("content"), found)


def _messages(message: Mapping[str, Any], found: _Found) -> None:
    content = message.get("content")
    if not isinstance(content, list):
        if message.get("role") != "assistant":
            _words(content, found)
        return
    said = []
    for block in reversed(content):
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            continue
        if kind.endswith("tool_result"):
            inner = block.get("content")
            failed = block.get("is_error") is True or (isinstance(inner, dict) and str(inner.get("type", "")).endswith("_error"))
            found.bring(block.get("tool_use_id"), inner, is_error=failed)
        elif kind.endswith("tool_use"):
            found.call(block.get("id"), block.get("name"), block.get("input"))
        elif kind == "text":
            said.append(block)
    if message.get("role") != "assistant" and said:
        _words(said[::-1], found)


def _responses(item: Mapping[str, Any], found: _Found) -> None:
    kind = item.get("type", "message")
    if kind == "message":
        if item.get("role") == "user":
            _words(item.get("content"), found)
    elif isinstance(kind, str) and kind.endswith("_output"):
        found.bring(item.get("call_id"), item.get("output"), is_error=item.get("status") == "failed")
    elif isinstance(kind, str) and kind.endswith("_call"):
        name = item.get("call_id", item.get("id"))
        if item.get("output") or item.get("error"):  # calls that the provider made itself carry their result
            found.bring(name, item.get("output") or item.get("error"), is_error=bool(item.get("error")))
        tool = item.get("name", kind.removesuffix("_call"))
        found.call(name, tool, next((item[part] for part in _ARGUMENTS if item.get(part)), None))


def _words(content: object, found: _Found) -> None:
    """What stands in a user's place: a user's words, a harness's, or a result that was written as text."""
    head, tail = _ends(content)
    written = _IN_TEXT.match(head)
    if written:
        result = head[written.end() :].lstrip()
        text, digest = _arguments(written[2] or "")
        found.steps.append(Step(written[1], text, digest, result, tail, is_current=found.is_current))
    elif not _is_harness(_whole(content)):
        found.is_current = False


def _whole(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(text for part in parts if isinstance(part, dict) and isinstance(text := part.get("text"), str))


_WALKS: dict[Api, Callable[[Mapping[str, Any], _Found], None]] = {Api.CHAT: _chat, Api.MESSAGES: _messages, Api.RESPONSES: _responses}
