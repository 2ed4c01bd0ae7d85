"""Where an agent's loop stands: bodies of well-known clients, single signs, and what must never be an alarm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Api
from extproc.dialects import Request, Step, is_tool_turn, parse, steps
from extproc.routing import Loop, loop_of, read_loop, signs_of
from extproc.routing.acts import BAD, CRITICAL, MILD, NO_HARM, Act, deed_of

ROWS = json.loads((Path(__file__).parent / "fixtures" / "agent_turns.json").read_text(encoding="utf-8"))
RED = "1 failed, 3 passed in 0.2s"
GREEN = "4 passed in 0.2s"


def step(tool: str, result: str = "ok", *, digest: int = 0, is_error: bool = False, **arguments: str) -> Step:
    text = json.dumps(arguments)
    return Step(tool, text, digest or hash(text) % 2**32, result[:400], result[400:][-400:], is_error)


def run(command: str, result: str, *, is_error: bool = False) -> Step:
    return step("Bash", result, is_error=is_error, command=command)


def edit(path: str, new: str = "b", result: str = "Edited.") -> Step:
    return step("Edit", result, file_path=path, new=new)


def read(path: str, result: str = "text") -> Step:
    return step("Read", result, file_path=path)


def request_of(row: dict[str, Any]) -> Request:
    raw = json.dumps(row["body"]).encode()
    request = parse(Api(row["api"]), raw, max_body_bytes=len(raw))
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['client']}: {row['name']}")
def test_turns_of_well_known_clients(row: dict[str, Any]) -> None:
    request = request_of(row)
    assert (read_loop(steps(request)).value, is_tool_turn(request)) == (row["loop"], row["is_tool_turn"])


def test_there_are_turns_of_many_clients_in_every_dialect() -> None:
    assert len(ROWS) >= 12
    assert {row["api"] for row in ROWS} == {"chat", "messages", "responses"}
    assert len({row["client"] for row in ROWS}) >= 6
    assert {row["loop"] for row in ROWS} == {loop.value for loop in Loop}


@pytest.mark.parametrize(
    ("name", "arguments", "act"),
    [
        ("Read", {}, Act.READ),
        ("read_file", {}, Act.READ),
        ("Grep", {}, Act.READ),
        ("list_dir", {}, Act.READ),
        ("codebase_search", {}, Act.READ),
        ("Edit", {}, Act.WRITE),
        ("MultiEdit", {}, Act.WRITE),
        ("NotebookEdit", {}, Act.WRITE),
        ("write_to_file", {}, Act.WRITE),
        ("apply_patch", {}, Act.WRITE),
        ("replace_in_file", {}, Act.WRITE),
        ("str_replace_based_edit_tool", {"command": "view", "path": "a"}, Act.READ),
        ("str_replace_based_edit_tool", {"command": "str_replace", "path": "a"}, Act.WRITE),
        ("WebFetch", {}, Act.WEB),
        ("web_search", {}, Act.WEB),
        ("TodoWrite", {}, Act.OTHER),
        ("update_plan", {}, Act.OTHER),
        ("attempt_completion", {}, Act.OTHER),
        ("weather", {}, Act.OTHER),
        ("run_tests", {}, Act.CHECK),
        ("Bash", {"command": "pytest -q"}, Act.CHECK),
        ("Bash", {"command": "cd app && npm run test -- --watch=false"}, Act.CHECK),
        ("Bash", {"command": "CI=1 npx vitest run"}, Act.CHECK),
        ("shell", {"command": "make"}, Act.CHECK),
        ("execute_command", {"command": "cat pytest.ini"}, Act.READ),
        ("Bash", {"command": "git diff HEAD~1"}, Act.READ),
        ("Bash", {"command": "sed -n '1,20p' a.py"}, Act.READ),
        ("Bash", {"command": "sed -i 's/a/b/' a.py"}, Act.WRITE),
        ("Bash", {"command": "python make_it.py"}, Act.RUN),
        ("Bash", {"command": "docker compose up -d"}, Act.RUN),
    ],
)
def test_what_a_tool_is_for_is_told_from_its_name_and_its_command(name: str, arguments: dict[str, str], act: Act) -> None:
    assert deed_of(step(name, **arguments)).act is act


TRACEBACK = "Traceback (most recent call last):\n  File 'a.py'\nKeyError: 'id'"


@pytest.mark.parametrize(
    ("done", "severity"),
    [
        (read("worker.log", TRACEBACK), NO_HARM),
        (run("tail -n 50 worker.log", TRACEBACK), NO_HARM),
        (run("grep -rn Error src", "src/a.py: raise ValueError\n3 errors"), NO_HARM),
        (run("grep -c x a", "Exit code 1"), NO_HARM),
        (read("nowhere.py", "Error: file does not exist"), MILD),
        (step("Read", "<tool_use_error>File not found</tool_use_error>", is_error=True), MILD),
        (edit("a.py", result="Error: old_string was not found in the file"), MILD),
        (run("python a.py", TRACEBACK), BAD),
        (run("python a.py", "done\n"), NO_HARM),
        (run("python a.py", "Exit code 2\nusage: a.py"), BAD),
        (run("python a.py", "handled 3 errors\nexit code: 0"), NO_HARM),
        (run("pytest -q", RED), BAD),
        (run("pytest -q", GREEN), NO_HARM),
        (run("pytest -q", "0 failed, 4 passed"), NO_HARM),
        (run("cargo build", "error[E0502]: cannot borrow"), BAD),
        (run("./train", "Segmentation fault (core dumped)"), CRITICAL),
        (run("python all.py", "exit code 137\nKilled: out of memory"), CRITICAL),
        (read("notes.md", "we ran out of memory last week"), NO_HARM),
    ],
)
def test_how_bad_a_step_ended_depends_on_where_the_words_stand(done: Step, severity: int) -> None:
    assert deed_of(done).severity == severity


def test_one_red_test_is_how_tests_are_meant_to_be_used() -> None:
    assert read_loop([edit("test_a.py"), run("pytest -q", RED)]) is not Loop.TROUBLE


def test_the_same_failure_after_changes_is_trouble() -> None:
    rounds = [done for number in range(3) for done in (edit("a.py", str(number)), run("pytest -q", RED))]
    assert read_loop(rounds) is Loop.TROUBLE


def test_fewer_failures_are_progress() -> None:
    rounds = [done for left in (7, 5, 2) for done in (edit("a.py", str(left)), run("pytest -q", f"{left} failed, 3 passed"))]
    assert read_loop(rounds) is Loop.PROGRESS


def test_trouble_ends_when_the_newest_step_is_no_failure() -> None:
    rounds = [done for number in range(3) for done in (edit("a.py", str(number)), run("pytest -q", RED))]
    assert read_loop([*rounds, read("a.py")]) is not Loop.TROUBLE
    assert read_loop([*rounds, edit("a.py", "last"), run("pytest -q", GREEN)]) is not Loop.TROUBLE


def test_the_same_reading_over_and_over_is_trouble_and_different_reading_is_not() -> None:
    assert read_loop([read("a.py")] * 4) is Loop.TROUBLE
    assert read_loop([read(f"{number}.py", str(number)) for number in range(10)]) is Loop.EXPLORING


def test_waiting_for_something_is_not_trouble() -> None:
    waits = [step("BashOutput", "<status>running</status>", digest=1, bash_id="1") for _ in range(8)]
    assert read_loop([run("make image", "running in background"), *waits]) is not Loop.TROUBLE


def test_small_changes_of_one_kind_are_settled_work_and_large_ones_are_not() -> None:
    small = [edit(f"{number}.py") for number in range(5)]
    large = [edit(f"{number}.py", "x" * 390) for number in range(5)]
    assert read_loop(small) is Loop.SETTLED
    assert read_loop(large) is not Loop.SETTLED
    assert read_loop([*small[:3], edit("3.py", result="Error: old_string was not found")]) is not Loop.SETTLED


def test_what_was_done_before_a_user_spoke_counts_no_more() -> None:
    bad = [Step("Bash", '{"command": "pytest"}', 1, RED, is_current=False)] * 6
    assert signs_of(bad).step_count == 0
    assert read_loop([*bad, read("a.py")]) is not Loop.TROUBLE


STEPS = st.builds(
    Step,
    tool=st.sampled_from(["Read", "Edit", "Bash", "WebFetch", "TodoWrite", "x"]),
    arguments=st.sampled_from(['{"command": "pytest"}', '{"command": "ls"}', '{"file_path": "a"}', "", "{"]),
    digest=st.integers(0, 3),
    head=st.sampled_from([RED, GREEN, TRACEBACK, "", "Exit code 1", "core dumped", "ok"]) | st.text(max_size=50),
    tail=st.just("") | st.text(max_size=20),
    is_error=st.booleans(),
    is_answered=st.booleans(),
    is_current=st.booleans(),
)


@given(st.lists(STEPS, max_size=14))
def test_signs_stay_between_0_and_1_and_trouble_needs_two_of_them(done: list[Step]) -> None:
    signs = signs_of(done)
    scores = (signs.errors, signs.spinning, signs.stuck, signs.exploring, signs.progress, signs.settled, signs.trouble)
    assert all(0 <= score <= 1 for score in scores)
    if loop_of(signs) is Loop.TROUBLE:
        crash = any(deed_of(each).severity == CRITICAL for each in done)
        assert sum(score > 0.1 for score in (signs.errors, signs.spinning, signs.stuck)) + crash >= 2 or signs.exploring > 0.1


@given(st.lists(STEPS, max_size=14))
def test_without_a_failure_or_a_repetition_there_is_no_trouble(done: list[Step]) -> None:
    calm = [Step(each.tool, each.arguments, number, "ok") for number, each in enumerate(done)]
    assert read_loop(calm) is not Loop.TROUBLE
