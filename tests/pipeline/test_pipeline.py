"""The story of a request without a network: values in, values out."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from extproc.classify import Verdict
from extproc.config import compile_config, parse
from extproc.errors import ProtocolError
from extproc.pipeline import Head, Pass, Pipeline, Release, Reply
from extproc.testing import FixedScorer, ManualClock
from extproc.usage import Ticket

CONFIG = """
backends:
  local:
    {url: "http://127.0.0.1:1", model: local-model, tier: simple, location: on_prem, context_tokens: 1000, force: {temperature: 0, seed: 7}}
  mid: {url: "http://127.0.0.1:2/base/", model: mid-model, tier: standard, first_byte_timeout_s: 3}
  big: {url: "http://127.0.0.1:3", model: big-model, tier: complex, capabilities: [tools, images], answer_timeout_s: 900, force: {top_p: 1}}
  vectors: {url: "http://127.0.0.1:1", model: vector-model, tier: simple, apis: [embeddings], location: on_prem}
models: {pass_through: [mid-model], routed: [auto]}
classifier: {default_score: 0.5}
listener: {max_body_bytes: 100000}
"""
POLICY = compile_config(parse(CONFIG))
CHAT = "/v1/chat/completions"


def pipeline(score: float = 0.1) -> Pipeline:
    return Pipeline(POLICY, FixedScorer(score), ManualClock())


def head(method: str = "POST", path: str = CHAT, *, has_body: bool = True, **headers: str) -> Head:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(method, path, {":method": method, ":path": path, "x-request-id": "r-1", **named}, has_body)


def chat(**members: Any) -> bytes:
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hello"}], **members}).encode()


def released(body: bytes, score: float = 0.1, at: Head | None = None) -> Release:
    answer = pipeline(score).decide(at or head(), body)
    assert isinstance(answer, Release)
    return answer


def ticket_of(answer: Release | Reply) -> Ticket:
    ticket = Ticket.decode(str(answer.metadata["ticket"]))
    assert ticket is not None
    return ticket


# ---- greet ----


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (head(has_body=False), 400, "empty_body"),
        (head(content_length="100001"), 413, "request_too_large"),
        (head(path="/v1/messages", content_length="999999999999"), 413, "request_too_large"),
        (head("GET", "/v1/models", has_body=False), 200, '"object":"list"'),
        (head("GET", "/v1/models", has_body=False, anthropic_version="2023-06-01"), 200, '"has_more"'),
        (head("GET", "/v1/models/mid-model", has_body=False), 200, '"id":"mid-model"'),
        (head("GET", "/v1/models/nobody", has_body=False), 404, "model_not_found"),
    ],
)
def test_some_requests_are_answered_at_their_headers(asked: Head, status: int, words: str) -> None:
    answer = pipeline().greet(asked)
    assert isinstance(answer, Reply)
    assert answer.status == status
    assert words in answer.body.decode()
    assert json.loads(answer.body)


@pytest.mark.parametrize(
    "asked",
    [
        head(),
        head(content_length="100000"),
        head(content_length="nonsense"),
        head(content_length="²"),
        head(content_length="9" * 30),
        head("GET", CHAT, has_body=False),
        head("POST", "/v1/files", content_length="999999999"),
        head("POST", "/v1/models"),
    ],
)
def test_all_others_go_on_to_their_body(asked: Head) -> None:
    assert pipeline().greet(asked) == Pass(is_last=asked.path != CHAT or asked.method != "POST")


def test_headers_that_only_we_may_set_are_removed() -> None:
    answer = pipeline().greet(head(x_tiermesh_chain="big", x_tiermesh_anything="1", x_team="rope"))
    assert answer == Pass(("x-tiermesh-chain", "x-tiermesh-anything"))


# ---- decide ----


@pytest.mark.parametrize(
    ("score", "chain", "tier", "model"),
    [
        (0.0, "local+mid+big", "simple", "local-model"),
        (0.35, "local+mid+big", "simple", "local-model"),
        (0.36, "mid+big+local", "standard", "mid-model"),
        (0.7, "mid+big+local", "standard", "mid-model"),
        (1.0, "big+mid+local", "complex", "big-model"),
    ],
)
def test_the_score_picks_the_chain(score: float, chain: str, tier: str, model: str) -> None:
    answer = released(chat(), score)
    assert dict(answer.set_headers)["x-tiermesh-chain"] == chain
    assert json.loads(answer.body or b"")["model"] == model
    ticket = ticket_of(answer)
    assert (ticket.tier, ticket.score, "+".join(ticket.chain), ticket.kind) == (tier, score, chain, "routed")
    assert {key: answer.metadata[key] for key in ("tier", "backend", "model", "api", "score")} == {
        "tier": tier, "backend": chain.partition("+")[0], "model": model, "api": "chat", "score": score
    }  # fmt: skip


def test_the_ticket_tells_what_settlement_needs_and_no_content() -> None:
    body = chat(max_tokens=99, stream=True)
    ticket = ticket_of(released(body, at=head(authorization="Bearer secret")))
    assert (ticket.request_id, ticket.api, ticket.asked_model, ticket.caller) == ("r-1", "chat", "auto", "anonymous")
    assert (ticket.max_output_tokens, ticket.is_stream, ticket.strips_usage) == (99, True, True)
    assert (ticket.body_bytes, ticket.policy_digest, ticket.path) == (len(body), POLICY.digest, CHAT)
    assert ticket.prompt_tokens_estimate > 0
    assert ticket.decided_at == ManualClock().wall()
    assert "hello" not in ticket.encode()
    assert "secret" not in ticket.encode()


@pytest.mark.parametrize(
    ("members", "headers"),
    [
        ({}, {}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"x-tiermesh-stream": "yes"}),
        ({"stream": True}, {"x-tiermesh-stream": "yes", "x-tiermesh-answer": "strip-usage"}),
        ({"stream": True, "stream_options": None}, {"x-tiermesh-stream": "yes", "x-tiermesh-answer": "strip-usage"}),
        ({"stream": False, "stream_options": {"include_usage": False}}, {}),
    ],
)
def test_only_a_stream_that_does_not_ask_for_usage_comes_back_through_us(members: dict[str, Any], headers: dict[str, str]) -> None:
    answer = released(chat(**members))
    ours = {name: value for name, value in answer.set_headers if name in ("x-tiermesh-stream", "x-tiermesh-answer")}
    assert ours == headers
    asks = json.loads(answer.body or b"").get("stream_options")
    assert (asks or {}).get("include_usage", False) == (members.get("stream") is True)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_streams_that_always_count_are_left_alone(path: str) -> None:
    answer = released(chat(stream=True, max_tokens=5, input="x"), at=head(path=path))
    assert "x-tiermesh-answer" not in dict(answer.set_headers)
    assert b"stream_options" not in (answer.body or b"")


def test_the_time_to_the_first_byte_is_that_of_the_slowest_in_the_chain() -> None:
    name = "x-envoy-upstream-rq-per-try-timeout-ms"
    assert dict(released(chat()).set_headers)[name] == "900000"
    assert dict(released(chat(stream=True)).set_headers)[name] == "20000"


def test_the_path_gets_the_prefix_of_its_backend() -> None:
    assert dict(released(chat(), 0.5, head(path=CHAT + "?a=1")).set_headers)[":path"] == f"/base{CHAT}?a=1"
    assert ":path" not in dict(released(chat(), 0.1).set_headers)


def test_an_unchanged_body_is_not_sent_back() -> None:
    answer = released(chat(model="mid-model"))
    assert answer.body is None
    assert "content-length" not in dict(answer.set_headers)
    assert ticket_of(answer).kind == "passed"


def test_a_compressed_body_is_sent_on_as_it_is_inside() -> None:
    answer = released(gzip.compress(chat(model="mid-model")), at=head(content_encoding="gzip"))
    assert answer.body == chat(model="mid-model")
    assert answer.remove_headers == ("content-encoding",)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"", 400, "empty_body"),
        (b"\xff", 400, "invalid_json"),
        (chat(model="nobody"), 404, "model_not_found"),
        (b" " * 100_001, 413, "request_too_large"),
        (
            chat(messages=[{"role": "user", "content": [{"type": kind} for kind in ("input_audio", "file", "document")]}]),
            400,
            "unsupported_request",
        ),
    ],
)
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_what_cannot_be_served_is_refused_with_a_ticket(body: bytes, status: int, code: str, path: str) -> None:
    answer = pipeline().decide(head(path=path), body)
    assert isinstance(answer, Reply)
    assert answer.status == status
    assert ("request_id" in json.loads(answer.body)) == (path == "/v1/messages")
    ticket = ticket_of(answer)
    assert (ticket.kind, ticket.refusal, ticket.body_bytes, ticket.request_id) == ("refused", code, len(body), "r-1")
    assert ("content-type", "application/json") in answer.headers


def test_an_embedding_is_not_scored_nor_given_forced_parameters() -> None:
    body = json.dumps({"model": "vector-model", "input": "x"}).encode()
    answer = pipeline(0.9).decide(head(path="/v1/embeddings"), body)
    assert isinstance(answer, Release)
    assert answer.body is None
    assert "score" not in answer.metadata
    assert ticket_of(answer).chain == ("vectors",)


def test_a_path_that_is_none_of_ours_passes() -> None:
    assert pipeline().decide(head(path="/v1/files"), b"anything") == Pass()


class Ticking(ManualClock):
    """Moves by itself each time it is looked at."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self._step_s = step_s

    def monotonic(self) -> float:
        self.advance(self._step_s)
        return super().monotonic()


@pytest.mark.parametrize(("step_s", "score", "chain"), [(0.01, 1.0, "big+mid+local"), (1.2, None, "mid+big+local")])
def test_beyond_the_time_for_deciding_the_default_score_stands_in(step_s: float, score: float | None, chain: str) -> None:
    answer = Pipeline(POLICY, FixedScorer(1.0), Ticking(step_s)).decide(head(), chat())
    assert isinstance(answer, Release)
    ticket = ticket_of(answer)
    assert (ticket.score, "+".join(ticket.chain)) == (score, chain)
    assert ticket.decision_us >= step_s * 1e6


# ---- fall_back ----


def in_turn(body: bytes, *names: str, score: float = 0.1) -> list[bytes]:
    """The body as each of these backends gets it, after the first."""
    answer = released(body, score)
    ticket, sent = ticket_of(answer), answer.body if answer.body is not None else body
    found = []
    for name in names:
        sent = pipeline().fall_back(ticket, 2, POLICY.backends[name], sent).body or b""
        found.append(sent)
    return found


def test_the_next_backend_gets_the_callers_own_values_and_its_own() -> None:
    mid, big = in_turn(chat(temperature=0.7, top_p=0.2), "mid", "big")
    assert mid == chat(temperature=0.7, top_p=0.2).replace(b'"auto"', b'"mid-model"')
    assert big == chat(temperature=0.7, top_p=1).replace(b'"auto"', b'"big-model"')


def test_what_was_added_is_taken_away_again() -> None:
    (mid,) = in_turn(chat(), "mid")
    assert mid == chat().replace(b'"auto"', b'"mid-model"')


def test_usage_that_we_asked_for_stays_asked_for() -> None:
    (mid,) = in_turn(chat(stream=True), "mid")
    assert json.loads(mid)["stream_options"] == {"include_usage": True}


def test_odd_spellings_survive_every_attempt() -> None:
    body = b'{"temperature":\t1.50e0 , "model":"auto","messages":[{"role":"user","content":"\\u00e9\\/ \xc3\xa9"}], "x":[ ]}'
    mid, big, local = in_turn(body, "mid", "big", "local")
    assert mid == body.replace(b'"auto"', b'"mid-model"')
    assert big == body.replace(b'"auto"', b'"big-model"')[:-1] + b',"top_p":1}'
    assert json.loads(local)["temperature"] == 0


def test_headers_follow_the_body_and_the_backend() -> None:
    answer = released(chat(), 1.0, head(path=CHAT + "?a=1"))
    ticket = ticket_of(answer)
    mid = pipeline().fall_back(ticket, 2, POLICY.backends["mid"], answer.body or b"")
    assert dict(mid.set_headers) == {"content-length": str(len(mid.body or b"")), ":path": f"/base{CHAT}?a=1"}
    assert mid.metadata["model"] == "mid-model"
    local = pipeline().fall_back(ticket, 3, POLICY.backends["local"], mid.body or b"")
    assert dict(local.set_headers)[":path"] == CHAT + "?a=1"


def test_a_later_attempt_leaves_the_moment_it_began() -> None:
    answer = released(chat())
    ticket = ticket_of(answer)
    later = ManualClock(ticket.decided_at + 20.125)
    metadata = Pipeline(POLICY, FixedScorer(0.1), later).fall_back(ticket, 3, POLICY.backends["mid"], answer.body or b"").metadata
    assert metadata["attempt_3"] == 20_125


def test_a_body_that_cannot_be_reshaped_for_the_next_backend_is_not_sent_to_it() -> None:
    ticket = ticket_of(released(chat()))
    with pytest.raises(ProtocolError):
        pipeline().fall_back(ticket, 2, POLICY.backends["mid"], b"\xff")


def test_the_scorer_is_asked_once_and_only_for_what_it_is_for() -> None:
    seen: list[str] = []

    class Counting:
        def classify(self, request: Any) -> Verdict:
            seen.append(request.api.value)
            return FixedScorer(0.1).classify(request)

    counting = Pipeline(POLICY, Counting(), ManualClock())
    counting.decide(head(), chat())
    counting.decide(head(), b"{")
    counting.decide(head(path="/v1/embeddings"), b'{"model":"vector-model","input":"x"}')
    assert seen == ["chat"]
