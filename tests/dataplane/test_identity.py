"""Who sends a request, through real Envoy: certificates, tokens, keys and headers, and what each may reach."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import anthropic
import httpx2 as httpx
import openai
import pytest

from extproc.testing import Behaviour
from extproc.usage import Record
from tests.dataplane.certificates import Authority, Issuer, Pair
from tests.dataplane.harness import Answer, Stack, chat_body, running, until

pytestmark = pytest.mark.dataplane

KEY, EXPIRED, INTERN = "tm-of-the-bot", "tm-of-last-year", "tm-of-an-intern"
WORKLOAD = "spiffe://acme.example/ns/retail/sa/indexer"
FRONT = "spiffe://acme.example/front"
NAMES = {"x-org": "acme", "x-team": "search", "x-user": "carol"}
ASK: Any = [{"role": "user", "content": "an easy one"}]


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


CALLERS = f"""
identity:
  mesh: {{pattern: "spiffe://acme.example/ns/{{department}}/sa/{{app}}", organisation: acme}}
  jwt: {{claims: {{organisation: org, team: realm.team, user: sub}}, issuer: "https://login.example", audiences: [llm], jwks_file: JWKS}}
  headers: {{organisation: x-org, team: x-team, user: x-user}}
  trusted_peers: ["{FRONT}"]
  unknown: refuse
  keys:
    - {{sha256: {digest(KEY)}, scope: acme/retail/search/bot}}
    - {{sha256: {digest(EXPIRED)}, scope: acme/retail/search/bot, expires: "2020-12-31", name: of last year}}
    - {{sha256: {digest(INTERN)}, scope: acme/retail/interns}}
access:
  interns: {{scope: "acme/*/interns", tiers: [simple], deny_models: ["claude-*"]}}
"""


class Callers:
    """A gateway that speaks TLS, and everybody who may connect to it."""

    def __init__(self, stack: Stack, authority: Authority, issuer: Issuer, directory: Path) -> None:
        self.stack = stack
        self.authority = authority
        self.issuer = issuer
        self.directory = directory
        self._pairs: dict[str, Pair] = {}

    def pair(self, uri: str) -> Pair:
        if uri not in self._pairs:
            self._pairs[uri] = self.authority.signed(f"peer-{len(self._pairs)}", f"URI:{uri}")
        return self._pairs[uri]

    def chat(self, headers: dict[str, str] | None = None, *, peer: str = "", **members: Any) -> Answer:
        """A chat of the workload `peer`, or of one without a certificate; with no key unless `headers` have one."""
        self.stack.tls = self.authority.shown(self.pair(peer) if peer else None)
        return self.stack.post("/v1/chat/completions", chat_body(**members), {"authorization": "", **(headers or {})})

    def post(self, path: str, body: Any, headers: dict[str, str]) -> Answer:
        self.stack.tls = self.authority.shown()
        return self.stack.post(path, body, {"authorization": "", **headers})

    def begin(self, *headers: str, peer: str = "") -> bytes:
        """The beginning of the answer to the beginning of a chat: these headers and no body."""
        context = self.authority.shown(self.pair(peer) if peer else None)
        head = "\r\n".join(("POST /v1/chat/completions HTTP/1.1", "host: x", "content-type: application/json", *headers))
        with (
            socket.create_connection(("127.0.0.1", self.stack.port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(f"{head}\r\n\r\n".encode())
            return secure.recv(64)

    def record(self, answer: Answer) -> Record:
        return self.stack.record(answer.id)

    def openai(self, key: str) -> openai.OpenAI:
        client = httpx.Client(verify=self.authority.shown())
        return openai.OpenAI(base_url=f"{self.stack.url}/v1", api_key=key, max_retries=0, timeout=30, http_client=client)

    def anthropic(self, key: str) -> anthropic.Anthropic:
        client = httpx.Client(verify=self.authority.shown())
        return anthropic.Anthropic(base_url=self.stack.url, api_key=key, max_retries=0, timeout=30, http_client=client)


def tls_of(server: Pair, authority: Authority) -> str:
    names = f"certificate_file: {server.certificate}, key_file: {server.key}, client_ca_file: {authority.pair.certificate}"
    return f", tls: {{{names}, require_client_certificate: false}}"


@contextlib.contextmanager
def serving(directory: Path, settings: str) -> Iterator[Callers]:
    authority, issuer = Authority(directory), Issuer(directory)
    server = authority.signed("server", "IP:127.0.0.1")
    with running(listener=tls_of(server, authority), extra=settings.replace("JWKS", str(issuer.jwks))) as stack:
        yield Callers(stack, authority, issuer, directory)


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    with serving(tmp_path_factory.mktemp("callers"), CALLERS) as made:
        yield made


def refused(answer: Answer, status: int, code: str) -> str:
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (status, code)
    return str(error["message"])


# ---- each source ----


def test_a_workload_is_known_by_its_certificate(callers: Callers) -> None:
    answer = callers.chat(peer=WORKLOAD)
    assert answer.status == 200
    record = callers.record(answer)
    assert (record.scope, record.source, record.caller) == ("acme/retail/-/indexer", "mesh", "anonymous")


def test_a_certificate_of_another_authority_is_not_even_spoken_to(callers: Callers, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger").signed("peer", f"URI:{WORKLOAD}")
    context = callers.authority.shown(stranger)
    callers.stack.tls = context
    with pytest.raises((ssl.SSLError, ConnectionError)):
        callers.stack.post("/v1/chat/completions", chat_body())


def test_a_workload_of_another_shape_is_unknown(callers: Callers) -> None:
    answer = callers.chat(peer="spiffe://other.example/ns/retail/sa/indexer")
    refused(answer, 401, "unknown_caller")


def test_a_verified_token_names_its_user(callers: Callers) -> None:
    token = callers.issuer.token(org="acme", aud="llm", sub="alice@acme.example", realm={"team": "search"})
    answer = callers.chat({"authorization": f"Bearer {token}"})
    assert answer.status == 200
    record = callers.record(answer)
    assert (record.scope, record.source) == ("acme/-/search/-/alice@acme.example", "jwt")
    _, arrival = callers.stack.arrival(answer.id)
    assert not [value for value in arrival.headers.values() if token in value]


def test_a_token_fills_in_who_uses_a_workload(callers: Callers) -> None:
    token = callers.issuer.token(org="acme", aud="llm", sub="alice")
    record = callers.record(callers.chat({"authorization": f"Bearer {token}"}, peer=WORKLOAD))
    assert (record.scope, record.source) == ("acme/retail/-/indexer/alice", "mesh")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 3600, "aud": "llm"}, "expired"),
        ({"aud": "other"}, "Audience"),
        ({"iss": "https://evil.example", "aud": "llm"}, "issuer"),
        ({"aud": "llm", "tampered": True}, "verification fails"),
    ],
)
@pytest.mark.parametrize("peer", ["", WORKLOAD])
def test_a_token_that_is_not_good_is_refused_and_the_reason_told(callers: Callers, claims: dict[str, Any], reason: str, peer: str) -> None:
    token = callers.issuer.token(org="acme", sub="alice", **claims)
    if "tampered" in claims:
        token = token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")
    answer = callers.chat({"authorization": f"Bearer {token}"}, peer=peer)
    message = refused(answer, 401, "invalid_token")
    assert reason in message
    record = callers.record(answer)
    assert (record.kind, record.outcome, record.refusal, record.cost_micro_usd) == ("refused", "refused", "invalid_token", 0)
    assert token not in record.line()


@pytest.mark.parametrize("headers", [{"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}])
def test_a_key_is_known_by_its_digest(callers: Callers, headers: dict[str, str]) -> None:
    answer = callers.chat(headers)
    record = callers.record(answer)
    assert (record.scope, record.source, record.caller) == ("acme/retail/search/bot", "key", f"key-{digest(KEY)[:12]}")
    _, arrival = callers.stack.arrival(answer.id)
    assert not [value for value in arrival.headers.values() if KEY in value]


def test_an_expired_key_is_refused(callers: Callers) -> None:
    answer = callers.chat({"x-api-key": EXPIRED})
    assert "of last year" in refused(answer, 401, "expired_key")
    assert callers.record(answer).scope == "acme/retail/search/bot"


def test_the_headers_of_a_trusted_front_are_believed_and_go_no_further(callers: Callers) -> None:
    answer = callers.chat(NAMES, peer=FRONT)
    record = callers.record(answer)
    assert (record.scope, record.source) == ("acme/-/search/-/carol", "header")
    _, arrival = callers.stack.arrival(answer.id)
    assert not arrival.headers.keys() & NAMES.keys()


def test_the_same_headers_of_anybody_else_are_nothing(callers: Callers) -> None:
    refused(callers.chat(NAMES), 401, "unknown_caller")
    answer = callers.chat(NAMES, peer=WORKLOAD)
    assert callers.record(answer).scope == "acme/retail/-/indexer"
    _, arrival = callers.stack.arrival(answer.id)
    assert not arrival.headers.keys() & NAMES.keys()


def test_a_forged_copy_beside_the_fronts_is_believed_in_neither(callers: Callers) -> None:
    assert callers.begin("x-org: evil", "x-org: acme", peer=FRONT).startswith(b"HTTP/1.1 401")


# ---- the unknown, through both SDKs ----


def test_the_unknown_get_the_errors_of_their_own_sdk(callers: Callers) -> None:
    with callers.openai("sk-unknown") as client, pytest.raises(openai.AuthenticationError) as from_openai:
        client.chat.completions.create(model="auto", messages=ASK)
    assert from_openai.value.code == "unknown_caller"
    with callers.anthropic("sk-unknown") as other, pytest.raises(anthropic.AuthenticationError) as from_anthropic:
        other.messages.create(model="auto", max_tokens=9, messages=ASK)
    assert from_anthropic.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]
    with callers.openai(KEY) as client:
        assert client.chat.completions.create(model="auto", messages=ASK).choices
    with callers.anthropic(KEY) as other:
        assert other.messages.create(model="auto", max_tokens=9, messages=ASK).content


def test_the_unknown_are_refused_before_they_have_sent_their_body(callers: Callers) -> None:
    assert callers.begin("content-length: 40000000").startswith(b"HTTP/1.1 401")
    record = callers.record(callers.chat())
    assert (record.outcome, record.refusal, record.caller, record.scope) == ("refused", "unknown_caller", "anonymous", "")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/files"), ("GET", "/v1/models"), ("GET", "/v1/files/f-1"), ("POST", "/v1/batches")]
)
def test_no_other_path_is_a_way_around(callers: Callers, method: str, path: str) -> None:
    callers.stack.tls = callers.authority.shown()
    answer = callers.stack.post(path, b"{}" if method == "POST" else None, {"authorization": ""}, method=method)
    refused(answer, 401, "unknown_caller")
    assert callers.stack.arrivals(answer.id) == {}


def test_who_is_known_may_upload_what_no_worker_reads(callers: Callers) -> None:
    answer = callers.post("/v1/files", b"x" * 40_000_000, {"x-api-key": KEY, **NAMES})
    _, arrival = callers.stack.arrival(answer.id)
    assert len(arrival.body) == 40_000_000, "more than a worker would be shown"
    assert not arrival.headers.keys() & NAMES.keys()


# ---- access ----


def test_what_an_intern_may_not_reach_is_refused_in_the_sdks_own_shape(callers: Callers) -> None:
    with callers.openai(INTERN) as client, pytest.raises(openai.PermissionDeniedError) as from_openai:
        client.chat.completions.create(model="mid-model", messages=ASK)
    assert from_openai.value.code == "access_denied"
    assert "`interns`" in from_openai.value.message
    with callers.anthropic(INTERN) as other, pytest.raises(anthropic.PermissionDeniedError) as from_anthropic:
        other.messages.create(model="claude-any", max_tokens=9, messages=ASK)
    assert "`interns`" in str(from_anthropic.value.body)


def test_what_is_left_of_a_chain_is_used_and_failover_goes_nowhere_else(callers: Callers) -> None:
    answer = callers.chat({"x-api-key": INTERN}, ask="a hard one")
    record = callers.record(answer)
    assert (record.backend, record.chain) == ("local", ("local",))
    assert {"mid!access:interns", "frontier!access:interns"} <= set(record.reasons)
    standin = callers.stack.standins["local"]
    standin.behaviour = Behaviour(status=503)
    try:
        answer = callers.chat({"x-api-key": INTERN})
        assert answer.status == 503
        assert set(callers.stack.arrivals(answer.id)) == {"local"}
    finally:
        standin.behaviour = Behaviour()


# ---- what changes while it runs ----


def test_a_new_key_is_good_without_a_restart(callers: Callers) -> None:
    key = "tm-made-just-now"
    text = callers.stack.config_path.read_text()
    assert callers.chat({"x-api-key": key}).status == 401
    callers.stack.config_path.write_text(text.replace("  keys:\n", f"  keys:\n    - {{sha256: {digest(key)}, scope: acme/new}}\n"))
    until(lambda: callers.chat({"x-api-key": key}).status == 200, "the new key was not taken up")
    callers.stack.config_path.write_text(text)
    until(lambda: callers.chat({"x-api-key": key}).status == 401, "the key is still good")


def test_a_replaced_certificate_is_shown_without_a_restart(callers: Callers) -> None:
    def serial() -> str:
        pem = ssl.get_server_certificate(("127.0.0.1", callers.stack.port), timeout=10)
        return hashlib.sha256(pem.encode()).hexdigest()

    before = serial()
    made = callers.authority.signed("server-new", "IP:127.0.0.1")
    made.key.replace(callers.directory / "server.key")
    made.certificate.replace(callers.directory / "server.pem")
    until(lambda: serial() != before, "the new certificate was not taken up")
    assert callers.chat(peer=WORKLOAD).status == 200


# ---- a proxy's word about certificates ----

FETCHED = """
identity:
  jwt: {claims: {user: sub}, organisation: acme, issuer: "https://login.example", jwks_url: "https://127.0.0.1:PORT/keys", ca_file: CA}
  unknown: refuse
"""


def test_an_issuers_keys_are_fetched_from_its_address(tmp_path: Path) -> None:
    authority, issuer = Authority(tmp_path), Issuer(tmp_path)
    with published(issuer, authority.signed("login", "IP:127.0.0.1")) as port:
        settings = FETCHED.replace("PORT", str(port)).replace("CA", str(authority.pair.certificate))
        with running(extra=settings) as stack:
            good = {"authorization": f"Bearer {issuer.token(sub='alice')}"}
            answer = stack.chat(headers=good)
            assert stack.record(answer.id).scope == "acme/-/-/-/alice"
            assert stack.chat(headers={"authorization": good["authorization"][:-8] + "AAAAAAAA"}).status == 401


@contextlib.contextmanager
def published(issuer: Issuer, server: Pair) -> Iterator[int]:
    """The port of a server that answers everything with the issuer's keys."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(issuer.jwks.read_bytes())

        def log_message(self, *_: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    with HTTPServer(("127.0.0.1", 0), Keys) as keys:
        keys.socket = context.wrap_socket(keys.socket, server_side=True)
        thread = threading.Thread(target=keys.serve_forever, daemon=True)
        thread.start()
        yield keys.server_port
        keys.shutdown()
        thread.join()


XFCC = f"""
identity:
  mesh: {{from: xfcc, pattern: "spiffe://acme.example/ns/{{department}}/sa/{{app}}", organisation: acme}}
  trusted_peers: ["{FRONT}"]
  unknown: guests
"""


def test_a_fronts_word_about_certificates_is_believed_and_goes_no_further(tmp_path: Path) -> None:
    header = {"x-forwarded-client-cert": f'By={FRONT};Hash=00;Subject="CN=a,URI={FRONT}";URI={WORKLOAD}'}
    with serving(tmp_path, XFCC) as callers:
        believed = callers.chat(header, peer=FRONT)
        assert callers.record(believed).scope == "acme/retail/-/indexer"
        _, arrival = callers.stack.arrival(believed.id)
        assert "x-forwarded-client-cert" not in arrival.headers
        for peer in ("", WORKLOAD):
            assert callers.record(callers.chat(header, peer=peer)).scope == "guests"
