"""A whole gateway for tests: Envoy, workers and store for real, stand-ins for the models, and ways to ask what happened."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anthropic import Anthropic
from openai import OpenAI

from extproc.cli.gateway import Gateway
from extproc.cli.stored import opened
from extproc.local.port import free_port
from extproc.server.settlement import store_url
from extproc.testing import Arrival, Behaviour, Standin, StandinThread, write_model
from extproc.testing.answers import canned
from extproc.usage import Record, read_records
from extproc.usage.token import Tokens

PATIENCE_S = 15.0
SCORES = {"easy": 0.1, "medium": 0.5, "hard": 0.9}  # what the classifier of these tests makes of a word in the ask
NAMES = ("local", "mid", "frontier")

CONFIG = """\
version: 1
backends:
  local:
    tier: simple
    url: {local}
    model: local-model
    location: on_prem
    context_tokens: 16000
    capabilities: [tools, json_schema, images, audio]{local_more}
    price: {{input: 0.04, output: 0.12}}
    force: {{temperature: 0, seed: 7}}
    first_byte_timeout_s: {patience_s}
    answer_timeout_s: {patience_s}
  mid:
    tier: standard
    url: {mid}
    model: mid-model
    capabilities: [tools, json_schema, images]
    credential: {{file: "{keys}/mid.key"}}
    price: {{input: 0.25, cached_input: 0.025, output: 2.00}}
    first_byte_timeout_s: {patience_s}
    answer_timeout_s: {patience_s}
  frontier:
    tier: complex
    url: {frontier}
    model: frontier-model
    capabilities: [tools, json_schema, images, files]
    credential: {{file: "{keys}/frontier.key", kind: anthropic}}
    price: {{input: 5.00, cached_input: 0.50, cache_write: 6.25, output: 25.00}}
    force: {{top_p: 0.5}}
    first_byte_timeout_s: {patience_s}
    answer_timeout_s: {patience_s}
  vectors:
    tier: simple
    url: {local}
    model: vector-model
    aliases: [text-embedding-3-small]
    apis: [embeddings]
    location: on_prem
    price: {{input: 0.01}}
models: {{pass_through: [mid-model], routed: [auto, "gpt-*", "claude-*"]}}
{residency}
sessions: {{timeout_s: 5}}
prices:
  gpt-4o: {{input: 2.50, cached_input: 1.25, output: 10.00}}
listener: {{port: {port}, admin_port: {admin_port}{listener}}}
processor:
  run_dir: "{run_dir}"
  workers: {workers}
  transport: {transport}
  on_failure: {on_failure}
  message_timeout_s: {decide_in_s}
  decision_timeout_s: {score_in_s}
  drain_s: 5
classifier: {{path: "{model}"}}
health: {{{health}}}
telemetry: {{metrics_address: "127.0.0.1:{metrics_port}", log: none, otlp_endpoint: "{otlp}", trace_share: 1}}
"""

# Media cannot be read. Tests of where they go let them go.
MEDIA = 'residency: {scan_timeout_s: 5, rules: {media: {kinds: ["unread:image", "unread:audio", "unread:file"], action: allow}}}'
KEYS = {"mid": "sk-of-mid", "frontier": "sk-of-frontier"}
CALLERS_KEY = "sk-of-the-caller"


@dataclass(frozen=True)
class Answer:
    """A whole answer as a plain HTTP client got it; `is_whole` is False where it was cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]

    def json(self) -> Any:
        return json.loads(self.body)


class Stack:
    """One gateway with its stand-ins. Everything a test asks is answered from outside: sockets, the store, Envoy's counters."""

    def __init__(self, gateway: Gateway, standins: Mapping[str, StandinThread], directory: Path) -> None:
        self.gateway = gateway
        self.standins = {name: thread.standin for name, thread in standins.items()}
        self.threads = standins
        self.directory = directory
        self.config_path = directory / "tiermesh.yaml"
        self.records: dict[str, list[Record]] = {}
        self.tls: ssl.SSLContext | None = None
        self._read_to = ""

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def port(self) -> int:
        return self.gateway.config.listener.port

    # ---- asking ----

    def openai(self, **settings: Any) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=CALLERS_KEY, max_retries=0, timeout=30, **settings)

    def anthropic(self, **settings: Any) -> Anthropic:
        return Anthropic(base_url=self.url, api_key=CALLERS_KEY, max_retries=0, timeout=30, **settings)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Answer:
        """Bytes go out as they are, a generator of bytes chunked, anything else as JSON."""
        content = body if isinstance(body, (bytes, Iterator)) or body is None else json.dumps(body).encode()
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)
            if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        )
        try:
            all_headers = {"content-type": "application/json", "authorization": f"Bearer {CALLERS_KEY}", **(headers or {})}
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it was read
                connection.request(method, path, content, all_headers, encode_chunked=isinstance(body, Iterator))
            answer = connection.getresponse()
            try:
                said, is_whole = answer.read(), True
            except http.client.IncompleteRead as cut:
                said, is_whole = cut.partial, False
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, said, is_whole)
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.post(path, None, headers, method="GET")

    def chat(self, ask: str = "an easy one", *, headers: Mapping[str, str] | None = None, **members: Any) -> Answer:
        return self.post("/v1/chat/completions", chat_body(ask, **members), headers)

    # ---- what happened ----

    def record(self, request_id: str) -> Record:
        """The record of a request, once it is there; fails when there are two."""
        until(lambda: self._read() or request_id in self.records, f"no record of {request_id}")
        (record,) = self.records[request_id]
        return record

    def count_records(self) -> int:
        self._read()
        return sum(map(len, self.records.values()))

    def arrivals(self, request_id: str) -> dict[str, list[Arrival]]:
        """What reached each stand-in of this request."""
        found = {
            name: [one for one in tuple(standin.arrivals) if one.headers.get("x-request-id") == request_id]
            for name, standin in self.standins.items()
        }
        return {name: arrivals for name, arrivals in found.items() if arrivals}

    def arrival(self, request_id: str) -> tuple[str, Arrival]:
        """Which stand-in was reached, and with what; fails when it was not exactly one, once."""
        ((name, (arrival,)),) = self.arrivals(request_id).items()
        return name, arrival

    def await_arrival(self, name: str, words: bytes) -> Arrival:
        """The first request with these words in its body, once it has reached the stand-in `name`."""
        found: list[Arrival] = []
        until(
            lambda: found or found.extend(one for one in tuple(self.standins[name].arrivals) if words in one.body),
            f"{words!r} did not arrive",
        )
        return found[0]

    def counter(self, pattern: str) -> int:
        """Envoy's counters whose names match, added up."""
        assert self.gateway.envoy is not None
        return sum(self.gateway.envoy.counters(pattern).values())

    def logs(self) -> Iterator[tuple[str, str]]:
        """The ends of all logs, without what Envoy says at every start."""
        for path in sorted(self.gateway.supervisor.run_dir.glob("*.log")):
            lines = [line for line in path.read_text(errors="replace").splitlines() if "work-in-progress" not in line]
            yield path.name, "\n".join(lines[-40:])

    def _read(self) -> bool:
        """Reads new records; always False, so that it can stand in front of an `or`."""
        records, self._read_to = asyncio.run(_read(store_url(self.gateway.config, self.gateway.supervisor.run_dir), self._read_to))
        for record in records:
            self.records.setdefault(record.request_id, []).append(record)
        return False


async def _read(url: str, since: str) -> tuple[list[Record], str]:
    records: list[Record] = []
    async with opened(url) as store:
        while True:
            found, since = await read_records(store, since)
            if not found:
                return records, since
            records += found


def until(claim: Any, complaint: str, patience_s: float = PATIENCE_S) -> None:
    """Returns once `claim()` holds."""
    deadline = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.03)


def chat_body(ask: str = "an easy one", **members: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": ask}], **members}


def counted(arrival: Arrival, name: str, behaviour: Behaviour | None = None) -> Tokens:
    """What the stand-in `name` counts for this request."""
    answer = canned.compose(json.loads(arrival.body), behaviour or Behaviour(), name=name, serial=0)
    completion = 0 if arrival.path.startswith("/v1/embeddings") else answer.completion_tokens
    return Tokens(answer.prompt_tokens, answer.behaviour.cached_tokens, 0, completion, answer.behaviour.reasoning_tokens)


@contextlib.contextmanager
def running(
    *,
    transport: str = "native",
    workers: int = 2,
    on_failure: str = "open",
    patience_s: float = 30,
    decide_in_s: float = 10,
    otlp: str = "",
    extra: str = "",
    listener: str = "",
    health: str = 'mode: "off"',
    residency: str = MEDIA,
    local: str = "",
) -> Iterator[Stack]:
    """A gateway on free ports, in a directory whose name is short enough for Unix sockets.

    `extra` is more of tiermesh.yaml, `listener` and `health` of those sections, `local` of that backend, in which LOCAL stands for
    its address. Backends are not left alone for failing: many tests make them fail on purpose. Decisions may take long, because
    the machine may be busy; a test of what happens beyond that sets `decide_in_s`.
    """
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="tm-dp-", dir="/tmp"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        standins = {name: stack.enter_context(StandinThread(Standin(name, kept=20_000))) for name in NAMES}
        for name, key in KEYS.items():
            (directory / f"{name}.key").write_text(key)
        text = CONFIG.format(
            **{name: standin.url for name, standin in standins.items()},
            keys=directory,
            port=free_port(),
            admin_port=free_port(),
            metrics_port=free_port(),
            run_dir=directory / "run",
            workers=workers,
            transport=transport,
            on_failure=on_failure,
            patience_s=patience_s,
            decide_in_s=decide_in_s,
            score_in_s=decide_in_s / 2,
            otlp=otlp,
            listener=listener,
            health=health,
            residency=residency,
            local_more="".join(f"\n    {line.replace('LOCAL', standins['local'].url)}" for line in local.splitlines()),
            model=write_model(directory / "model", SCORES),
        )
        (directory / "tiermesh.yaml").write_text(text + extra)
        gateway = stack.enter_context(Gateway(directory / "tiermesh.yaml", logs_to_files=True))
        yield Stack(gateway, standins, directory)
