"""A story told in a dialect: the body of each request, with what the backend that answered left in the conversation.

Each speaker keeps the conversation as its client would. What a provider keeps of it carries the name of the backend that made it,
so that whoever reads a body afterwards knows where it may go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from extproc.bench.replay.configuration import MODEL
from extproc.bench.replay.plan import Binds, Call, Story
from extproc.config import Api

MADE_BY = "made-by="  # before the name of the backend, in whatever only it can read


@dataclass(slots=True)
class Speaker:
    """One client in the middle of its session."""

    story: Story
    said: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0  # entries that the provider keeps already, with Binds.ANSWER
    answer_id: str = ""
    calls: int = 0

    def ask(self, text: str) -> None:
        """A user says something."""
        self.said.append({"role": "user", "content": text})

    def bring(self, call: Call) -> None:
        """The result of the call that was answered last."""
        name = f"call_{self.calls}"
        if self.story.api is Api.CHAT:
            self.said.append({"role": "tool", "tool_call_id": name, "content": call.result})
        elif self.story.api is Api.MESSAGES:
            block = {"type": "tool_result", "tool_use_id": name, "content": call.result, "is_error": call.is_error}
            self.said.append({"role": "user", "content": [block]})
        else:
            self.said.append({"type": "function_call_output", "call_id": name, "output": call.result})

    def hear(self, backend: str, call: Call | None, *, keeps: bool) -> None:
        """What `backend` answers: the next call, or its last words. `keeps`: it is one that leaves what only it can read."""
        self.sent = len(self.said)
        self.calls += call is not None
        binds = self.story.binds if keeps else Binds.NOTHING
        if self.story.api is Api.CHAT:
            self.said.append(_chat_answer(call, f"call_{self.calls}"))
        elif self.story.api is Api.MESSAGES:
            self.said.append(_messages_answer(call, f"call_{self.calls}", backend if binds is Binds.THINKING else ""))
        else:
            self.said += _responses_answer(call, f"call_{self.calls}", backend if binds is Binds.REASONING else "")
        if binds is Binds.ANSWER:
            self.answer_id = f"resp-{MADE_BY}{backend}-{len(self.said)}-{self.story.name}"
            self.sent = len(self.said)

    def body(self, *, is_whole: bool = False) -> bytes:
        """The next request. `is_whole`: with all that the provider has already, as it is billed."""
        story = self.story
        members: dict[str, Any] = {"model": MODEL, "stream": True}
        if story.api is Api.CHAT:
            members |= {"messages": [{"role": "system", "content": story.system}, *self.said]}
        elif story.api is Api.MESSAGES:
            members |= {"max_tokens": 4_000, "system": story.system, "messages": self.said}
        elif self.answer_id and not is_whole:
            members |= {"instructions": story.system, "previous_response_id": self.answer_id, "input": self.said[self.sent :]}
        else:
            members |= {"instructions": story.system, "input": self.said}
        if any(turn.calls for turn in story.turns):
            members["tools"] = _tools(story.api)
        return json.dumps(members).encode()


def chore(story: Story) -> bytes:
    """A title for the session, as its client asks for one."""
    told = f"<conversation>\nUser: {story.turns[0].ask}\n</conversation>"
    asked = {"role": "user", "content": told}
    system = "Write a short title for this conversation, at most five words. Return only the title."
    members: dict[str, Any] = {"model": MODEL}
    if story.api is Api.CHAT:
        members |= {"max_tokens": 40, "messages": [{"role": "system", "content": system}, asked]}
    elif story.api is Api.MESSAGES:
        members |= {"max_tokens": 40, "system": system, "messages": [asked]}
    else:
        members |= {"max_output_tokens": 40, "instructions": system, "input": [asked]}
    return json.dumps(members).encode()


def _chat_answer(call: Call | None, name: str) -> dict[str, Any]:
    if call is None:
        return {"role": "assistant", "content": "Done."}
    function = {"name": call.tool, "arguments": json.dumps(call.arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": name, "type": "function", "function": function}]}


def _messages_answer(call: Call | None, name: str, maker: str) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    if maker:
        blocks.append({"type": "thinking", "thinking": "The next step.", "signature": f"{MADE_BY}{maker};"})
    if call is None:
        blocks.append({"type": "text", "text": "Done."})
    else:
        blocks.append({"type": "tool_use", "id": name, "name": call.tool, "input": call.arguments})
    return {"role": "assistant", "content": blocks}


def _responses_answer(call: Call | None, name: str, maker: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if maker:
        items.append({"type": "reasoning", "summary": [], "encrypted_content": f"{MADE_BY}{maker};"})
    if call is None:
        items.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]})
    else:
        items.append({"type": "function_call", "call_id": name, "name": call.tool, "arguments": json.dumps(call.arguments)})
    return items


def _tools(api: Api) -> list[dict[str, Any]]:
    names = ("read_file", "edit_file", "grep", "run_command")
    if api is Api.CHAT:
        return [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in names]
    if api is Api.MESSAGES:
        return [{"name": name, "input_schema": {"type": "object"}} for name in names]
    return [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in names]
