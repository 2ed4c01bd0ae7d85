"""`tiermesh measure`, against a stand-in server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from extproc.bench.throughput import Answer, Server, measure_reading, measure_writing, tokens_per_s
from extproc.config.compile_prices import price
from extproc.config.prices import Rates
from extproc.errors import StartError
from extproc.local.port import free_port
from extproc.testing import Behaviour, Standin, StandinThread
from tests.cli.conftest import Tiermesh

SECONDS = "0.4"


@pytest.fixture
def server() -> Iterator[Standin]:
    with StandinThread(Standin("gpu", models=("m",), behaviour=Behaviour(first_byte_s=0.01, tokens=64))) as thread:
        yield thread.standin


def test_both_speeds_are_measured_and_ready_to_paste(tiermesh: Tiermesh, server: Standin) -> None:
    done = tiermesh(
        "measure", server.url, "--model", "m", "--seconds", SECONDS, "--concurrency", "4", "--usd-per-hour", "2.49", "--gpus", "2"
    )
    assert (done.status, done.err) == (0, "")
    pasted = done.out[done.out.index("    price:") :].splitlines()[:2]
    settings = yaml.safe_load("\n".join(pasted))["price"]
    charged = price(Rates.model_validate(settings))
    assert (settings["gpu"]["count"], settings["gpu"]["usd_per_hour"]) == (2, 2.49)
    assert f"${charged.input / 1e6:f} for a million tokens of prompt and ${charged.output / 1e6:f} for a million of answer" in done.out
    assert charged.output > charged.input > 0


def test_the_same_as_json(tiermesh: Tiermesh, server: Standin) -> None:
    done = tiermesh("measure", f"{server.url}/v1/", "--model", "m", "--seconds", SECONDS, "--concurrency", "2", "--json")
    found = json.loads(done.out)
    assert (done.status, found["micro_usd_per_million"]) == (0, None)
    assert set(found["gpu"]) == {"count", "input_tokens_per_s", "output_tokens_per_s"}
    for phase, member in (("reading", "input_tokens_per_s"), ("writing", "output_tokens_per_s")):
        assert found["gpu"][member] == pytest.approx(found[phase]["tokens_per_s"], rel=1e-3)
        assert found[phase]["answers"] > 2
        assert found[phase]["failures"] == 0


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_prompts_are_long_and_answers_short_and_the_other_way_round_and_none_begins_alike(server: Standin, api: str) -> None:
    measured = Server(server.url, "m", api, "sk-of-ours")
    assert measure_reading(measured, seconds=0.2, concurrency=2).tokens_per_s > 0
    reading = [json.loads(arrival.body) for arrival in server.arrivals]
    server.arrivals.clear()
    assert measure_writing(measured, seconds=0.2, concurrency=2).tokens_per_s > 0
    writing = [json.loads(arrival.body) for arrival in server.arrivals]
    assert {body["max_tokens"] for body in reading} == {1}
    assert {body["max_tokens"] for body in writing} == {256}
    assert min(len(json.dumps(body)) for body in reading) > 20 * max(len(json.dumps(body)) for body in writing)
    prompts = [body.get("prompt") or body["messages"][0]["content"] for body in reading + writing]
    assert len({prompt[:36] for prompt in prompts}) == len(prompts)
    assert {arrival.headers["authorization"] for arrival in server.arrivals} == {"Bearer sk-of-ours"}


def test_what_came_from_a_cache_was_not_read(server: Standin) -> None:
    server.behaviour = Behaviour(cached_tokens=100_000)
    rate = measure_reading(Server(server.url, "m"), seconds=0.1, concurrency=1)
    assert (rate.tokens_per_s, rate.answers > 0) == (0, True)


def test_failures_are_counted_and_told(tiermesh: Tiermesh, server: Standin) -> None:
    server.then(Behaviour(), Behaviour(status=503), Behaviour(fault="reset"))
    done = tiermesh("measure", server.url, "--model", "m", "--seconds", SECONDS, "--concurrency", "2", "--json")
    assert (done.status, json.loads(done.out)["reading"]["failures"]) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--model", "another"], "status 404"),
        (["--model", "m", "--seconds", "0"], "more than nothing"),
        (["--model", "m", "--concurrency", "0"], "more than nothing"),
        (["--model", "m", "--usd-per-hour", "much"], "no amount of money"),
        (["--model", "m", "--usd-per-hour", "NaN"], "no amount of money"),
        (["--model", "m", "--key-file", "/nowhere"], "/nowhere cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_said(tiermesh: Tiermesh, server: Standin, arguments: list[str], why: str) -> None:
    done = tiermesh("measure", server.url, *arguments)
    assert (done.status, done.out) == (2, "")
    assert why in done.err


def test_a_server_that_counts_nothing_cannot_be_measured(server: Standin) -> None:
    server.behaviour = Behaviour(has_usage=False)
    with pytest.raises(StartError, match="does not say how many tokens"):
        measure_writing(Server(server.url, "m"), seconds=1, concurrency=1)


def test_nobody_at_home(tiermesh: Tiermesh) -> None:
    done = tiermesh("measure", f"http://127.0.0.1:{free_port()}", "--model", "m")
    assert (done.status, "does not answer" in done.err) == (2, True)
    assert tiermesh("measure", "ftp://host", "--model", "m").status == 2


def test_a_key_is_read_from_its_file(tiermesh: Tiermesh, server: Standin, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-secret\n")
    done = tiermesh("measure", server.url, "--model", "m", "--seconds", "0.1", "--concurrency", "1", "--key-file", tmp_path / "key")
    assert {arrival.headers["authorization"] for arrival in server.arrivals} == {"Bearer sk-secret"}
    assert "sk-secret" not in done.out + done.err


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], 0),
        ([Answer(0, 10, 100, 0)], 10),  # all of it inside
        ([Answer(-10, 10, 100, 0)], 5),  # half of it before
        ([Answer(5, 25, 400, 0)], 10),  # three quarters after
        ([Answer(-5, 15, 400, 0)], 20),  # all through
        ([Answer(20, 30, 400, 0), Answer(-9, -1, 400, 0), Answer(3, 3, 7, 0)], 0),
        ([Answer(0, 10, 100, 0), Answer(0, 5, 100, 0)], 20),
    ],
)
def test_an_answer_counts_as_far_as_it_lies_in_the_time(answers: list[Answer], expected: float) -> None:
    assert tokens_per_s(answers, lambda answer: answer.prompt_tokens, 0, 10) == expected
