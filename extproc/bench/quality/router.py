"""What the gateway makes of a request, without a gateway: the verdict on it, and the tier that is wanted for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from extproc import dialects, viewing
from extproc.bench.quality.tiered import Tiered
from extproc.classify import Verdict
from extproc.classify.window import Readable
from extproc.clock import Clock
from extproc.config import Policy
from extproc.dialects import Refusal, Request
from extproc.exchange import Head
from extproc.identity import ANYBODY
from extproc.routing import PLAIN
from extproc.routing.fit import Demand
from extproc.routing.want import by_score, wanted
from extproc.shaping import Asked, Findings


class Scorer(Protocol):
    """A classifier, for requests that come from no wire too."""

    def classify(self, request: Readable) -> Verdict:
        """How hard the request is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A row that was read. `by_score` is the rank that its score alone asks for, `wanted` the one that the gateway wants."""

    row: Tiered
    request: Request
    demand: Demand
    verdict: Verdict
    by_score: int
    wanted: int
    us: float  # from the body's text to the tier


@dataclass(frozen=True, slots=True)
class Router:
    """A policy and its model. Rules, access and the past of conversations are left out: the set knows none of them."""

    policy: Policy
    scorer: Scorer
    clock: Clock

    def judge(self, row: Tiered) -> Judged | Refusal:
        """What becomes of a row, or the refusal of a body that cannot be read."""
        started = self.clock.monotonic()
        request = dialects.parse(row.api, row.body, max_body_bytes=self.policy.max_body_bytes)
        if isinstance(request, Refusal):
            return request
        verdict = self.scorer.classify(request)
        demand = Demand(request.api, request.needs, dialects.estimate_tokens(request), request.max_output_tokens)
        asked = Asked(_HEAD, ANYBODY, request, Findings(verdict, demand), len(row.body), started)
        view = viewing.view_of(self.policy, asked, 0.0)
        rank = wanted(self.policy, demand, verdict.score, view).rank
        us = (self.clock.monotonic() - started) * 1e6
        return Judged(row, request, demand, verdict, self.rank_of(verdict.score), rank, us)

    def rank_of(self, score: float) -> int:
        """The rank that a score alone asks for."""
        return by_score(self.policy, score, PLAIN)[0]


_HEAD = Head("POST", "/v1/chat/completions", {}, has_body=True)
