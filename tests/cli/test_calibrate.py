"""`tiermesh calibrate`: thresholds from a sample, and their way into the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extproc.config import load
from tests.cli.conftest import Tiermesh

CONFIG = """\
# our gateway
backends:
  local: {tier: simple, url: "http://127.0.0.1:1", model: a, location: on_prem, price: {input: 0.04, output: 0.12}}
  mid: {tier: standard, url: "https://mid.example", model: b, price: {input: 0.25, output: 2}}
  top: {tier: complex, url: "https://top.example", model: c, price: {input: 5, output: 25}}
tiers:      # cheap first
  simple:   {up_to: 0.4}    # a good half
  standard: {up_to: 0.75}
  complex: {}
"""
ASKS = [
    ("simple", "Translate 'good morning' to French."),
    ("simple", "Is Oslo a city? yes or no"),
    ("simple", "Spell 'necessary'."),
    ("standard", "Write a polite e-mail to a tenant who pays late; keep it under 150 words and offer two dates for a call."),
    ("standard", "Explain how a mortgage works to a first-time buyer, with an example in numbers."),
    ("standard", "Write a Python script that reads a CSV of names and scores and prints the median per name."),
    ("complex", "Prove that there are infinitely many primes congruent to 3 modulo 4."),
    ("complex", "Design a lock-free queue with several producers and consumers in C++20 and argue that it is linearizable."),
    ("complex", "Our service deadlocks once a week under load. Give the competing hypotheses and how to tell them apart."),
] * 5


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiermesh.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.jsonl"
    rows = [
        {"id": str(place), "api": "chat", "tier": tier, "body": {"model": "auto", "messages": [{"role": "user", "content": ask}]}}
        for place, (tier, ask) in enumerate(ASKS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_without_a_goal_it_tells_what_is(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    done = tiermesh("calibrate", sample, "--config", config, "--json")
    said = done.json()
    assert (done.status, said["rows"], said["tiers"], "chosen" in said) == (0, 45, ["simple", "standard", "complex"], False)
    assert said["now"]["up_to"] == [0.4, 0.75]
    assert sum(said["now"]["shares"]) == pytest.approx(1, abs=0.001)
    assert said["now"]["quality"]["of"] == 45
    costs = [said[f"{percent}% strong"]["cost_micro_usd"] for percent in (5, 10, 20, 30, 50)]
    assert costs == sorted(costs)


def test_a_share_of_strong_calls(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    chosen = tiermesh("calibrate", sample, "--config", config, "--strong-percent", "34", "--json").json()["chosen"]
    assert chosen["shares"][2] == pytest.approx(0.34, abs=0.12)  # each request is there five times
    assert chosen["up_to"][0] < chosen["up_to"][1]


def test_a_days_money(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    goal = ("--usd-per-day", "2", "--requests-per-day", "1000")
    chosen = tiermesh("calibrate", sample, "--config", config, *goal, "--json").json()["chosen"]
    assert chosen["cost_micro_usd"] * 1000 <= 2e6
    table = tiermesh("calibrate", sample, "--config", config, *goal).out
    assert "USD a day" in table
    assert "45 rows are few" in table
    too_little = tiermesh("calibrate", sample, "--config", config, "--usd-per-day", "0", "--requests-per-day", "1000")
    assert (too_little.status, "costs more" in too_little.err) == (2, True)
    assert tiermesh("calibrate", sample, "--config", config, "--usd-per-day", "2").status == 2


def test_dearer_answers_leave_money_for_fewer_of_them(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    cost = [
        tiermesh("calibrate", sample, "--config", config, "--output-tokens", tokens, "--json").json()["now"]["cost_micro_usd"]
        for tokens in ("100", "1000")
    ]
    assert cost[1] > 5 * cost[0]


def test_a_quality_is_written_and_nothing_else(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    done = tiermesh("calibrate", sample, "--config", config, "--quality", "90", "--write", "--json")
    chosen = done.json()["chosen"]
    assert (done.status, chosen["quality"]["share"] >= 0.9) == (0, True)
    written = config.read_text()
    assert written == CONFIG.replace("0.4}    #", f"{chosen['up_to'][0]:g}}}    #").replace("0.75", f"{chosen['up_to'][1]:g}")
    assert [tier.up_to for tier in load(config).tiers.values()] == [*chosen["up_to"], 1.0]


def test_nothing_is_written_without_being_asked(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    assert tiermesh("calibrate", sample, "--config", config, "--strong-percent", "10").status == 0
    assert config.read_text() == CONFIG
    assert tiermesh("calibrate", sample, "--config", config, "--write").status == 2


def test_a_file_that_cannot_be_edited_is_left_alone(tiermesh: Tiermesh, config: Path, sample: Path) -> None:
    one = "{" + CONFIG.split("tiers:", maxsplit=1)[0].split("\n", 1)[1].replace("\n  ", "\n  ").replace("backends:", "backends: {", 1)
    text = one.replace("}}\n", "}},\n").rstrip().rstrip(",") + "}}\n"
    config.write_text(text)
    assert load(config)
    done = tiermesh("calibrate", sample, "--config", config, "--strong-percent", "10", "--write")
    assert (done.status, config.read_text()) == (1, text)
    assert "write `up_to` yourself" in done.err


def test_quality_needs_labels_and_other_goals_do_not(tiermesh: Tiermesh, config: Path, tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl"
    path.write_text("".join(json.dumps({"id": str(place), "ask": ask}) + "\n" for place, (_, ask) in enumerate(ASKS)))
    assert tiermesh("calibrate", path, "--config", config, "--quality", "90").status == 2
    done = tiermesh("calibrate", path, "--config", config, "--usd-per-day", "2", "--requests-per-day", "1000", "--json")
    assert (done.status, done.json()["chosen"]["quality"]) == (0, None)
