"""Agents' sessions through the real pipeline: pins, reasons, cost."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.console import Console

from extproc.bench.replay import Options, Report, run, show
from extproc.bench.replay.configuration import LISTED, Prices, policy
from extproc.bench.replay.plan import Binds, stories
from extproc.bench.replay.play import play
from extproc.bench.replay.report import tier_for
from extproc.bench.replay.speech import Speaker
from extproc.cli import main
from extproc.config import Api

# Where tiers are close in price, the cache decides; where there is no cache, nothing keeps a conversation.
MARKETS = {
    "listed": LISTED,
    "a dear middle": {**LISTED, "standard": Prices(3, 0.3, 15)},
    "no caches": {"simple": Prices(0.1, 0.1, 0.4), "standard": Prices(1, 1, 5), "complex": Prices(5, 5, 25)},
}


@pytest.fixture(scope="module", params=MARKETS)
def report(request: pytest.FixtureRequest) -> Report:
    return run(Options(sessions=12, seed=11, prices=MARKETS[request.param]))


def test_all_is_as_it_has_to_be(report: Report) -> None:
    assert report.failures == ()


def test_no_request_leaves_the_backend_that_keeps_what_it_carries(report: Report) -> None:
    for way in report.ways:
        assert way.broken_pins == 0
    bound = [request for requests in report.ours.sent.values() for request in requests if request.makers]
    assert len(bound) > 20, "the sessions are about something"
    assert all(any(word.startswith("pin:") for word in request.reasons) for request in bound)


def test_it_costs_a_quarter_less_than_the_best_tier_and_no_more_than_the_one_that_is_enough(report: Report) -> None:
    assert report.ours.cost_micro_usd <= 0.75 * report.frontier.cost_micro_usd
    assert report.ours.cost_micro_usd <= report.sticky.cost_micro_usd


def test_every_change_of_the_tier_says_why(report: Report) -> None:
    assert report.ours.unexplained == 0
    assert report.ours.tier_changes > 5


def test_no_turn_gets_less_than_it_needs_unless_it_is_bound(report: Report) -> None:
    assert report.ours.below == 0
    assert report.frontier.below + report.frontier.bound_below + report.sticky.below + report.sticky.bound_below == 0


def test_the_report_for_people_and_for_machines(report: Report) -> None:
    out = io.StringIO()
    show(report, Console(file=out, width=160))
    assert "every pin held" in out.getvalue()
    members = json.loads(json.dumps(report.as_json()))
    assert members["failures"] == []
    assert set(members["ways"]) == {"frontier", "naive", "sticky", "ours"}
    assert sum(costs["ours"] for costs in members["cost_micro_usd_by_session"].values()) == members["ways"]["ours"]["cost_micro_usd"]


def test_a_report_says_what_is_wrong(report: Report) -> None:
    name, requests = next(iter(report.ours.sent.items()))
    strayed = replace(requests[0], makers=frozenset({"elsewhere"}))
    moved = [replace(requests[0], tier="simple", score=0.1), replace(requests[0], tier="complex", reasons=("score:top",), score=0.9)]
    low = replace(requests[0], tier="simple", score=0.9, makers=frozenset(), is_tool_turn=False)
    for sent, word in (
        ([strayed], "left the backend"),
        (moved, "no reason"),
        ([low], "below the tier"),
        (report.frontier.sent[name], "75%"),
    ):
        wrong = replace(report, ours=replace(report.ours, sent={name: sent}), frontier=replace(report.frontier, sent={name: sent}))
        assert any(word in failure for failure in wrong.failures)


def test_sessions_are_the_same_for_the_same_seed_and_of_every_kind() -> None:
    first, again, other = (list(stories(12, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {story.binds for story in first} == set(Binds)
    assert {story.api for story in first} == {Api.CHAT, Api.MESSAGES, Api.RESPONSES}
    assert {tier_for(turn.score) for story in first for turn in story.turns} == {"simple", "standard", "complex"}
    sizes = [len(story.system) // 4 for story in first]
    assert (min(sizes), max(sizes)) == (5_000, 60_000)


@pytest.mark.parametrize("number", range(12))
async def test_prompts_grow_and_what_is_read_from_a_cache_was_read_before(number: int) -> None:
    story = list(stories(12, 5))[number]
    sent = [request for request in await play(story, policy(LISTED)) if request.score is not None]
    assert all(before.prompt_tokens < after.prompt_tokens for before, after in pairwise(sent))
    read: dict[str, int] = {}
    for request in sent:
        assert request.cached_tokens in (0, read.get(request.backend, 0))
        read[request.backend] = request.prompt_tokens


async def test_a_session_that_goes_on_from_an_answer_sends_only_what_is_new() -> None:
    story = next(story for story in stories(12, 5) if story.binds is Binds.ANSWER)
    speaker = Speaker(story)
    speaker.ask("one")
    speaker.hear("big", None, keeps=True)
    speaker.ask("two")
    members = json.loads(speaker.body())
    assert [item["content"] for item in members["input"]] == ["two"]
    assert "made-by=big" in members["previous_response_id"]
    assert len(json.loads(speaker.body(is_whole=True))["input"]) == 3


def test_what_is_ours_leaves_nothing_that_only_it_can_read() -> None:
    story = next(story for story in stories(12, 5) if story.binds is Binds.THINKING)
    speaker = Speaker(story)
    speaker.ask("one")
    speaker.hear("local", None, keeps=False)
    assert "signature" not in speaker.body().decode()
    speaker.hear("big", None, keeps=True)
    assert "made-by=big" in speaker.body().decode()


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "replay", "--sessions", "1", "--seed", "7", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["sessions"], said["seed"], said["failures"]) == (1, 7, [])
