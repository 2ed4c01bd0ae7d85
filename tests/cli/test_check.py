"""`tiermesh check`, and what every command says of a configuration it cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Tiermesh


def test_a_good_file_can_be_used(tiermesh: Tiermesh, good: Path) -> None:
    done = tiermesh("check", good)
    assert (done.status, done.out) == (0, f"{good} can be used: 2 backends, 3 tiers.\n")
    assert tiermesh("check", good, "--json").json()["usable"] is True


def test_a_bad_file_is_reported_whole(tiermesh: Tiermesh, bad: Path) -> None:
    done = tiermesh("check", bad)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"{bad} cannot be used:\n")
    for path in ("backends.local.teir", "backends.local.tier", "backends.local.url", "listener.port"):
        assert f"  {path}: " in done.err


def test_a_bad_file_as_json(tiermesh: Tiermesh, bad: Path) -> None:
    done = tiermesh("check", bad, "--json")
    assert done.status == 1
    assert {problem["path"] for problem in done.json()["problems"]} >= {"backends.local.url", "listener.port"}
    assert all(problem["message"] for problem in done.json()["problems"])
    assert done.json()["usable"] is False


def test_doubts_are_not_problems(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "cloudy.yaml"
    path.write_text("backends: {only: {url: 'https://api.example.com', model: m, tier: simple}}")
    done = tiermesh("check", path)
    assert done.status == 0
    assert "warning: backends: none is `location: on_prem`" in done.err
    assert len(tiermesh("check", path, "--json").json()["warnings"]) >= 2


def test_the_schema_for_editors(tiermesh: Tiermesh, good: Path) -> None:
    schema = tiermesh("check", good, "--schema").json()
    assert "backends" in schema["properties"]


@pytest.mark.parametrize("arguments", [["check"], ["render", "envoy"], ["up"], ["serve"]])
@pytest.mark.parametrize("text", [None, "{", "[]", "", "backends: {}"])
def test_every_command_says_what_is_wrong_with_its_file(tiermesh: Tiermesh, tmp_path: Path, arguments: list[str], text: str | None) -> None:
    path = tmp_path / "tiermesh.yaml"
    if text is not None:
        path.write_text(text)
    done = tiermesh(*arguments, path)
    assert done.status == 1
    assert str(path) in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) >= 2


@pytest.mark.parametrize("arguments", [["explain", "-"], ["score", "-"]])
def test_those_that_take_it_as_an_option_do_too(tiermesh: Tiermesh, bad: Path, arguments: list[str]) -> None:
    done = tiermesh(*arguments, "--config", bad, stdin=b"{}")
    assert done.status == 1
    assert f"{bad} cannot be used" in done.err


@pytest.mark.parametrize("arguments", [[], ["dance"], ["check"], ["render", "nginx", "f"]])
def test_a_wrong_command_line_is_a_usage_error(tiermesh: Tiermesh, arguments: list[str]) -> None:
    done = tiermesh(*arguments)
    assert done.status == 2
    assert "usage: tiermesh" in done.err


@pytest.mark.parametrize("command", ["up", "serve", "demo", "check", "render", "explain", "score", "bench"])
def test_help_is_worth_reading(tiermesh: Tiermesh, command: str) -> None:
    done = tiermesh(command, "--help")
    assert done.status == 0
    assert len(done.out) > 300
    assert command in tiermesh("--help").out
