"""`tiermesh eval routing`, with the shipped model."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from extproc.bench.quality.routellm import STRONG, WEAK
from extproc.bench.quality.training import is_held_out, training_rows
from extproc.testing import write_model
from tests.cli.conftest import Tiermesh

EASY = "What is the capital of France?"
HARD = "Prove that the product of any four consecutive positive integers is never a perfect square, and generalise the statement."


def body(row_id: str, text: str, tier: str, **more: Any) -> dict[str, Any]:
    said = {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}
    return {"id": row_id, "api": "chat", "body": said, "tier": tier, "lang": "en", "style": "plain"} | more


ROWS = [
    body("easy", EASY, "simple"),
    body("hard", HARD, "complex", lang="de"),
    {"id": "compact", "ask": "Yes or no: is water wet?", "tier": "simple", "task": "qa", "lang": "en"},
    {"id": "mistaken", "ask": EASY + " And of Spain?", "tier": "complex"},
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "tiers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_figures_as_json(tiermesh: Tiermesh, rows: Path) -> None:
    done = tiermesh("eval", "routing", rows, "--json")
    said = done.json()
    assert (done.status, said["rows"], said["files"], done.err) == (0, 4, [str(rows)], "")
    ours = said["judges"]["tiermesh"]
    assert (ours["accuracy"]["count"], ours["accuracy"]["of"]) == (3, 4)
    assert (ours["complex_to_simple"]["count"], ours["complex_to_simple"]["of"]) == (1, 2)
    assert ours["confusion"] == [[2, 0, 0], [0, 0, 0], [1, 0, 1]]
    assert (ours["cost"]["value"], set(said["judges"])) == (2.0, {"tiermesh", "score alone", "length", "words (TF-IDF)"})
    assert set(said["by_language"]) == {"en", "de"}
    assert (set(said["by_style"]), set(said["by_task"])) == ({"plain"}, {"qa"})
    assert set(said["suffices"]) == {"small", "middle"}
    assert said["spearman"]["value"] > 0
    assert said["robustness"]["upper case"]["flips"]["of"] == 4
    assert said["robustness"]["reordered"]["flips"]["of"] == 1  # only one has two sentences
    assert 0 < said["latency_us"]["p50"] <= said["latency_us"]["p99"]


def test_tables(tiermesh: Tiermesh, rows: Path) -> None:
    done = tiermesh("eval", "routing", rows)
    assert done.status == 0
    for word in ("length", "words (TF-IDF)", "ECE of P(small suffices)", "Spearman", "2% typos", "p99", "chosen complex", "language"):
        assert word in done.out


def test_pictures_and_a_page(tiermesh: Tiermesh, rows: Path, tmp_path: Path) -> None:
    assert tiermesh("eval", "routing", rows, "--out", tmp_path / "out", "--json").status == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"cost_quality.png", "reliability.png", "routing.html"}
    page = (tmp_path / "out" / "routing.html").read_text()
    assert page.count("<svg") == 2
    assert EASY not in page


def test_a_row_that_cannot_be_used_is_named(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    bad = [{"id": "x", "ask": "hello", "tier": "hard"}, body("y", "hi", "simple", body={"messages": 3}, api="chat"), "text"]
    path.write_text("".join(json.dumps(row) + "\n" for row in [ROWS[0], *bad]) + "{\n")
    done = tiermesh("eval", "routing", path, "--json")
    assert (done.status, done.json()["rows"]) == (1, 1)
    assert [line.split(":")[1] for line in done.err.splitlines()] == ["2", "3", "4", "5"]


def test_the_configured_model_and_thresholds_are_judged(tiermesh: Tiermesh, rows: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiermesh.yaml"
    model = write_model(tmp_path / "model", {"capital": 0.9, "prove": 0.5})
    backend = 'backends: {top: {tier: complex, url: "https://top.example", model: c}}'
    config.write_text(f"{backend}\nclassifier: {{path: {model}}}\n")
    confusion = tiermesh("eval", "routing", rows, "--config", config, "--json").json()["judges"]["score alone"]["confusion"]
    assert confusion == [[1, 0, 1], [0, 0, 0], [0, 1, 1]]
    config.write_text(
        f"{backend}\nclassifier: {{path: {model}}}\ntiers: {{simple: {{up_to: 0.2}}, standard: {{up_to: 0.4}}, complex: {{}}}}\n"
    )
    confusion = tiermesh("eval", "routing", rows, "--config", config, "--json").json()["judges"]["score alone"]["confusion"]
    assert confusion == [[1, 0, 1], [0, 0, 0], [0, 0, 2]]
    config.write_text(f"{backend}\nclassifier: {{path: {tmp_path}}}\n")
    done = tiermesh("eval", "routing", rows, "--config", config)
    assert (done.status, "model.json" in done.err) == (2, True)


def test_two_tiers_cannot_be_held_against_three(tiermesh: Tiermesh, rows: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiermesh.yaml"
    config.write_text('backends: {top: {tier: b, url: "https://top.example", model: c}}\ntiers: {a: {up_to: 0.5}, b: {}}')
    done = tiermesh("eval", "routing", rows, "--config", config)
    assert (done.status, "the configuration 2" in done.err) == (2, True)


def test_routellms_questions(tiermesh: Tiermesh, tmp_path: Path) -> None:
    outcomes = [{"prompt": f"What is {n} + {n}?" * (1 + n % 5), "outcomes": {WEAK: n % 5 < 3, STRONG: 1}} for n in range(60)]
    with gzip.open(tmp_path / "eval_routellm_sums_dev.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in outcomes))
    done = tiermesh("eval", "routing", "--routellm", tmp_path, "--json")
    length = done.json()["routellm"]["sums_dev"]["length"]
    assert length["apgr"]["value"] > 0.75  # longer questions are those that the weak model misses
    assert length["apgr"]["low"] <= length["apgr"]["value"] <= length["apgr"]["high"]
    assert length["cpt50"]["value"] == pytest.approx(20, abs=5)
    assert "RouteLLM sums_dev" in tiermesh("eval", "routing", "--routellm", tmp_path).out


def test_something_has_to_be_judged(tiermesh: Tiermesh, tmp_path: Path) -> None:
    assert tiermesh("eval", "routing").status == 2
    assert tiermesh("eval", "routing", "--routellm", tmp_path).status == 2


def test_the_rival_learns_from_no_row_that_is_judged_or_held_out() -> None:
    everything = training_rows(set())
    file = Path(__file__).parents[2] / "models" / "data" / "gateway.jsonl"
    ids = [json.loads(line)["id"] for line in file.read_text().splitlines()]
    learnt = {row_id for row_id in ids if not is_held_out(row_id)}
    assert 0.7 < len(learnt) / len(ids) < 0.9
    assert len(training_rows(learnt)) == len(everything) - len(learnt)
