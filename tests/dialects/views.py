"""Requests of every dialect, and what each says in the one view: the table of `test_reading`."""

from typing import Any

from extproc.config.section import Api, Capability
from extproc.dialects import Turn

TOOLS, IMAGES, AUDIO, FILES, SCHEMA = Capability.TOOLS, Capability.IMAGES, Capability.AUDIO, Capability.FILES, Capability.JSON_SCHEMA
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def text(words: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, "text": words}


# name: (api, members, system, turns, needs)
VIEWS: dict[str, tuple[Api, dict[str, Any], str, list[Turn], set[Capability]]] = {
    "chat: strings": (
        Api.CHAT,
        {"messages": [said("system", "s"), said("user", "a"), said("assistant", "b"), said("user", "c")]},
        "s",
        [Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")],
        set(),
    ),
    "chat: system and developer, as string and as parts": (
        Api.CHAT,
        {"messages": [said("system", [text("s"), text("t")]), said("user", [text("a"), text("b")]), said("developer", "d")]},
        "s\nt\nd",
        [Turn("user", "a\nb")],
        set(),
    ),
    "chat: media": (
        Api.CHAT,
        {
            "messages": [
                said(
                    "user",
                    [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                        text("look"),
                        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "x.pdf"}},
                    ],
                )
            ]
        },
        "",
        [Turn("user", "look")],
        {IMAGES, AUDIO, FILES},
    ),
    "chat: a tool's whole round": (
        Api.CHAT,
        {
            "messages": [
                said("user", "weather?"),
                said(
                    "assistant", None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}] * 2
                ),
                said("tool", "sunny", tool_call_id="1"),
                said("tool", [text("rain"), text("snow")], tool_call_id="2"),
            ],
            "tools": [FUNCTION],
        },
        "",
        [Turn("user", "weather?"), Turn("assistant", "", 2), Turn("tool", "sunny"), Turn("tool", "rain\nsnow")],
        {TOOLS},
    ),
    "chat: the older function calls": (
        Api.CHAT,
        {
            "messages": [
                said("user", "a"),
                said("assistant", None, function_call={"name": "f", "arguments": "{}"}),
                said("function", "r", name="f"),
            ],
            "functions": [{"name": "f"}],
        },
        "",
        [Turn("user", "a"), Turn("assistant", "", 1), Turn("tool", "r")],
        {TOOLS},
    ),
    "chat: a custom tool's call": (
        Api.CHAT,
        {"messages": [said("assistant", "x", tool_calls=[{"type": "custom", "custom": {"name": "f", "input": "abc"}}])]},
        "",
        [Turn("assistant", "x", 1)],
        {TOOLS},
    ),
    "chat: tool results without a list of tools still need a model that knows tools": (
        Api.CHAT,
        {"messages": [said("tool", "r")], "tools": []},
        "",
        [Turn("tool", "r")],
        {TOOLS},
    ),
    "chat: refusals and plain strings among parts": (
        Api.CHAT,
        {"messages": [said("assistant", [{"type": "refusal", "refusal": "no"}]), said("user", ["a", "b"])]},
        "",
        [Turn("assistant", "no"), Turn("user", "a\nb")],
        set(),
    ),
    "chat: output by schema": (
        Api.CHAT,
        {"messages": [said("user", "a")], "response_format": {"type": "json_schema", "json_schema": {}}},
        "",
        [Turn("user", "a")],
        {SCHEMA},
    ),
    "chat: output as some JSON needs nothing special": (
        Api.CHAT,
        {"messages": [said("user", "a")], "response_format": {"type": "json_object"}},
        "",
        [Turn("user", "a")],
        set(),
    ),
    "chat: spoken answers": (
        Api.CHAT,
        {"messages": [said("user", "a")], "modalities": ["text", "audio"]},
        "",
        [Turn("user", "a")],
        {AUDIO},
    ),
    "chat: an earlier spoken answer": (
        Api.CHAT,
        {"messages": [said("assistant", None, audio={"id": "x"})]},
        "",
        [Turn("assistant", "")],
        {AUDIO},
    ),
    "chat: unknown roles are read as the user's": (
        Api.CHAT,
        {"messages": [said("critic", "a"), {"content": "b"}, said([], "c")]},
        "",
        [Turn("user", "a"), Turn("user", "b"), Turn("user", "c")],
        set(),
    ),
    "chat: nonsense": (
        Api.CHAT,
        {"messages": [None, 1, "x", [], said("user", 5), said("user", [None, {"type": []}, {"text": "t"}])]},
        "",
        [Turn("user", ""), Turn("user", "t")],
        set(),
    ),
    "chat: no messages": (Api.CHAT, {}, "", [], set()),
    "completions: a prompt": (Api.COMPLETIONS, {"prompt": "once", "suffix": "end"}, "", [Turn("user", "once")], set()),
    "completions: several prompts": (Api.COMPLETIONS, {"prompt": ["a", "b"]}, "", [Turn("user", "a\nb")], set()),
    "completions: token numbers": (Api.COMPLETIONS, {"prompt": [1, 2, 3]}, "", [], set()),
    "completions: null": (Api.COMPLETIONS, {"prompt": None}, "", [], set()),
    "embeddings: a text": (Api.EMBEDDINGS, {"input": "a"}, "", [Turn("user", "a")], set()),
    "embeddings: texts": (Api.EMBEDDINGS, {"input": ["a", "b"]}, "", [Turn("user", "a\nb")], set()),
    "embeddings: token numbers": (Api.EMBEDDINGS, {"input": [[1, 2], [3]]}, "", [], set()),
    "responses: a string": (Api.RESPONSES, {"instructions": "s", "input": "a"}, "s", [Turn("user", "a")], set()),
    "responses: messages": (
        Api.RESPONSES,
        {
            "instructions": "s",
            "input": [
                said("developer", "d"),
                said("user", [text("a", "input_text"), {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}], type="message"),
                said("assistant", [text("b", "output_text")], type="message"),
                said("user", [{"type": "input_file", "file_data": "AAAA"}, text("c", "input_text")]),
            ],
        },
        "s\nd",
        [Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")],
        {IMAGES, FILES},
    ),
    "responses: calls, outputs and reasoning": (
        Api.RESPONSES,
        {
            "input": [
                said("user", "a"),
                {
                    "type": "reasoning",
                    "summary": [text("hm", "summary_text")],
                    "content": [text("hmm", "reasoning_text")],
                    "encrypted_content": "AAAA",
                },
                {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":1}'},
                {"type": "function_call_output", "call_id": "1", "output": "42"},
                {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": "x"},
                {"type": "custom_tool_call_output", "call_id": "2", "output": [text("43", "input_text")]},
                {"type": "shell_call_output", "call_id": "3", "output": [{"stdout": "out", "stderr": "err", "outcome": {"type": "exit"}}]},
                {"type": "mcp_call", "name": "h", "arguments": "{}", "output": "44"},
                {"type": "item_reference", "id": "x"},
                {"id": "y"},
            ]
        },
        "",
        [
            Turn("user", "a"),
            Turn("assistant", "", 1),
            Turn("tool", "42"),
            Turn("assistant", "", 1),
            Turn("tool", "43"),
            Turn("tool", "out\nerr"),
            Turn("assistant", "", 1),
            Turn("tool", "44"),
        ],
        {TOOLS},
    ),
    "responses: screenshots and drawn images": (
        Api.RESPONSES,
        {
            "input": [
                {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": "data:,AAAA"}},
                {"type": "image_generation_call", "result": "AAAA"},
            ]
        },
        "",
        [Turn("tool", ""), Turn("assistant", "", 1)],
        {TOOLS, IMAGES},
    ),
    "responses: output by schema": (
        Api.RESPONSES,
        {"input": "a", "text": {"format": {"type": "json_schema", "schema": {}}}},
        "",
        [Turn("user", "a")],
        {SCHEMA},
    ),
    "responses: tools, also among the items": (
        Api.RESPONSES,
        {"input": [{"type": "additional_tools", "role": "developer", "tools": [{}]}], "tools": [{}]},
        "",
        [],
        {TOOLS},
    ),
    "messages: strings": (
        Api.MESSAGES,
        {"system": "s", "messages": [said("user", "a"), said("assistant", "b"), said("user", "c")], "max_tokens": 9},
        "s",
        [Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")],
        set(),
    ),
    "messages: system as blocks, and in between": (
        Api.MESSAGES,
        {
            "system": [text("s"), {**text("t"), "cache_control": {"type": "ephemeral"}}],
            "messages": [said("user", [text("a")]), said("system", "u")],
        },
        "s\nt\nu",
        [Turn("user", "a")],
        set(),
    ),
    "messages: a tool's whole round": (
        Api.MESSAGES,
        {
            "messages": [
                said("user", "a"),
                said(
                    "assistant",
                    [
                        {"type": "thinking", "thinking": "hm", "signature": "AAAA"},
                        text("b"),
                        {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}},
                    ],
                ),
                said(
                    "user",
                    [
                        {"type": "tool_result", "tool_use_id": "1", "content": "r"},
                        {"type": "tool_result", "tool_use_id": "2", "content": [text("q")]},
                    ],
                ),
                said("user", [{"type": "tool_result", "tool_use_id": "3"}, text("go on")]),
            ],
            "tools": [{"name": "f", "input_schema": {}}],
        },
        "",
        [Turn("user", "a"), Turn("assistant", "b", 1), Turn("tool", "r"), Turn("tool", "q"), Turn("tool", ""), Turn("user", "go on")],
        {TOOLS},
    ),
    "messages: a provider's own tool": (
        Api.MESSAGES,
        {
            "messages": [
                said(
                    "assistant",
                    [
                        {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {"query": "q"}},
                        {
                            "type": "web_search_tool_result",
                            "content": [{"type": "web_search_result", "title": "t", "url": "u", "encrypted_content": "AAAA"}],
                        },
                        {
                            "type": "code_execution_tool_result",
                            "content": {"type": "code_execution_result", "stdout": "out", "stderr": "", "content": []},
                        },
                        text("b"),
                    ],
                )
            ]
        },
        "",
        [Turn("assistant", "b", 1), Turn("tool", "t"), Turn("tool", "out")],
        {TOOLS},
    ),
    "messages: images, documents, search results": (
        Api.MESSAGES,
        {
            "messages": [
                said(
                    "user",
                    [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}, "title": "t"},
                        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}, "context": "c"},
                        {"type": "document", "source": {"type": "content", "content": [text("part"), {"type": "image", "source": {}}]}},
                        {"type": "search_result", "title": "found", "source": "u", "content": [text("it")]},
                    ],
                )
            ]
        },
        "",
        [Turn("user", "t\nc\nplain\npart\nfound\nit")],
        {IMAGES, FILES},
    ),
    "messages: an image as a tool's result": (
        Api.MESSAGES,
        {"messages": [said("user", [{"type": "tool_result", "content": [{"type": "image", "source": {}}]}])]},
        "",
        [Turn("tool", "")],
        {TOOLS, IMAGES},
    ),
    "messages: an upload": (
        Api.MESSAGES,
        {"messages": [said("user", [{"type": "container_upload", "file_id": "f"}])]},
        "",
        [Turn("user", "")],
        {FILES},
    ),
    "messages: output by schema": (
        Api.MESSAGES,
        {"messages": [], "output_config": {"format": {"type": "json_schema", "schema": {}}}},
        "",
        [],
        {SCHEMA},
    ),
}
