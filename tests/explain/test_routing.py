"""What `tiermesh explain` says of the way to a tier: every step, with the functions that decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extproc.cli.explain import _show
from extproc.config import Api, compile_config, parse
from extproc.explain import Explanation, explain
from extproc.pipeline import Pipeline
from extproc.testing import FixedScorer, ManualClock

FIXTURES = Path(__file__).parents[1] / "routing" / "fixtures"
CONFIG = """
backends:
  local: {url: "http://127.0.0.1:1", model: qwen, tier: simple, location: on_prem, capabilities: [tools]}
  mid: {url: "https://mid.example", model: mini, tier: standard, capabilities: [tools], price: {input: 1, output: 5}}
  big:
    url: https://big.example
    model: opus
    tier: complex
    capabilities: [tools]
    price: {input: 5, cached_input: 0.5, output: 25}
routing:
  rules:
    floor: {scope: "acme", min_tier: standard}
    never-mid: {never: [mid]}
residency: {mode: "off"}
"""


def body_of(fixture: str, name: str) -> tuple[Api, bytes]:
    rows = json.loads((FIXTURES / f"{fixture}.json").read_text(encoding="utf-8"))
    row = next(row for row in rows if row["name"] == name)
    return Api(row["api"]), json.dumps(row["body"]).encode()


def explained(api: Api, body: bytes, scope: tuple[str, ...] = (), more: str = "", score: float = 0.1) -> Explanation:
    pipeline = Pipeline(compile_config(parse(CONFIG + more)), FixedScorer(score), ManualClock())
    found = explain(pipeline, api, body, scope) if scope else explain(pipeline, api, body)
    assert isinstance(found, Explanation)
    return found


def asking(text: str = "hello", **members: Any) -> bytes:
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **members}).encode()


def test_signs_of_a_loop_are_there_with_their_scores() -> None:
    routing = explained(*body_of("agent_turns", "the same test fails after each of three changes")).routing
    assert routing["loop"]["word"] == "trouble"
    assert routing["loop"]["trouble"] > 0.5
    assert routing["loop"]["step_count"] == 7
    assert "loop:trouble" in routing["wanted"]["reasons"]


def test_a_plain_question_has_no_loop_no_pins_and_no_chore() -> None:
    routing = explained(Api.CHAT, asking()).routing
    assert (routing["loop"], routing["pins"], routing["housekeeping"]) == (None, [], "")
    assert routing["wanted"] == {"tier": "simple", "first": "", "reasons": ["score<=0.35"]}


def test_a_chore_is_named() -> None:
    said = explained(*body_of("housekeeping", "a commit message"), score=0.9)
    assert said.routing["housekeeping"] == "commit"
    assert said.decision["tier"] == "simple"
    assert "housekeeping" in said.decision["reasons"]


def test_what_binds_is_named() -> None:
    routing = explained(*body_of("agent_turns", "it only looks around")).routing
    assert routing["pins"] == ["reasoning"]


def test_rules_that_fit_are_there_with_what_they_say_and_others_are_not() -> None:
    said = explained(Api.CHAT, asking(), ("acme", "", "", "", ""))
    assert said.routing["rules"] == [{"rule": "floor", "min_tier": "standard"}, {"rule": "never-mid", "never": ["mid"]}]
    assert said.routing["ruled_out"] == {"mid": "never-mid"}
    assert said.routing["wanted"]["tier"] == "standard"
    assert said.decision["chain"][0] == "big"
    assert [rule["rule"] for rule in explained(Api.CHAT, asking()).routing["rules"]] == ["never-mid"]


def test_the_price_of_each_backend_and_what_others_would_cost() -> None:
    said = explained(Api.CHAT, asking())
    assert said.routing["prices_micro_usd_per_million"]["big"] == {"input": 5_000_000, "cached_input": 500_000, "output": 25_000_000}
    otherwise = said.routing["otherwise_micro_usd"]
    assert otherwise["asked"] == said.decision["asked_cost_micro_usd"]
    assert otherwise["most_capable"] > said.decision["cost_micro_usd"]


@pytest.mark.parametrize(("mode", "is_followed"), [("shadow", False), ("enforce", True)])
def test_the_mode_and_whether_it_is_followed(mode: str, *, is_followed: bool) -> None:
    text = CONFIG.replace("routing:\n", f"routing:\n  mode: {mode}\n")
    pipeline = Pipeline(compile_config(parse(text)), FixedScorer(0.1), ManualClock())
    found = explain(pipeline, Api.CHAT, asking())
    assert isinstance(found, Explanation)
    assert (found.routing["mode"], found.routing["is_followed"]) == (mode, is_followed)


def test_embeddings_are_not_routed() -> None:
    body = json.dumps({"model": "qwen", "input": "x"}).encode()
    found = explain(Pipeline(compile_config(parse(CONFIG)), FixedScorer(), ManualClock()), Api.EMBEDDINGS, body)
    assert isinstance(found, Explanation)
    assert found.routing == {}


@pytest.mark.parametrize("name", ["the same test fails after each of three changes", "it only looks around", "an edit without tools"])
def test_every_step_is_a_row(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _show(explained(*body_of("agent_turns", name), ("acme", "", "", "", "")))
    out = capsys.readouterr().out
    for step in ("mode", "pins", "past", "loop", "housekeeping", "asked for", "rules", "thresholds", "wanted", "prices", "otherwise"):
        assert step in out
    assert "floor (min_tier: standard)" in out
