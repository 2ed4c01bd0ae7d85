"""What the stand-ins really served, by their own count: what everything else is held against."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from extproc.bench.faults.configuration import Model
from extproc.testing import Arrival, Behaviour
from extproc.testing.answers import canned
from extproc.testing.behaviour import from_headers

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Served:
    """One request that reached a backend."""

    tag: str
    request_id: str
    backend: str
    prompt_tokens: int
    completion_tokens: int
    cost_micro_usd: int


def served(arrivals: Iterable[Arrival], model: Model) -> list[Served]:
    """Everything that arrived at the stand-in of `model`."""
    return [_served(arrival, model) for arrival in arrivals if arrival.method == "POST"]


def _served(arrival: Arrival, model: Model) -> Served:
    asked = json.loads(arrival.body)
    behaviour = from_headers(arrival.headers, name=model.name, default=Behaviour())
    answer = canned.compose(asked, behaviour, name=model.name, serial=0)
    millionths = answer.prompt_tokens * model.input + answer.completion_tokens * model.output
    return Served(
        tag=str(asked.get("user", "")),
        request_id=arrival.headers.get("x-request-id", ""),
        backend=model.name,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cost_micro_usd=(millionths + _MILLION // 2) // _MILLION,
    )
