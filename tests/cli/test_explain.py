"""`tiermesh explain` and `tiermesh score`, with the model that ships."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tiermesh

EASY = "Positive or negative? 'The kettle arrived quickly and works.'"
HARD = (
    "Prove that for every integer n > 1 the sum 1 + 1/2 + ... + 1/n is never an integer, then generalise the argument to sums of "
    "reciprocals of any arithmetic progression with coprime first term and difference, stating exactly where it could fail."
)


def body(text: str, **members: Any) -> bytes:
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **members}).encode()


def test_the_whole_decision_as_json(tiermesh: Tiermesh) -> None:
    done = tiermesh("explain", "-", "--json", stdin=body(EASY))
    said = done.json()
    assert done.status == 0
    assert set(said) == {"request", "verdict", "residency", "routing", "tiers", "backends", "decision"}
    assert (said["request"]["api"], said["request"]["asked_model"], said["decision"]["kind"]) == ("chat", "gpt-4o", "routed")
    assert 0 <= said["verdict"]["score"] <= 1
    assert said["decision"]["headers"]["x-tiermesh-chain"] == "+".join(said["decision"]["chain"])
    attempts = {backend["backend"]: backend["attempt"] for backend in said["backends"] if backend["attempt"]}
    assert sorted(attempts, key=attempts.__getitem__) == said["decision"]["chain"]
    assert said["decision"]["asked_cost_micro_usd"] > 0


def test_the_whole_decision_in_words(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(body(EASY))
    done = tiermesh("explain", path)
    assert done.status == 0
    for word in ("request", "score", "tiers", "decision", "because", "cost", "local", "frontier"):
        assert word in done.out


def test_a_proof_scores_higher_than_a_sentiment(tiermesh: Tiermesh) -> None:
    easy, hard = (tiermesh("explain", "-", "--json", stdin=body(text)).json() for text in (EASY, HARD))
    assert easy["verdict"]["score"] < hard["verdict"]["score"]
    assert easy["decision"]["tier"] == "simple"
    assert hard["decision"]["tier"] == "complex"


@pytest.mark.parametrize(
    ("members", "api"),
    [
        ({"messages": []}, "chat"),
        ({"messages": [], "max_tokens": 5, "system": "s"}, "messages"),
        ({"prompt": "x"}, "completions"),
        ({"input": "x"}, "responses"),
        ({"input": "x", "model": "text-embedding-3-small"}, "embeddings"),
    ],
)
def test_the_api_is_told_from_the_body(tiermesh: Tiermesh, members: dict[str, Any], api: str) -> None:
    said = tiermesh("explain", "-", "--json", stdin=json.dumps({"model": "auto"} | members).encode()).json()
    assert said["request"]["api"] == api


@pytest.mark.parametrize(
    ("raw", "code"), [(b"{", "invalid_json"), (b"[]", "invalid_json"), (b'{"messages":[]}', "model_required"), (b"\xff", "invalid_json")]
)
def test_a_request_that_would_be_refused_is_status_1(tiermesh: Tiermesh, raw: bytes, code: str) -> None:
    done = tiermesh("explain", "-", "--json", stdin=raw)
    assert (done.status, done.json()["decision"]["kind"], done.json()["decision"]["code"]) == (1, "refused", code)
    assert code in tiermesh("explain", "-", stdin=raw).out


def test_a_name_that_is_not_served(tiermesh: Tiermesh, good: Path) -> None:
    good.write_text(good.read_text() + "models: {routed: [auto]}\n")
    done = tiermesh("explain", "-", "--json", "--config", good, stdin=body(EASY))
    assert (done.status, done.json()["decision"]["code"]) == (1, "model_not_found")
    assert "refused with 404" in tiermesh("explain", "-", "--config", good, stdin=body(EASY)).out


def test_a_file_that_is_not_there(tiermesh: Tiermesh, tmp_path: Path) -> None:
    for command in ("explain", "score"):
        done = tiermesh(command, tmp_path / "nothing")
        assert done.status == 2
        assert "cannot be read" in done.err


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"id": "a", "prompt": EASY},
        {"id": 2, "prompt": HARD},
        {"id": "c", "api": "messages", "body": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": EASY}]}},
        {"id": "d", "api": "chat", "body": json.loads(body(EASY))},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "\n")
    return path


@pytest.mark.parametrize("is_packed", [False, True])
def test_rows_are_scored_in_order(tiermesh: Tiermesh, rows: Path, is_packed: bool) -> None:
    if is_packed:
        packed = rows.with_suffix(".jsonl.gz")
        packed.write_bytes(gzip.compress(rows.read_bytes()))
        rows = packed
    done = tiermesh("score", rows)
    scored = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 0
    assert [row["id"] for row in scored] == ["a", 2, "c", "d"]
    assert all(set(row) == {"id", "score", "tier", "task", "ms"} for row in scored)
    assert scored[0]["score"] < scored[1]["score"]
    assert scored[0]["score"] == scored[3]["score"]
    assert (scored[0]["tier"], scored[1]["tier"]) == ("simple", "complex")


def test_rows_that_cannot_be_scored_say_why_and_do_not_stop_the_others(tiermesh: Tiermesh) -> None:
    rows = [
        b"{not JSON",
        b'{"id":"b"}',
        b"[1]",
        b'{"id":"c","api":"smoke","body":{}}',
        b'{"id":"d","api":"chat","body":{}}',
        b'{"id":"e","prompt":"hi"}',
    ]
    done = tiermesh("score", "-", stdin=b"\n".join(rows))
    scored = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 1
    assert ["error" in row for row in scored] == [True] * 5 + [False]
    assert [row["id"] for row in scored] == [None, None, None, "c", "d", "e"]


def test_a_prompt_is_scored_as_text_whatever_it_is(tiermesh: Tiermesh) -> None:
    rows = [json.dumps({"id": index, "prompt": prompt}) for index, prompt in enumerate(["", "\ud800", "é\u0000", 5, None, "x" * 100_000])]
    done = tiermesh("score", "-", stdin="\n".join(rows).encode())
    assert done.status == 0
    assert len(done.out.splitlines()) == len(rows)


def test_access_is_explained_for_whoever_asks(tiermesh: Tiermesh, tmp_path: Path) -> None:
    path = tmp_path / "tiermesh.yaml"
    path.write_text(
        """
backends:
  local: {url: http://127.0.0.1:8000, model: small, tier: simple, location: on_prem}
  cloud: {url: https://llm.example, model: large, tier: complex}
access: {interns: {scope: "acme/*/interns", tiers: [simple], deny_models: [large]}}
"""
    )

    def explained(*arguments: str, model: str = "auto") -> Any:
        return tiermesh("explain", "-", "--config", path, "--json", *arguments, stdin=body(HARD, model=model)).json()

    assert explained()["decision"]["chain"] == ["cloud", "local"]
    intern = explained("--scope", "acme/retail/interns/bot")
    assert intern["decision"]["chain"] == ["local"]
    assert {one["backend"]: one["misfit"] for one in intern["backends"]} == {"local": "", "cloud": "access:interns"}
    refused = explained("--scope", "acme/retail/interns", model="large")
    assert (refused["decision"]["status"], refused["decision"]["code"]) == (403, "access_denied")
    assert tiermesh("explain", "-", "--scope", "acme/*", stdin=body(EASY)).status == 2
