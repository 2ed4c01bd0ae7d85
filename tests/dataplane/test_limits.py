"""Limits and budgets through real Envoy, a real store and the vendors' own clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pytest

from tests.dataplane.harness import Stack, chat_body, running, until

pytestmark = pytest.mark.dataplane

IDENTITY = """
identity:
  sources: [header]
  headers: {organisation: x-org, team: x-team, user: x-user}
  trusted_peers: [any]
"""
LIMITS = """
limits:
  pace: {scope: "paced/*/*", of: requests, limit: 1, per: second, burst: 2}
  tokens: {scope: talkers, of: tokens, limit: 1000, per: minute}
  purse:
    {scope: "spenders/*/*", of: usd, limit: 0.05, per: month, timezone: Europe/Berlin, downgrade: {at: 50, tier: simple}}
  trial: {scope: watched, of: requests, limit: 1, per: day, mode: shadow}
  lane: {scope: "narrow/*/*/*/*", of: in_flight, limit: 1}
  daily: {scope: daily, of: requests, limit: 3, per: day}
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(extra=IDENTITY + LIMITS) as stack:
        yield stack


def who(organisation: str, team: str = "", user: str = "") -> dict[str, str]:
    return {name: value for name, value in (("x-org", organisation), ("x-team", team), ("x-user", user)) if value}


def _ask_ten_times(ask: Callable[[], object]) -> None:
    for _ in range(10):
        ask()


def test_the_openai_client_raises_its_own_error_and_finds_the_headers_it_knows(stack: Stack) -> None:
    client = stack.openai(default_headers=who("paced", "one"))
    for left in ("1", "0"):
        answer = client.chat.completions.with_raw_response.create(**chat_body())
        assert answer.headers["x-ratelimit-limit-requests"] == "1"
        assert int(answer.headers["x-ratelimit-remaining-requests"]) >= int(left)
        assert answer.headers["x-ratelimit-reset-requests"].endswith("s")
    with pytest.raises(openai.RateLimitError) as caught:
        _ask_ten_times(lambda: client.chat.completions.create(**chat_body()))
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.type == "requests"
    assert "The limit 'pace' of paced/-/one (1 requests per second) is reached." in str(caught.value)
    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"


def test_the_anthropic_client_does_too(stack: Stack) -> None:
    client = stack.anthropic(default_headers=who("paced", "two"))
    body = {"model": "auto", "max_tokens": 16, "messages": [{"role": "user", "content": "an easy one"}]}
    answer = client.messages.with_raw_response.create(**body)
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert answer.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    with pytest.raises(anthropic.RateLimitError) as caught:
        _ask_ten_times(lambda: client.messages.create(**body))
    assert caught.value.body["error"]["type"] == "rate_limit_error"
    assert "'pace' of paced/-/two" in caught.value.body["error"]["message"]


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_the_clients_own_retries_come_back_when_they_are_told_to(stack: Stack, vendor: str) -> None:
    team = f"patient-{vendor}"
    if vendor == "openai":
        client = stack.openai(default_headers=who("paced", team)).with_options(max_retries=4)
        answers = [client.chat.completions.create(**chat_body()).model for _ in range(4)]
    else:
        other = stack.anthropic(default_headers=who("paced", team)).with_options(max_retries=4)
        body = {"model": "auto", "max_tokens": 16, "messages": [{"role": "user", "content": "an easy one"}]}
        answers = [other.messages.create(**body).model for _ in range(4)]
    assert len(answers) == 4  # none of them was an error the caller saw


def test_tokens_are_reserved_and_what_was_not_used_comes_back(stack: Stack) -> None:
    client = stack.openai(default_headers=who("talkers"))
    answer = client.chat.completions.with_raw_response.create(**chat_body(max_tokens=800))
    assert int(answer.headers["x-ratelimit-limit-tokens"]) == 1000
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) < 500  # what was estimated
    used = answer.parse().usage.total_tokens
    until(lambda: _left(client) > 1000 - 2 * used - 150, "what was not used did not come back")


def _left(client: openai.OpenAI) -> int:
    answer = client.chat.completions.with_raw_response.create(**chat_body(max_tokens=1))
    return int(answer.headers["x-ratelimit-remaining-tokens"])


def test_a_request_that_could_never_pass_is_not_told_to_come_back(stack: Stack) -> None:
    client = stack.openai(default_headers=who("talkers")).with_options(max_retries=3)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**chat_body("an easy one " * 2000))
    assert "alone needs about" in str(caught.value)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in caught.value.response.headers


def test_a_budget_that_runs_low_buys_cheaper_answers_and_none_when_it_is_empty(stack: Stack) -> None:
    headers = who("spenders", "team")
    tiers: list[str] = []
    for _ in range(40):
        answer = stack.post("/v1/chat/completions", chat_body("a hard one", max_tokens=200), {**headers, "x-tokens": "200"})
        if answer.status != 200:
            break
        record = stack.record(answer.id)
        tiers.append(record.tier)
        assert record.scope == "spenders/-/team"
        if record.tier == "simple":
            assert record.limit == "purse"
            assert "downgraded:purse" in record.reasons
    assert tiers[0] == "complex"
    assert tiers[-1] == "simple"
    assert sorted(tiers, key=["complex", "simple"].index) == tiers  # down, and never up again


def test_an_empty_purse_is_a_quota_error_that_names_when_it_is_filled_again(stack: Stack) -> None:
    client = stack.openai(default_headers=who("spenders", "big"))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**chat_body("a hard one " * 10_000))
    assert caught.value.code == "insufficient_quota"
    assert "(0.05 USD per month) is reached. It resets at 20" in str(caught.value)
    assert caught.value.response.headers["x-should-retry"] == "false"  # a month is longer than a client should wait


def test_a_shadow_limit_refuses_nobody_and_says_whom_it_would(stack: Stack) -> None:
    answers = [stack.post("/v1/chat/completions", chat_body(), who("watched")) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert [stack.record(answer.id).shadow_limits for answer in answers] == [(), ("trial",)]
    assert "x-ratelimit-limit-requests" not in answers[0].headers


def test_one_request_at_a_time_is_never_refused_to_one_who_sends_them_one_after_the_other(stack: Stack) -> None:
    answers = [stack.post("/v1/chat/completions", chat_body(), who("narrow", "t", "patient")) for _ in range(30)]
    assert {answer.status for answer in answers} == {200}


def test_more_at_a_time_than_allowed_are_refused(stack: Stack) -> None:
    headers = {**who("narrow", "t", "hasty"), "x-standin": "first_byte_ms=1500"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: stack.post("/v1/chat/completions", chat_body(), headers), range(4)))
    assert sorted(answer.status for answer in answers) == [200, 429, 429, 429]


def test_requests_that_fail_or_are_refused_give_back_what_they_reserved(stack: Stack) -> None:
    for _ in range(6):
        answer = stack.post("/v1/chat/completions", chat_body(model="nobody-has-this"), who("daily"))
        assert answer.status == 404
    answers = [stack.post("/v1/chat/completions", chat_body(), who("daily")) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
