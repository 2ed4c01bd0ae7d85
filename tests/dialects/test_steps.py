"""What an agent did last, read from three dialects into one shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.section import Api
from extproc.dialects import Request, Step, is_tool_turn, parse, steps
from extproc.dialects.steps import KEPT_CHARS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "role", "content", "id", "text", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def request(api: Api, **members: Any) -> Request:
    raw = json.dumps({"model": "m", **members}).encode()
    found = parse(api, raw, max_body_bytes=len(raw))
    assert isinstance(found, Request)
    return found


def chat(*messages: dict[str, Any]) -> Request:
    return request(Api.CHAT, messages=list(messages))


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def called(name: str, tool: str = "read_file", arguments: str = '{"path": "a"}') -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": name, "type": "function", "function": {"name": tool, "arguments": arguments}}]}


def result(name: str, content: Any = "text") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": content}


def use(name: str, **arguments: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": name, "name": "Bash", "input": arguments}]}


def used(name: str, content: Any, *more: dict[str, Any], **members: Any) -> dict[str, Any]:
    return user([{"type": "tool_result", "tool_use_id": name, "content": content, **members}, *more])


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def told(found: tuple[Step, ...]) -> list[tuple[str, str, bool, bool, bool]]:
    return [(step.tool, step.head, step.is_error, step.is_answered, step.is_current) for step in found]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (chat(user("hi")), []),
        (chat(user("hi"), called("1")), []),
        (chat(user("hi"), called("1"), result("1")), [("read_file", "text", False, True, True)]),
        (chat(user("hi"), called("1"), result("1", [text("a"), text("b")])), [("read_file", "a\nb", False, True, True)]),
        (chat(user("hi"), called("1"), result("1"), user("no")), [("read_file", "text", False, True, False)]),
        (
            chat(user("hi"), called("1"), result("1", "a"), user("go on"), called("2", "ls"), result("2", "b"), called("3", "cat")),
            [("read_file", "a", False, True, False), ("ls", "b", False, True, True), ("cat", "", False, False, True)],
        ),
        (
            request(Api.MESSAGES, messages=[user("hi"), use("1", command="ls"), used("1", "no such file", is_error=True)]),
            [("Bash", "no such file", True, True, True)],
        ),
        (
            request(Api.MESSAGES, messages=[user("hi"), use("1", command="ls"), used("1", [text("a")], text("<note>be brief</note>\n"))]),
            [("Bash", "a", False, True, True)],
        ),
        (
            request(Api.MESSAGES, messages=[user("hi"), use("1", command="ls"), used("1", "a", text("Stop, please."))]),
            [("Bash", "a", False, True, False)],
        ),
        (
            request(
                Api.RESPONSES,
                input=[
                    user("hi"),
                    {"type": "reasoning", "summary": []},
                    {"type": "function_call", "call_id": "1", "name": "shell", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "1", "output": "a"},
                ],
            ),
            [("shell", "a", False, True, True)],
        ),
        (
            request(
                Api.RESPONSES,
                input=[
                    user("hi"),
                    {"type": "local_shell_call", "call_id": "1", "action": {"command": ["ls"]}},
                    {"type": "local_shell_call_output", "call_id": "1", "output": "a", "status": "failed"},
                ],
            ),
            [("local_shell", "a", True, True, True)],
        ),
        (
            request(Api.RESPONSES, input=[user("hi"), {"type": "mcp_call", "id": "1", "name": "search", "arguments": "{}", "output": "a"}]),
            [("search", "a", False, True, True)],
        ),
        (
            chat(user("hi"), {"role": "assistant", "content": "<ls/>"}, user("[list_files for 'src'] Result:\na.py")),
            [("list_files", "a.py", False, True, True)],
        ),
        (request(Api.COMPLETIONS, prompt="[ls] Result: x"), []),
    ],
)  # fmt: skip
def test_steps_of_every_dialect(asked: Request, expected: list[Any]) -> None:
    assert told(steps(asked)) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (chat(user("hi")), False),
        (chat(user("hi"), called("1"), result("1")), True),
        (chat(user("hi"), called("1"), result("1"), user("and now?")), False),
        (chat(user("hi"), {"role": "assistant", "content": "Done."}), False),
        (chat(user("<task>fix it</task>")), False),
        (request(Api.MESSAGES, messages=[user("hi"), use("1"), used("1", "a", text("<note>x</note> <hint>y</hint>"))]), True),
        (request(Api.MESSAGES, messages=[user("hi"), use("1"), used("1", "a", text("<note>x</note> Stop."))]), False),
        (request(Api.MESSAGES, messages=[user("hi"), use("1"), used("1", "a", text("<note>unclosed"))]), False),
        (chat(user("hi"), {"role": "assistant", "content": "<ls/>"}, user("[list_files for 'src'] Result:\na.py")), True),
        (request(Api.EMBEDDINGS, input="x"), False),
    ],
)
def test_whose_turn_it_is(asked: Request, *, expected: bool) -> None:
    assert is_tool_turn(asked) is expected


def test_the_newest_steps_are_kept_and_come_oldest_first() -> None:
    talk = [each for number in range(40) for each in (called(str(number), f"t{number}"), result(str(number)))]
    assert [step.tool for step in steps(chat(user("hi"), *talk), 5)] == ["t35", "t36", "t37", "t38", "t39"]
    assert len(steps(chat(user("hi"), *talk))) == 12


def test_parallel_calls_keep_their_order_and_their_results() -> None:
    both = {"role": "assistant", "tool_calls": called("1", "a")["tool_calls"] + called("2", "b")["tool_calls"]}
    found = steps(chat(user("hi"), both, result("2", "two"), result("1", "one")))
    assert [(step.tool, step.head) for step in found] == [("a", "one"), ("b", "two")]


def test_texts_are_bounded_and_have_both_ends() -> None:
    long = "a" * 10_000 + "z" * 10_000
    for asked in (
        chat(user("hi"), called("1", arguments=json.dumps({"text": long})), result("1", long)),
        request(Api.MESSAGES, messages=[user("hi"), use("1", text=long), used("1", long)]),
    ):
        (step,) = steps(asked)
        assert (step.head, step.tail) == ("a" * KEPT_CHARS, "z" * KEPT_CHARS)
        assert len(step.arguments) <= KEPT_CHARS


@pytest.mark.parametrize("api", [Api.CHAT, Api.MESSAGES])
def test_equal_calls_have_equal_digests_and_others_do_not(api: Api) -> None:
    def digest(text: str) -> int:
        if api is Api.CHAT:
            return steps(chat(user("hi"), called("1", arguments=json.dumps({"text": text})), result("1")))[0].digest
        return steps(request(api, messages=[user("hi"), use("1", text=text), used("1", "a")]))[0].digest

    assert digest("a" * 3_000) == digest("a" * 3_000)
    assert len({digest("a"), digest("b"), digest("a" * 3_000), digest("a" * 3_001), digest("a" * 2_999 + "b")}) == 5


def test_many_tags_are_read_in_one_pass() -> None:
    # Written as one pattern this takes time that doubles with every tag.
    assert is_tool_turn(request(Api.MESSAGES, messages=[user("hi"), use("1"), used("1", "a", text("<a></a>" * 5_000 + "."))])) is False


@given(api=st.sampled_from([Api.CHAT, Api.MESSAGES, Api.RESPONSES]), entries=st.lists(JSON, max_size=6))
def test_whatever_the_entries_are_it_is_read(api: Api, entries: list[Any]) -> None:
    name = "input" if api is Api.RESPONSES else "messages"
    tail = [called("1"), result("1")] if api is Api.CHAT else [use("1"), used("1", "a")] if api is Api.MESSAGES else []
    asked = request(api, **{name: [*entries, *tail]})
    assert all(isinstance(step, Step) for step in steps(asked))
    assert is_tool_turn(asked) in (True, False)
