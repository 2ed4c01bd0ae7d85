"""What real Envoy does with a rendered bootstrap."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

pytestmark = pytest.mark.dataplane

THREE = """
backends:
  one: {url: "http://127.0.0.1:{one}", model: model-one, tier: simple, location: on_prem, credential: {file: "{tmp}/one.key"}}
  two: {url: "http://127.0.0.1:{two}", model: model-two, tier: standard, credential: {file: "{tmp}/two.key", kind: anthropic}}
  three: {url: "http://127.0.0.1:{three}", model: model-three, tier: complex}
tiers:
  simple: {up_to: 0.3, chain: [one, two, three]}
  standard: {up_to: 0.6, chain: [one, two, three]}
  complex: {chain: [one, two, three]}
"""
CALLED = "identity: {headers: {team: x-team}, trusted_peers: [any]}\n"
NAMES = ("one", "two", "three")
CHAIN = {"x-tiermesh-chain": "one+two+three"}
CALLERS = {
    "authorization": "Bearer callers",
    "x-api-key": "callers",
    "api-key": "callers",
    "openai-organization": "callers",
    "cookie": "callers",
    "x-team": "callers",
    "x-forwarded-for": "203.0.113.9",
}


@pytest.fixture
def keys(tmp_path: Path) -> None:
    (tmp_path / "one.key").write_text("key-one")
    (tmp_path / "two.key").write_text("key-two")


@pytest.fixture
async def three(start: Any, keys: None) -> Any:
    """Three backends in one chain that the worker always chooses."""
    gateway = await start(THREE + CALLED, *NAMES)
    gateway.decide(headers=CHAIN, metadata={"ticket": "t"})
    return gateway


def asked(gateway: Any) -> list[int]:
    return [len(gateway.backends[name].seen) for name in NAMES]


async def test_the_worker_chooses_the_chain_and_a_client_cannot(three: Any) -> None:
    three.decide(headers={"x-tiermesh-chain": "two"})
    answer = await three.post(headers={"x-tiermesh-chain": "three", "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "3"})
    assert (answer.status_code, asked(three)) == (200, [0, 1, 0])
    (headers,) = [
        message.request_headers.headers.headers for phase, message in three.worker.messages if message.HasField("request_headers")
    ]
    assert not [h.key for h in headers if h.key.startswith(("x-tiermesh-", "x-envoy-retry", "x-envoy-max"))]


async def test_each_backend_gets_its_own_key_and_no_other(three: Any) -> None:
    for name in ("one", "two"):
        three.backends[name].answers(status=503)
    assert (await three.post(headers=CALLERS)).status_code == 200
    one, two, last = (three.backends[name].seen[0].headers for name in NAMES)
    assert (one["authorization"], "x-api-key" in one) == ("Bearer key-one", False)
    assert (two["x-api-key"], two["anthropic-version"], "authorization" in two) == ("key-two", "2023-06-01", False)
    for headers in (one, two, last):
        assert not [key for key in headers if key.startswith("x-tiermesh-")]
        assert not [value for value in headers.values() if "callers" in value or "203.0.113.9" in value]
    assert not [value for value in last.values() if "key-" in value]


async def test_the_worker_never_sees_a_backends_key(three: Any) -> None:
    for name in ("one", "two"):
        three.backends[name].answers(status=503)
    await three.post()
    assert three.worker.phases == ["request", "failover", "failover"]
    assert not [phase for phase, message in three.worker.messages if b"key-" in message.SerializeToString()]


async def test_a_backend_whose_name_does_not_resolve_is_an_attempt_that_failed(start: Any, keys: None) -> None:
    # Passed over in silence, its request would reach the second backend with the first one's model and key.
    gateway = await start(THREE.replace("http://127.0.0.1:{one}", "https://nowhere.invalid"), *NAMES)
    gateway.decide(headers=CHAIN)
    gateway.decide_again(body=b'{"model": "model-two"}')
    assert (await gateway.post()).status_code == 200
    (seen,) = gateway.backends["two"].seen
    assert seen.body == b'{"model": "model-two"}'
    assert "authorization" not in seen.headers
    assert (await gateway.entry()).common_properties.upstream_request_attempt_count == 2


async def test_a_replaced_key_file_is_read_again(three: Any) -> None:
    async def key() -> str:
        await three.post()
        return str(three.backends["one"].seen[-1].headers["authorization"])

    assert await key() == "Bearer key-one"
    (three.directory / "new").write_text("key-new\n")  # Envoy 1.40 leaves an editor's newline out
    (three.directory / "new").replace(three.directory / "one.key")

    async def is_new() -> bool:
        return await key() == "Bearer key-new"

    await three.until(is_new)


async def test_statuses_another_backend_may_cure_are_tried_there_and_others_are_not(three: Any) -> None:
    for status, expected in {503: 200, 429: 200, 401: 200, 529: 200, 0: 200, 400: 400, 404: 404, 422: 422}.items():
        three.backends["one"].answers(status=status)
        assert (await three.post()).status_code == expected, status
    assert asked(three) == [8, 5, 0]


async def test_a_failover_carries_the_metadata_and_its_answer_names_who_answered(three: Any) -> None:
    three.decide(headers=CHAIN, metadata={"ticket": "t1"}, body=b'{"model": "model-one"}')
    three.decide_again(body=b'{"model": "model-two!"}', metadata={"backend": "two"}, headers={":path": "/prefix/v1/chat/completions"})
    three.backends["one"].answers(status=503)
    three.backends["two"].answers(headers={"content-type": "application/json", "x-request-id": "providers-own"})
    answer = await three.post()
    assert [answer.headers[f"x-tiermesh-{key}"] for key in ("model", "tier", "backend", "upstream-request-id")] == [
        "model-two",
        "standard",
        "two",
        "providers-own",
    ]
    assert three.worker.forwarded == [{"tiermesh": {"ticket": "t1"}}]
    (seen,) = three.backends["two"].seen
    assert (seen.path, seen.body, seen.headers["content-length"]) == ("/prefix/v1/chat/completions", b'{"model": "model-two!"}', "23")
    entry = await three.entry()
    common = entry.common_properties
    assert (common.upstream_cluster, common.upstream_request_attempt_count) == ("backend.two", 2)
    assert three.metadata(entry)["tiermesh"] == {"ticket": "t1", "backend": "two"}
    assert entry.response.response_headers["x-tiermesh-upstream-request-id"] == "providers-own"
    assert entry.response.response_headers["x-request-id"] == answer.headers["x-request-id"] == entry.request.request_id


async def test_nothing_is_tried_again_after_the_first_byte(three: Any) -> None:
    three.backends["one"].answers(pieces=[b"data: {}\n\n"], headers={"content-type": "text/event-stream"}, cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await three.post()
    assert asked(three) == [1, 0, 0]
    assert (await three.entry()).response.response_code.value == 200


async def test_the_workers_time_limit_moves_on_before_the_first_byte_and_never_after(three: Any) -> None:
    three.decide(headers={**CHAIN, "x-envoy-upstream-rq-per-try-timeout-ms": "300"})
    three.backends["one"].answers(wait_s=1.5)
    three.backends["two"].answers(pieces=[b"a", b"b", b"c"], gap_s=0.25)
    answer = await three.post()
    assert (answer.content, asked(three)) == (b"abc", [1, 1, 0])
    assert "x-envoy-upstream-rq-per-try-timeout-ms" not in three.backends["two"].seen[0].headers
    assert answer.elapsed.total_seconds() < 1.5


async def test_a_stream_that_falls_silent_is_given_up_and_a_long_thought_is_not(start: Any, keys: None) -> None:
    short = "listener: {stream_idle_timeout_s: 1}\n"
    short += THREE.replace("tier: simple,", "tier: simple, first_byte_timeout_s: 0.1, answer_timeout_s: 5,")
    gateway = await start(short, *NAMES)
    gateway.backends["one"].answers(wait_s=1.6)
    gateway.decide(headers={"x-tiermesh-chain": "one"})
    assert (await gateway.post()).status_code == 200
    routes = json.loads((await gateway.admin.get("/config_dump?resource=static_route_configs")).text)
    found = {
        route["name"]: route["route"] for route in routes["configs"][0]["route_config"]["virtual_hosts"][0]["routes"] if "route" in route
    }
    assert (found["stream.one"]["idle_timeout"], found["chain.one"]["idle_timeout"]) == ("5.100s", "10s")


async def test_an_unread_request_goes_to_the_on_premises_tier(three: Any) -> None:
    await three.worker.stop()
    answer = await three.post(headers=CALLERS)
    assert (answer.status_code, asked(three)) == (200, [1, 0, 0])
    assert three.backends["one"].seen[0].headers["authorization"] == "Bearer key-one"


async def test_without_a_worker_other_paths_are_closed_where_it_matters_who_sends_them(start: Any, keys: None) -> None:
    settings = "processor: {message_timeout_s: 0.3, decision_timeout_s: 0.1}\n"
    gateway = await start(THREE + CALLED + settings, *NAMES)
    assert (await gateway.post("/v1/files", b"x")).status_code == 200
    gateway.worker.is_silent = True
    answer = await gateway.post("/v1/files", b"x")
    assert (answer.status_code, answer.json()["error"]["code"], asked(gateway)) == (503, "no_decision", [1, 0, 0])


async def test_a_silent_worker_delays_a_request_by_no_more_than_its_time(start: Any, keys: None) -> None:
    gateway = await start(THREE + "processor: {message_timeout_s: 0.3, decision_timeout_s: 0.1}\n", *NAMES)
    gateway.worker.is_silent = True
    answer = await gateway.post()
    assert (answer.status_code, asked(gateway)) == (200, [1, 0, 0])
    assert 0.29 <= answer.elapsed.total_seconds() < 1.5  # Envoy's timers count in milliseconds, from the beginning of a loop


@pytest.mark.parametrize("is_dead", [True, False], ids=["dead", "undecided"])
async def test_closed_refuses_what_nobody_decided_in_the_callers_shape(start: Any, keys: None, is_dead: bool) -> None:
    gateway = await start(THREE + "processor: {on_failure: closed}\n", *NAMES)
    if is_dead:
        await gateway.worker.stop()
    chat, messages = await gateway.post(), await gateway.post("/v1/messages")
    assert (chat.status_code, messages.status_code, asked(gateway)) == (503, 503, [0, 0, 0])
    assert chat.json()["error"]["code"] == "no_decision"
    assert messages.json()["error"]["type"] == "api_error"


async def test_without_an_on_premises_backend_an_unread_request_goes_nowhere(start: Any, keys: None) -> None:
    gateway = await start(THREE.replace(", location: on_prem", ""), *NAMES)
    await gateway.worker.stop()
    assert ((await gateway.post()).status_code, asked(gateway)) == (503, [0, 0, 0])


async def test_another_worker_takes_over_from_a_dead_one(start: Any, keys: None) -> None:
    # The second socket does not exist; a request that is sent there is sent to the first before it counts.
    gateway = await start(THREE, *NAMES, workers=2)
    gateway.decide(headers={"x-tiermesh-chain": "two"})
    for _ in range(20):
        await gateway.post()
    assert asked(gateway) == [0, 20, 0]


async def test_a_refusal_of_the_worker_passes_as_it_is(three: Any) -> None:
    three.decide(refusal=(404, b'{"error": "mine"}'), metadata={"ticket": "refused"})
    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = await three.post(path)
        assert (answer.status_code, answer.content) == (404, b'{"error": "mine"}')
    entry = await three.entry()
    assert (entry.response.response_code.value, three.metadata(entry)["tiermesh"]) == (404, {"ticket": "refused"})


async def test_envoys_own_errors_come_in_the_callers_shape(three: Any) -> None:
    for name in NAMES:
        three.backends[name].answers(status=0)
    chat, messages = await three.post(), await three.post("/v1/messages")
    assert (chat.status_code, chat.json()["error"]["type"]) == (503, "server_error")
    assert (messages.status_code, messages.json()["type"], messages.json()["error"]["type"]) == (503, "error", "api_error")
    assert messages.json()["request_id"] == messages.headers["x-request-id"]


async def test_a_large_body_is_decided_and_tried_again_and_one_too_large_is_refused(start: Any, keys: None) -> None:
    gateway = await start(THREE + "listener: {max_body_bytes: 4194304}\nprocessor: {message_timeout_s: 10}\n", *NAMES)
    gateway.decide(headers=CHAIN, body=b"y" * 4_000_000)
    gateway.decide_again(body=b"z" * 4_000_000)
    gateway.backends["one"].answers(status=503)
    assert (await gateway.post(body=b"x" * 4_000_000)).status_code == 200
    assert [gateway.backends[name].seen[0].body[:1] for name in ("one", "two")] == [b"y", b"z"]
    refused = await gateway.post(body=b"x" * 6_000_000)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "request_too_large")
    assert (await gateway.post("/v1/messages", body=b"x" * 6_000_000)).json()["error"]["type"] == "request_too_large"


async def test_an_answer_larger_than_any_request_arrives(start: Any, keys: None) -> None:
    gateway = await start(THREE + "listener: {max_body_bytes: 1048576}\n", *NAMES)
    gateway.decide(headers=CHAIN)
    gateway.backends["one"].answers(pieces=[b'{"usage": {"prompt_tokens": 3}, "data": "', *[b"x" * 1_000_000] * 8, b'"}'])
    answer = await gateway.post("/v1/embeddings")
    assert (answer.status_code, len(answer.content) > 8_000_000, await gateway.usage()) == (200, True, {"prompt_tokens": 3})


async def test_models_are_the_workers_to_answer_and_other_paths_are_not_its_business(start: Any, keys: None) -> None:
    gateway = await start(THREE.replace("{one}", "{one}/prefix"), *NAMES)
    gateway.decide(refusal=(200, b'{"object": "list"}'))
    for path in ("/v1/models", "/v1/models/auto"):
        assert (await gateway.client.get(path)).json() == {"object": "list"}
    assert gateway.worker.phases == ["request", "request"]
    body = json.dumps({"usage": {"prompt_tokens": 1}}).encode()
    gateway.backends["one"].answers(pieces=[body])
    assert (await gateway.client.get("/v1/files?limit=1", headers=CALLERS)).content == body
    assert (await gateway.client.get("/v1/chat/completions")).status_code == 200  # a list of stored ones, not a question
    assert [seen.path for seen in gateway.backends["one"].seen] == ["/prefix/v1/files?limit=1", "/prefix/v1/chat/completions"]
    assert gateway.backends["one"].seen[0].headers["authorization"] == "Bearer key-one"
    assert len(gateway.worker.phases) == 2
    assert (await gateway.usage(2)) == {}


async def test_an_answer_passes_through_the_worker_only_where_it_asked_for_that(three: Any) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
    three.backends["one"].answers(pieces=[b'data: {"choices":[1]}\n\n', usage], headers={"content-type": "text/event-stream"}, gap_s=0.05)
    plain = await three.post()
    assert usage in plain.content
    assert three.worker.phases == ["request"]
    three.decide(headers={**CHAIN, "x-tiermesh-answer": "strip-usage"}, metadata={"ticket": "t"})
    three.worker.drop = lambda chunk: chunk.replace(usage, b"")
    stripped = await three.post()
    assert stripped.content == b'data: {"choices":[1]}\n\n'
    assert three.worker.phases == ["request", "request", "answer"]
    assert await three.usage(1) == {"prompt_tokens": 5, "completion_tokens": 2}


async def test_an_https_backend_must_show_a_certificate_for_its_name(start: Any, keys: None, tmp_path: Path) -> None:
    for name in ("localhost", "elsewhere"):
        await asyncio.to_thread(_certificate, tmp_path, name)
    ca = ", ca_file: '{tmp}/localhost.pem'"
    text = THREE.replace("http://127.0.0.1:{two}", "https://localhost:{two}").replace("tier: standard", "tier: standard" + ca)
    gateway = await start(text, *NAMES)
    gateway.decide(headers={"x-tiermesh-chain": "two+three"})
    await gateway.backends["two"].start(_tls(tmp_path, "localhost"))
    for _ in range(5):
        assert (await gateway.post()).headers["x-tiermesh-backend"] == "two"
    assert gateway.backends["two"].seen[0].headers["host"] == "localhost"
    await gateway.backends["two"].start(_tls(tmp_path, "elsewhere"))

    async def has_moved() -> bool:
        return bool((await gateway.post()).headers["x-tiermesh-backend"] == "three")

    await gateway.until(has_moved)


def _certificate(directory: Path, name: str) -> None:
    key, certificate = directory / f"{name}.key.pem", directory / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    subprocess.run(
        [*command, "-keyout", key, "-out", certificate, "-addext", f"subjectAltName=DNS:{name}"],
        check=True,
        capture_output=True,
        timeout=60,
    )


def _tls(directory: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key.pem")
    return context
