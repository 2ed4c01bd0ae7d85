"""A backend fails and the next of its chain answers, inside the same request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import InternalServerError

from extproc.config import compile_config
from extproc.testing import Behaviour
from extproc.usage import Tokens, cost_micro_usd
from tests.dataplane.harness import Stack, counted

pytestmark = pytest.mark.dataplane

FAILURES = {
    "503": Behaviour(status=503),
    "429": Behaviour(status=429, retry_after_s=30),
    "401": Behaviour(status=401),
    "529": Behaviour(status=529),
    "reset": Behaviour(fault="reset"),
    "close": Behaviour(fault="close"),
    "hang": Behaviour(fault="hang"),
}
EASY = "an easy one " * 20


def assert_answered_by(stack: Stack, answer: Any, attempts: tuple[str, ...]) -> None:
    """The last of `attempts` answered as itself, and the record names all."""
    backend = attempts[-1]
    assert (answer.status, answer.headers["x-tiermesh-backend"]) == (200, backend)
    assert answer.headers["x-tiermesh-model"] == f"{backend}-model"
    arrivals = stack.arrivals(answer.id)
    assert {name: len(found) for name, found in arrivals.items()} == dict.fromkeys(attempts, 1)
    record = stack.record(answer.id)
    assert (record.attempts, record.backend, record.outcome, record.model) == (attempts, backend, "ok", f"{backend}-model")
    assert record.tokens == counted(arrivals[backend][0], backend)
    assert json.loads(arrivals[backend][0].body)["model"] == f"{backend}-model"
    assert record.cost_micro_usd > 0


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
def test_the_next_backend_answers(stack: Stack, failure: str, is_stream: bool) -> None:
    stack.standins["local"].then(FAILURES[failure])
    answer = stack.chat(EASY, stream=is_stream)
    assert_answered_by(stack, answer, ("local", "mid"))
    assert b'"choices":[],' not in answer.body


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_attempt_that_was_given_up_is_on_the_bill(stack: Stack, is_stream: bool) -> None:
    stack.standins["local"].then(Behaviour(fault="hang"))
    answer = stack.chat(EASY * 20, stream=is_stream)
    record = stack.record(answer.id)
    backends = compile_config(stack.gateway.config).backends
    given_up = cost_micro_usd(backends["local"].tariff.at(record.started_at), Tokens(record.prompt_tokens))
    assert (record.attempts, record.backend, record.outcome, record.is_estimated) == (("local", "mid"), "mid", "ok", False)
    assert (record.failed_cost_micro_usd, record.failed_prompt_tokens) == (given_up, record.prompt_tokens)
    assert given_up > 0
    assert record.cost_micro_usd == cost_micro_usd(backends["mid"].tariff.at(record.started_at), record.tokens) + given_up


@pytest.mark.parametrize("failure", ["503", "429", "reset", "close"])
def test_an_attempt_that_failed_fast_is_free(stack: Stack, failure: str) -> None:
    stack.standins["local"].then(FAILURES[failure])
    record = stack.record(stack.chat(EASY * 20).id)
    assert (record.attempts, record.failed_cost_micro_usd, record.failed_prompt_tokens) == (("local", "mid"), 0, 0)


def test_of_several_failed_attempts_those_are_charged_that_were_given_up(stack: Stack) -> None:
    stack.standins["local"].then(FAILURES["503"])
    stack.standins["mid"].then(FAILURES["hang"])
    record = stack.record(stack.chat(EASY * 20).id)
    mid = compile_config(stack.gateway.config).backends["mid"].tariff.at(record.started_at)
    assert record.attempts == ("local", "mid", "frontier")
    assert record.failed_cost_micro_usd == cost_micro_usd(mid, Tokens(record.prompt_tokens))


def test_when_all_are_given_up_all_are_charged(stack: Stack) -> None:
    for standin in stack.standins.values():
        standin.behaviour = FAILURES["hang"]
    record = stack.record(stack.chat("medium " * 200).id)
    prices = [backend.tariff.at(record.started_at) for backend in compile_config(stack.gateway.config).backends.values()][:3]
    estimate = record.failed_prompt_tokens // 3
    assert (record.outcome, record.attempts, record.prompt_tokens) == ("failed", ("mid", "frontier", "local"), 0)
    assert record.cost_micro_usd == record.failed_cost_micro_usd == sum(cost_micro_usd(price, Tokens(estimate)) for price in prices)
    assert estimate > 300


def test_a_refused_connection_is_answered_elsewhere(stack: Stack) -> None:
    stack.threads["local"].refuse()
    try:
        answer = stack.chat(EASY)
    finally:
        stack.threads["local"].accept()
    assert (answer.status, answer.headers["x-tiermesh-backend"]) == (200, "mid")
    record = stack.record(answer.id)
    assert (record.attempts, record.backend) == (("local", "mid"), "mid")
    assert_answered_by(stack, stack.chat(EASY), ("local",))


def test_two_failures_in_a_chain_of_three(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(status=503))
    stack.standins["mid"].then(Behaviour(fault="reset"))
    assert_answered_by(stack, stack.chat(EASY), ("local", "mid", "frontier"))


def test_the_caller_s_own_parameters_are_back_for_the_next_backend(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(status=503))
    stack.standins["mid"].then(Behaviour(status=503))
    answer = stack.chat("easy", temperature=0.7, user="ida")
    local, mid, frontier = (json.loads(stack.arrivals(answer.id)[name][0].body) for name in ("local", "mid", "frontier"))
    assert (local["temperature"], local["seed"]) == (0, 7)
    assert mid["temperature"] == 0.7
    assert "seed" not in mid
    assert "top_p" not in mid
    assert (frontier["temperature"], frontier["top_p"]) == (0.7, 0.5)
    assert "seed" not in frontier
    assert all(body["user"] == "ida" for body in (local, mid, frontier))


def test_the_bytes_between_are_the_callers(stack: Stack) -> None:
    text = '{"seed" : 1.50 ,"model":"auto","messages":[{"role":"user","content":"easy \\u00e9"}], "x" :[1.0]}'
    stack.standins["local"].then(Behaviour(status=503))
    arrivals = stack.arrivals(stack.post("/v1/chat/completions", text.encode()).id)
    assert arrivals["mid"][0].body.decode() == text.replace('"auto"', '"mid-model"')


def test_messages_fail_over_too(stack: Stack) -> None:
    stack.standins["frontier"].then(Behaviour(status=529))
    body = {"model": "claude-x", "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "hard " * 40}]}
    assert_answered_by(stack, stack.post("/v1/messages", body), ("frontier", "mid"))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("failure", ["503", "reset"])
def test_when_all_fail_the_caller_gets_an_error_in_shape_and_there_is_one_record(stack: Stack, failure: str, path: str) -> None:
    for standin in stack.standins.values():
        standin.behaviour = FAILURES[failure]
    body = {"model": "auto", "max_tokens": 50, "messages": [{"role": "user", "content": "medium"}]}
    answer = stack.post(path, body)
    error = answer.json()["error"]
    assert answer.status == 503
    assert error["message"]
    assert (answer.json().get("type") == "error") == (path == "/v1/messages")
    record = stack.record(answer.id)
    assert (record.outcome, record.attempts, record.cost_micro_usd) == ("failed", ("mid", "frontier", "local"), 0)


def test_the_sdk_raises_its_own_error_then(stack: Stack) -> None:
    for standin in stack.standins.values():
        standin.behaviour = Behaviour(fault="reset")
    with stack.openai() as client, pytest.raises(InternalServerError) as failed:
        client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "easy"}])
    assert stack.record(failed.value.response.headers["x-request-id"]).outcome == "failed"


@pytest.mark.parametrize("failure", ["503", "reset", "hang"])
def test_what_only_an_on_premises_backend_can_do_never_reaches_the_cloud(stack: Stack, failure: str) -> None:
    stack.standins["local"].then(FAILURES[failure])
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = {"model": "auto", "messages": [{"role": "user", "content": [{"type": "text", "text": "hard"}, audio]}]}
    answer = stack.post("/v1/chat/completions", body)
    assert answer.status >= 500
    assert list(stack.arrivals(answer.id)) == ["local"]
    record = stack.record(answer.id)
    assert (record.chain, record.attempts, record.outcome) == (("local",), ("local",), "failed")


def test_a_caller_s_mistake_is_not_repeated_elsewhere(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(status=404))
    answer = stack.chat("easy")
    assert answer.status == 404
    assert list(stack.arrivals(answer.id)) == ["local"]
