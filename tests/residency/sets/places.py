"""The places of a request where a text can be: each takes the text and gives the body of one API with the text there."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

from tests.residency.sets.filler import PARAGRAPHS, TOOLS

Body = dict[str, Any]
_MODELS = {
    "chat": ("gpt-4o-mini", "gpt-4.1-mini", "gpt-5", "o4-mini", "mistral-large-latest"),
    "responses": ("gpt-5", "gpt-5-mini", "o4-mini", "gpt-4.1"),
    "messages": ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"),
    "completions": ("gpt-3.5-turbo-instruct",),
}
_ASKS = (
    "what next?", "Summarise that in one line.", "ok, thanks. And what is the capital of Norway?", "go on", "Is anything missing?",
    "Make it shorter please", "Danke! Was heißt das auf Englisch?", "et maintenant ?", "And the difference between TCP and UDP?",
    "looks right to you?", "Write a haiku about rain instead.", "any warnings?", "Fix the formatting.", "vale, ¿y ahora?",
)  # fmt: skip
_REPLIES = ("Thanks, noted.", "Sure.", "Got it. Anything else?", "Understood, here is a first draft.", "Of course, tell me more.")
_TOOLS = ("lookup", "read_file", "run_query", "get_record", "fetch_page", "search_notes", "call_api")


class Place:
    """One row's way of putting turns, tools and options together; draws whatever does not matter."""

    def __init__(self, api: str, draw: random.Random) -> None:
        self.api, self.draw = api, draw

    def body(self, turns: list[Any], system: Any = None, **members: Any) -> Body:
        body: Body = {"model": self.draw.choice(_MODELS[self.api])}
        if self.api == "responses":
            body |= {"input": turns} | ({"instructions": system} if system is not None else {})
        elif self.api == "messages":
            body |= {"max_tokens": self.draw.choice((256, 1024, 4096))} | ({"system": system} if system is not None else {})
            body["messages"] = turns
        else:
            head = [{"role": self.draw.choice(("system", "developer")), "content": system}] if system is not None else []
            body["messages"] = head + turns
        if self.draw.random() < 0.3:
            body["stream"] = True
        if self.draw.random() < 0.2 and self.api != "responses":
            body["temperature"] = self.draw.choice((0, 0.3, 0.7, 1))
        return body | members

    def user(self, content: Any) -> Body:
        return {"role": "user", "content": content}

    def ask(self) -> Body:
        return self.user(self.draw.choice(_ASKS))

    def assistant(self, text: str) -> Body:
        if self.api != "responses":
            return {"role": "assistant", "content": text}
        parts = [{"type": "output_text", "text": text, "annotations": []}]
        head = {"type": "message", "id": f"msg_{self.draw.getrandbits(32):08x}", "role": "assistant"}
        return head | {"status": "completed", "content": parts}

    def text_part(self, text: str) -> Body:
        return {"type": "input_text" if self.api == "responses" else "text", "text": text}

    def call(self, name: str, arguments: Any, result: Any) -> list[Any]:
        number = f"{self.draw.getrandbits(32):08x}"
        if self.api == "messages":
            use = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}
            answer = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": result}
            return [{"role": "assistant", "content": [use]}, self.user([answer])]
        written = json.dumps(arguments, ensure_ascii=self.draw.random() < 0.5)
        if self.api == "responses":
            called = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name, "arguments": written}
            return [called, {"type": "function_call_output", "call_id": f"call_{number}", "output": result}]
        calls = [{"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": written}}]
        return [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": f"call_{number}", "content": result},
        ]

    def tool(self, name: str, description: str, properties: Body) -> Body:
        schema = {"type": "object", "properties": properties, "required": list(properties)[:1]}
        if self.api == "messages":
            return {"name": name, "description": description, "input_schema": schema}
        function = {"name": name, "description": description, "parameters": schema}
        return {"type": "function"} | (function if self.api == "responses" else {"function": function})

    def tool_name(self) -> str:
        return self.draw.choice(_TOOLS)


def _object(text: str) -> Body | None:
    try:
        given = json.loads(text)
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _plain_tool(place: Place, name: str) -> Body:
    return place.tool(name, "Look something up by its key", {"key": {"type": "string", "description": "what to look up"}})


def first(place: Place, text: str) -> Body:
    if place.api == "completions":
        return {"model": "gpt-3.5-turbo-instruct", "prompt": text, "max_tokens": 64}
    if place.api == "responses" and place.draw.random() < 0.5:
        return place.body([]) | {"input": text}
    return place.body([place.user(text)])


def parts(place: Place, text: str) -> Body:
    lines = text.split("\n", 1)
    return place.body([place.user([place.text_part("Please read this first."), *(place.text_part(line) for line in lines)])])


def system(place: Place, text: str) -> Body:
    return place.body([place.ask()], system=text)


def system_blocks(place: Place, text: str) -> Body:
    blocks = [{"type": "text", "text": "You are a careful assistant."}, {"type": "text", "text": text}]
    if place.api == "responses":
        return place.body([{"role": "developer", "content": [{"type": "input_text", "text": text}]}, place.ask()])
    return place.body([place.ask()], system=blocks)


def history(place: Place, text: str) -> Body:
    return place.body([place.user(text), place.assistant(place.draw.choice(_REPLIES)), place.ask()])


def deep_history(place: Place, text: str) -> Body:
    turns = [place.ask(), place.assistant(place.draw.choice(_REPLIES)), place.user(text), place.assistant("Noted.")]
    for _ in range(4):
        turns += [place.ask(), place.assistant(place.draw.choice(_REPLIES))]
    return place.body([*turns, place.ask()])


def assistant(place: Place, text: str) -> Body:
    return place.body([place.user("Draft it as we said."), place.assistant(text), place.ask()])


def arguments(place: Place, text: str) -> Body:
    given = _object(text) or {"query": text, "limit": 5}
    name = place.tool_name()
    turns = [place.ask(), *place.call(name, given, "ok"), place.ask()]
    return place.body(turns, tools=[_plain_tool(place, name)])


def nested_arguments(place: Place, text: str) -> Body:
    inner = json.dumps({"method": "POST", "body": json.dumps({"fields": {"note": text}})})
    name = place.tool_name()
    return place.body([place.ask(), *place.call(name, {"request": inner}, '{"status":200}')], tools=[_plain_tool(place, name)])


def result(place: Place, text: str) -> Body:
    name = place.tool_name()
    return place.body([place.ask(), *place.call(name, {"key": "main"}, text)], tools=[_plain_tool(place, name)])


def result_parts(place: Place, text: str) -> Body:
    name = place.tool_name()
    blocks = [place.text_part("1 record"), place.text_part(text)]
    return place.body([place.ask(), *place.call(name, {"key": "main"}, blocks)], tools=[_plain_tool(place, name)])


def result_json(place: Place, text: str) -> Body:
    name = place.tool_name()
    found = text if text[0] in "[{" and text[-1] in "]}" else json.dumps({"ok": True, "rows": [{"id": 7, "text": text}]})
    return place.body([place.ask(), *place.call(name, {"key": "main"}, found), place.ask()], tools=[_plain_tool(place, name)])


def json_in_json(place: Place, text: str) -> Body:
    wrapped = json.dumps({"event": "saved", "payload": json.dumps({"version": 2, "data": json.dumps({"note": text})})})
    return place.body([place.user(f"Why does this not parse?\n{wrapped}")])


def tool_description(place: Place, text: str) -> Body:
    described = place.tool("submit", text, {"value": {"type": "string"}})
    return place.body([place.ask()], tools=[_plain_tool(place, "lookup"), described])


def tool_default(place: Place, text: str) -> Body:
    described = place.tool("submit", "Send the form", {"value": {"type": "string", "default": text}, "count": {"type": "integer"}})
    return place.body([place.ask()], tools=[described])


def tool_enum(place: Place, text: str) -> Body:
    described = place.tool("choose", "Pick one", {"value": {"type": "string", "enum": ["none", *text.split("\n")]}})
    return place.body([place.ask()], tools=[described])


def schema(place: Place, text: str) -> Body:
    shape = {"type": "object", "properties": {"answer": {"type": "string", "description": text}}}
    if place.api == "chat":
        return place.body([place.ask()], response_format={"type": "json_schema", "json_schema": {"name": "out", "schema": shape}})
    if place.api == "responses":
        return place.body([place.ask()], text={"format": {"type": "json_schema", "name": "out", "schema": shape}})
    return place.body([place.ask()], output_format={"type": "json_schema", "schema": shape})


def document(place: Place, text: str) -> Body:
    uri = f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}"
    attached = {
        "chat": {"type": "file", "file": {"filename": "notes.txt", "file_data": uri}},
        "responses": {"type": "input_file", "filename": "notes.txt", "file_data": uri},
        "messages": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}},
    }
    return place.body([place.user([attached[place.api], place.text_part("What does it say?")])])


def data_uri(place: Place, text: str) -> Body:
    media = place.draw.choice(("text/plain", "text/csv", "application/json", "text/plain;charset=utf-8"))
    uri = f"data:{media};base64,{base64.b64encode(text.encode()).decode()}"
    if place.api == "messages":
        return place.body([place.user(f"Decode {uri} and explain it")])
    return document(place, text) if place.api == "responses" else place.body([place.user(f"[notes]({uri})")])


def metadata(place: Place, text: str) -> Body:
    if place.api == "messages":
        return place.body([place.ask()], metadata={"user_id": text})
    return place.body([place.ask()], metadata={"ticket": "T-1", "note": text})


def end_user(place: Place, text: str) -> Body:
    if place.api == "messages":
        return metadata(place, text)
    return place.body([place.ask()], user=text)


def thinking(place: Place, text: str) -> Body:
    if place.api == "messages":
        blocks = [{"type": "thinking", "thinking": text, "signature": "c2ln"}, {"type": "text", "text": "Done."}]
        return place.body([place.ask(), {"role": "assistant", "content": blocks}, place.ask()])
    if place.api == "responses":
        item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}
        return place.body([place.ask(), item, place.ask()])
    return place.body([place.ask(), {"role": "assistant", "content": "Done.", "reasoning_content": text}, place.ask()])


def prediction(place: Place, text: str) -> Body:
    if place.api == "chat":
        return place.body([place.ask()], prediction={"type": "content", "content": text})
    if place.api == "responses":
        return place.body([place.ask()], prompt={"id": "pmpt_1", "version": "2", "variables": {"case": text}})
    found = {"type": "search_result", "source": "notes/1", "title": "note", "content": [{"type": "text", "text": text}]}
    return place.body([place.user([found, place.text_part("What is it about?")])])


def long_context(place: Place, text: str) -> Body:
    around = place.draw.sample(PARAGRAPHS, k=place.draw.randint(5, len(PARAGRAPHS)))
    around.insert(place.draw.randrange(len(around)), text)
    passages = "\n\n".join(f"[{number}] {passage}" for number, passage in enumerate(around, 1))
    return place.body([place.user(f"Answer from these passages only.\n\n{passages}\n\nQuestion: what is said about releases?")])


def many_tools(place: Place, text: str) -> Body:
    tools = [place.tool(name, about, {key: {"type": "string"} for key in keys}) for name, about, keys in TOOLS]
    turns = [place.ask(), *place.call("create_ticket", {"title": "Note", "body": text, "priority": "normal"}, '{"ticket":"T-2204"}')]
    return place.body([*turns, place.ask()], system="\n".join(PARAGRAPHS[:3]), tools=tools)


Put = Callable[[Place, str], Body]
PLACES: dict[str, tuple[str, Put]] = {
    "first": ("first user turn", first),
    "parts": ("text parts of a user turn", parts),
    "system": ("system prompt", system),
    "sysblocks": ("system blocks", system_blocks),
    "history": ("earlier turn", history),
    "deep": ("earlier turn of a long conversation", deep_history),
    "assistant": ("assistant turn", assistant),
    "args": ("tool call arguments", arguments),
    "nestargs": ("JSON in JSON of tool call arguments", nested_arguments),
    "result": ("tool result", result),
    "resparts": ("parts of a tool result", result_parts),
    "resjson": ("JSON tool result", result_json),
    "jsonjson": ("JSON in JSON", json_in_json),
    "tooldesc": ("tool description", tool_description),
    "tooldefault": ("default in a tool's schema", tool_default),
    "toolenum": ("enum in a tool's schema", tool_enum),
    "schema": ("output schema", schema),
    "doc": ("document or file part", document),
    "datauri": ("data URI", data_uri),
    "meta": ("metadata", metadata),
    "user": ("end-user field", end_user),
    "thinking": ("reasoning sent back", thinking),
    "long": ("one of many passages", long_context),
    "tools": ("tool call among many tools", many_tools),
    "pred": ("prediction, prompt variable or search result", prediction),
}
