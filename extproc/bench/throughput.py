"""How many tokens a second a server of OpenAI's API reads, and how many it writes, when it is kept busy.

Reading is measured with long prompts and answers of one token, writing with short prompts and long answers; the counts are
the server's own. No two prompts begin alike, so that none is read from a cache. Clients are threads that each send the next
request when they have their answer, as many as the server shall have in flight.
"""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from extproc.errors import StartError

_PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}
_WORDS = "The ledger of the harbour lists every ship that came in, what she carried, who paid for it and when she left again. "
_PROMPT_SENTENCES = 80  # some 2,000 tokens
_ASK = "Tell a long story about a harbour and the ships that come and go. Do not stop early."
_ANSWER_TOKENS = 256
_WARM_UP = 0.1  # of the time; answers fill the server's batch first
_ANSWER_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Server:
    """What is measured. `key` is sent as a bearer token where it is not empty."""

    url: str
    model: str
    api: str = "chat"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer: when it was asked for and had, in seconds of one clock, and what the server counted."""

    began_s: float
    ended_s: float
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, from this many answers; `failures` got none, `trouble` says why the last of them did not."""

    tokens_per_s: float
    answers: int
    failures: int
    trouble: str = ""


def tokens_per_s(answers: Iterable[Answer], tokens: Callable[[Answer], int], since_s: float, until_s: float) -> float:
    """Tokens a second between two moments; those of an answer are spread evenly over the time it took."""
    within = 0.0
    for answer in answers:
        lasted = answer.ended_s - answer.began_s
        shared = min(answer.ended_s, until_s) - max(answer.began_s, since_s)
        if shared > 0 and lasted > 0:
            within += tokens(answer) * shared / lasted
    return within / (until_s - since_s)


def measure_reading(server: Server, *, seconds: float, concurrency: int, tick: Callable[[], object] = lambda: None) -> Rate:
    """Prompt tokens a second. Raises StartError when the server does not answer as it should. `tick` is called at each answer."""
    answered = _Crew(server, _long_prompt, 1, tick).work(seconds, concurrency)
    return answered.rate(lambda answer: answer.prompt_tokens, seconds)


def measure_writing(server: Server, *, seconds: float, concurrency: int, tick: Callable[[], object] = lambda: None) -> Rate:
    """Completion tokens a second; the rest as for `measure_reading`."""
    answered = _Crew(server, _short_prompt, _ANSWER_TOKENS, tick).work(seconds, concurrency)
    return answered.rate(lambda answer: answer.completion_tokens, seconds)


def _long_prompt() -> str:
    return f"{uuid.uuid4()} {_WORDS * _PROMPT_SENTENCES}"


def _short_prompt() -> str:
    return f"{uuid.uuid4()} {_ASK}"


class _Crew:
    """Threads that ask one server, and what they were told."""

    def __init__(self, server: Server, prompt: Callable[[], str], max_tokens: int, tick: Callable[[], object]) -> None:
        self._server = server
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._tick = tick
        self._lock = threading.Lock()
        self._answers: list[Answer] = []
        self._failures = 0
        self._trouble = ""
        self._began_s = 0.0

    def work(self, seconds: float, concurrency: int) -> _Crew:
        """Asks for `seconds`, then waits for what is under way. Raises StartError when a first request alone fails already."""
        connection = _connect(self._server)
        try:
            self._ask(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise StartError(f"{self._server.url} does not answer as an OpenAI-compatible server should: {_why(error)}") from error
        finally:
            connection.close()
        self._began_s = monotonic()
        with ThreadPoolExecutor(concurrency) as pool:
            for client in [pool.submit(self._client, self._began_s + seconds) for _ in range(concurrency)]:
                client.result()
        return self

    def rate(self, tokens: Callable[[Answer], int], seconds: float) -> Rate:
        """What came of it, without the warm-up."""
        since_s, until_s = self._began_s + _WARM_UP * seconds, self._began_s + seconds
        return Rate(tokens_per_s(self._answers, tokens, since_s, until_s), len(self._answers), self._failures, self._trouble)

    def _client(self, until_s: float) -> None:
        connection = _connect(self._server)
        try:
            while monotonic() < until_s:
                try:
                    answer = self._ask(connection)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    connection.close()  # it opens again with the next request
                    with self._lock:
                        self._failures, self._trouble = self._failures + 1, _why(error)
                    threading.Event().wait(0.1)
                    continue
                with self._lock:
                    self._answers.append(answer)
                    self._tick()
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> Answer:
        path = urlsplit(self._server.url).path.rstrip("/").removesuffix("/v1") + _PATHS[self._server.api]
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self._server.key}"} if self._server.key else {})
        began_s = monotonic()
        connection.request("POST", path, json.dumps(self._body()), headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise ValueError(f"status {response.status}, {text[:200].decode(errors='replace')}")
        return _answer(json.loads(text), began_s, monotonic())

    def _body(self) -> dict[str, Any]:
        prompt = self._prompt()
        asked = {"prompt": prompt} if self._server.api == "completions" else {"messages": [{"role": "user", "content": prompt}]}
        return {"model": self._server.model, "max_tokens": self._max_tokens, **asked}


def _connect(server: Server) -> http.client.HTTPConnection:
    parts = urlsplit(server.url)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return made(parts.hostname or "", parts.port, timeout=_ANSWER_TIMEOUT_S)


def _answer(document: Any, began_s: float, ended_s: float) -> Answer:
    usage = document.get("usage") if isinstance(document, dict) else None
    if not isinstance(usage, dict) or not isinstance(usage.get("prompt_tokens"), int):
        raise ValueError("the answer does not say how many tokens it took (`usage`)")
    details = usage.get("prompt_tokens_details") or {}
    read = max(0, usage["prompt_tokens"] - (details.get("cached_tokens") or 0))
    return Answer(began_s, ended_s, read, usage.get("completion_tokens") or 0)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
