"""What a request says, in one shape for all dialects: the types, and what a reader fills in.

A view is for deciding, never for writing: a request leaves as its own text (`Request.body`), spliced where it was
edited. Readers are lenient. Only the backend judges whether a message makes sense; here anything of an unexpected shape is
skipped, and what can be read is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from extproc.config.section import Api, Capability


@dataclass(frozen=True, slots=True)
class Turn:
    """One message or input item, in order. `text` is all its text, parts joined with newlines; never encoded media."""

    role: str  # "user", "assistant" or "tool"; system and developer text is in `Request.system`
    text: str
    tool_calls: int = 0


@dataclass(frozen=True, slots=True)
class Bulk:
    """What the model must read besides the text of the turns, for estimates of size."""

    other_chars: int = 0  # arguments of tool calls, reasoning that is sent back, the suffix of a completion
    image_count: int = 0
    audio_chars: int = 0  # as encoded in the body
    file_chars: int = 0  # as encoded in the body
    token_ids: int = 0  # prompt given as token numbers


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, and as it reads.

    No text in it has lone surrogates, so all of it can be encoded; `members` alone holds values exactly as parsed.
    """

    api: Api
    body: bytes  # decompressed, otherwise exactly as it came
    source: str  # `body`, decoded
    spans: Mapping[str, tuple[int, int]]  # top-level member -> [start, end) of its value in `source`, in source order
    members: Mapping[str, Any]  # parsed top-level members
    was_encoded: bool  # the body came compressed, so `body` must not leave under its content-encoding header
    model: str
    is_stream: bool
    asks_usage: bool  # stream_options.include_usage is true
    system: str
    turns: tuple[Turn, ...]  # without system text
    ask: str  # the last user text; for completions the prompt, for embeddings the inputs
    needs: frozenset[Capability]
    max_output_tokens: int | None
    tool_count: int
    schema_chars: int  # JSON text of the tools and of the output schema
    bulk: Bulk


@dataclass(slots=True)
class Reading:
    """What a dialect's reader has found so far."""

    system: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    needs: set[Capability] = field(default_factory=set)
    tool_count: int = 0
    other_chars: int = 0
    image_count: int = 0
    audio_chars: int = 0
    file_chars: int = 0
    token_ids: int = 0

    def bulk(self) -> Bulk:
        """The sizes found."""
        return Bulk(self.other_chars, self.image_count, self.audio_chars, self.file_chars, self.token_ids)

    def ask(self) -> str:
        """The text of the last user turn that has any."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user" and turn.text), "")

    def offer_tools(self, tools: object) -> None:
        """Counts the entries of a `tools` member."""
        if isinstance(tools, list) and tools:
            self.tool_count += len(tools)
            self.needs.add(Capability.TOOLS)

    def call_tool(self, arguments: object) -> None:
        """Counts a tool call with these arguments, which are JSON text or parsed JSON."""
        self.needs.add(Capability.TOOLS)
        self.other_chars += chars_of(arguments)


def chars_of(value: object) -> int:
    """About how many characters `value` takes as JSON: for estimates, so Python's spelling is near enough."""
    return len(value) if isinstance(value, str) else 0 if value is None else len(repr(value))
