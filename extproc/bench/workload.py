"""What the load player sends."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from extproc.testing.load import request_bytes

PATH = "/v1/chat/completions"
MODEL = "auto"
_CHARS_PER_TOKEN = 4
_VARIANTS_BYTES = 2_000_000  # of different bodies in all, so that nothing measured is one remembered prompt
_MOST_VARIANTS = 64
_SYSTEM = "You are a careful assistant. Answer in a few plain sentences and say so when you are not sure."
_VOCABULARY = """
the of and to in is that for it with as was on be at by this from or which have an they one you were all her she there would
their we him been has when who will no more if out so said what up its about into than them can only other new some could time
these two may then do first any my now such like our over man me even most made after also did many before must through back
years where much your way well down should because each just those people how too little state good very make world still own
see men work long get here between both life being under never day same another know while last might us great old year off
explain compare function database harbour winter price engine letter protocol garden message theory court orbit recipe contract
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """Chat requests of `prompt_tokens` (four characters each) from `clients`; `chunks` make the answer a stream."""

    prompt_tokens: int
    clients: int
    chunks: int = 0
    asks_usage: bool = True  # of streams: without, the gateway has to take the usage out again

    @property
    def name(self) -> str:
        """Its name in reports, such as `1000 tokens x 32` or `stream of 200 x 1`."""
        if not self.chunks:
            return f"{self.prompt_tokens} tokens x {self.clients}"
        return f"stream of {self.chunks} x {self.clients}{'' if self.asks_usage else ', usage hidden'}"


def requests(workload: Workload, headers: Mapping[str, str] | None = None) -> list[bytes]:
    """Whole HTTP requests, all different, the same in every run. `headers` are sent with each."""
    body_bytes = workload.prompt_tokens * _CHARS_PER_TOKEN
    count = max(8, min(_MOST_VARIANTS, _VARIANTS_BYTES // body_bytes))
    chance = random.Random(workload.prompt_tokens)  # noqa: S311 - for text, not for secrets
    return [_request(workload, _text(chance, body_bytes - len(_SYSTEM)), headers or {}) for _ in range(count)]


def _request(workload: Workload, prompt: str, extra: Mapping[str, str]) -> bytes:
    body: dict[str, object] = {
        "model": MODEL,
        "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": prompt}],
        "temperature": 0.2,
    }
    headers = {"authorization": "Bearer bench", "user-agent": "tiermesh-bench", **extra}
    if workload.chunks:
        body["stream"] = True
        headers["x-tokens"] = str(workload.chunks)
        if workload.asks_usage:
            body["stream_options"] = {"include_usage": True}
    return request_bytes(PATH, json.dumps(body).encode(), headers=headers)


def _text(chance: random.Random, chars: int) -> str:
    vocabulary, words = _VOCABULARY.split(), list[str]()
    left = max(chars, 1)
    while left >= 0:
        words.append(chance.choice(vocabulary))
        left -= len(words[-1]) + 1
    return " ".join(words)[: max(chars, 1)]
