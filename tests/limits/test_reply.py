"""What callers are told: how their limits stand, in their API's own headers, and why and for how long they are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.config import Api, Limit
from extproc.config.limits import Measure, Per
from extproc.dialects import Refusal
from extproc.limits import Ask, Expected, Grant, Occasion, Standing, ask_of, headers, refusal, tab_of
from extproc.limits.reply import duration
from extproc.scope import Scope
from extproc.usage import Tokens
from extproc.usage.rollup import Line

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON_S = 1_924_948_800.0  # 2030-12-31T12:00:00Z
ACME: Scope = ("acme", "retail", "", "", "")
MakeLimit = Callable[..., Limit]


def ask(*limits: Limit) -> Ask:
    tab = tab_of(limits, ACME, NOON_S)
    assert tab is not None
    return ask_of(ACME, tab, [Expected(Line(), Tokens(100, completion=50), 700, 700)], Occasion("w-1", "", NOON_S, "", ""), 900)


def told(api: Api, *rows: tuple[Limit, Standing]) -> dict[str, str]:
    grant = Grant(is_admitted=True, standings=tuple(standing for _, standing in rows))
    lines = headers(api, ask(*(limit for limit, _ in rows)), grant, NOON_S)
    assert len(dict(lines)) == len(lines)
    return dict(lines)


def refused(limit: Limit, standing: Standing, *, wait_ms: int) -> Refusal:
    grant = Grant(is_admitted=False, refused_by=0, wait_ms=wait_ms, standings=(standing,))
    return refusal(ask(limit), grant)


def test_openai_is_told_of_requests_and_tokens(limited: MakeLimit) -> None:
    requests = limited("r", of=Measure.REQUESTS, per=Per.MINUTE, amount=60)
    tokens = limited("t", of=Measure.TOKENS, per=Per.DAY, amount=10_000)
    assert told(Api.CHAT, (requests, Standing(60, 59, 1_000)), (tokens, Standing(10_000, 9_850, 43_200_000))) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "10000",
        "x-ratelimit-remaining-tokens": "9850",
        "x-ratelimit-reset-tokens": "12h0m0s",
    }


def test_anthropic_is_told_of_input_and_output_as_well(limited: MakeLimit) -> None:
    rows = [
        (limited(of.value, of=of, per=Per.MINUTE, amount=1_000), Standing(1_000, 10 * place, 30_500))
        for place, of in enumerate((Measure.REQUESTS, Measure.TOKENS, Measure.INPUT_TOKENS, Measure.OUTPUT_TOKENS))
    ]
    lines = told(Api.MESSAGES, *rows)
    assert lines["anthropic-ratelimit-requests-limit"] == "1000"
    assert [lines[f"anthropic-ratelimit-{name}-remaining"] for name in ("requests", "tokens", "input-tokens", "output-tokens")] == [
        "0",
        "10",
        "20",
        "30",
    ]
    assert lines["anthropic-ratelimit-output-tokens-reset"] == "2030-12-31T12:00:30Z"
    assert len(lines) == 12


@pytest.mark.parametrize(
    "fields",
    [
        {"of": Measure.USD},
        {"of": Measure.IN_FLIGHT, "per": None},
        {"of": Measure.INPUT_TOKENS},
        {"of": Measure.REQUESTS, "is_enforced": False},
    ],
)
def test_what_has_no_header_or_holds_nobody_is_not_told(fields: dict[str, Any], limited: MakeLimit) -> None:
    assert told(Api.CHAT, (limited(**fields), Standing(1_000, 5, 0))) == {}


def test_nothing_is_told_while_the_store_is_not_heard(limited: MakeLimit) -> None:
    assert headers(Api.CHAT, ask(limited(of=Measure.TOKENS)), Grant(is_admitted=True), NOON_S) == ()


@pytest.mark.parametrize(
    ("one", "other", "left"),
    [
        (Standing(100, 50, 0), Standing(1_000, 400, 0), "400"),  # the smaller share, not the smaller number
        (Standing(1_000, 400, 0), Standing(100, 50, 0), "400"),
        (Standing(100, 50, 0), Standing(10, 5, 0), "50"),
        (Standing(0, 0, 0), Standing(100, 1, 0), "0"),
        (Standing(100, 1, 0), Standing(0, 0, 0), "0"),
        (Standing(100, 0, 0), Standing(0, 0, 0), "0"),
    ],
)
def test_of_several_the_tightest_speaks(one: Standing, other: Standing, left: str, limited: MakeLimit) -> None:
    limits = [limited(name, of=Measure.TOKENS) for name in ("a", "b")]
    lines = told(Api.RESPONSES, (limits[0], one), (limits[1], other))
    assert lines["x-ratelimit-remaining-tokens"] == left


def test_no_budget_is_a_quota_error_until_its_window_ends(limited: MakeLimit) -> None:
    limit = limited("team-month", per=Per.MONTH, amount=500_000_000, timezone="Europe/Berlin")
    said = refused(limit, Standing(500_000_000, 300, 39_600_000), wait_ms=39_600_000)
    assert (said.status, said.code, said.kind, said.retry_after_s) == (429, "insufficient_quota", "insufficient_quota", 39_600)
    assert said.message == "The limit 'team-month' of acme (500.00 USD per month) is reached. It resets at 2031-01-01T00:00:00+01:00."


def test_a_rate_says_when_there_is_room(limited: MakeLimit) -> None:
    limit = limited("rate", scope="acme/*", of=Measure.REQUESTS, per=Per.SECOND, amount=50, burst=100)
    said = refused(limit, Standing(50, 0, 2_000), wait_ms=20)
    assert (said.status, said.code, said.kind, said.retry_after_s) == (429, "rate_limit_exceeded", "requests", 1)
    assert said.message == "The limit 'rate' of acme/retail (50 requests per second) is reached. Try again in 20ms."
    assert said.headers == (("retry-after-ms", "20"),)


def test_requests_in_flight_say_that_one_has_to_end(limited: MakeLimit) -> None:
    said = refused(limited("narrow", scope="*", of=Measure.IN_FLIGHT, per=None, amount=1), Standing(1, 0, 0), wait_ms=0)
    assert said.message == "The limit 'narrow' of acme (1 requests in flight) is reached. Try again when one of them has ended."
    assert (said.kind, said.retry_after_s, said.headers) == ("requests", 1, (("retry-after-ms", "1"),))


@pytest.mark.parametrize(
    ("fields", "cap", "is_too_large"),
    [
        ({"of": Measure.TOKENS, "amount": 149}, 149, True),
        ({"of": Measure.TOKENS, "amount": 150}, 150, False),
        ({"of": Measure.INPUT_TOKENS, "amount": 99}, 99, True),
        ({"of": Measure.OUTPUT_TOKENS, "amount": 49}, 49, True),
        ({"of": Measure.TOKENS, "amount": 100}, 200, False),  # raised
        ({"of": Measure.TOKENS, "per": Per.MINUTE, "amount": 10, "burst": 150}, 10, False),  # slow, but it may come at once
        ({"of": Measure.TOKENS, "per": Per.MINUTE, "amount": 1_000, "burst": 149}, 1_000, True),
        ({"of": Measure.TOKENS, "per": Per.MINUTE, "amount": 1_000, "burst": 149}, 1_001, False),  # raised by one
        ({"of": Measure.REQUESTS, "amount": 0}, 0, True),
        ({"of": Measure.IN_FLIGHT, "per": None, "amount": 0}, 0, True),
    ],
)
def test_what_could_never_pass_is_not_told_to_come_back(fields: dict[str, Any], cap: int, is_too_large: bool, limited: MakeLimit) -> None:
    said = refused(limited(**fields), Standing(cap, 0, 5_000), wait_ms=5_000)
    assert ("alone needs about" in said.message) == is_too_large
    assert said.retry_after_s == (None if is_too_large else 5)
    assert said.headers == ((("x-should-retry", "false"),) if is_too_large else (("retry-after-ms", "5000"),))
    assert said.kind == ("tokens" if "token" in fields["of"] else "requests")


def test_whoever_cannot_be_checked_is_told_to_come_back_soon(limited: MakeLimit) -> None:
    said = refusal(ask(limited()), Grant(is_admitted=False, wait_ms=1_000))
    assert (said.status, said.code, said.retry_after_s) == (503, "limits_unavailable", 1)


def test_a_limit_of_everybody_has_a_name(limited: MakeLimit) -> None:
    grant = Grant(is_admitted=False, refused_by=0, wait_ms=1, standings=(Standing(1, 0, 1),))
    tab = tab_of([limited("all", scope="*")], ("", "", "", "", ""), NOON_S)
    assert tab is not None
    nobody = ask_of(("", "", "", "", ""), tab, [Expected(Line(), Tokens(), 1, 1)], Occasion("w-1", "", NOON_S, "", ""), 900)
    assert "The limit 'all' of the mesh (" in refusal(nobody, grant).message


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (1, "1ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (1_500, "1.5s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (360_000, "6m0s"),
        (360_120, "6m0.12s"),
        (3_600_000, "1h0m0s"),
        (90_061_001, "25h1m1.001s"),
    ],
)
def test_durations_are_written_as_go_writes_them(ms: int, text: str) -> None:
    assert duration(ms) == text


@on_a_busy_machine
@given(st.integers(0, 40 * 86_400_000))
def test_a_duration_says_what_it_means(ms: int) -> None:
    text, total = duration(ms).replace("ms", "i"), 0.0
    for mark, unit_ms in (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("i", 1)):
        number, found, rest = text.partition(mark)
        total, text = (total + float(number) * unit_ms, rest) if found else (total, text)
    assert text == ""
    assert round(total) == ms
