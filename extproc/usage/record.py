"""The record: everything there is to say about one request, without a word of its content.

Metrics, spans, log lines, the stream in the store and the bill are all made from it and from nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from extproc.usage import shape
from extproc.usage.token import Tokens


@dataclass(frozen=True, slots=True)
class Record:
    """One request. `kind` is "routed", "passed", "refused", or "unmanaged" when no decision came with it.

    `outcome` is one of
        ok          answered
        refused     answered by the gateway with an error, nothing was sent on
        failed      every backend tried failed, or the last one answered with an error
        aborted     the caller left before an answer began
        cut_off     the answer began and did not end
        lost        its end was never heard of: charged at the estimate
        unmanaged   an LLM API answered without a decision: the gateway failed open
    """

    request_id: str
    stream_id: str  # one for each request, even where callers repeat request IDs
    started_at: float  # seconds since the epoch
    kind: str
    outcome: str
    status: int  # 0: no response
    api: str = ""  # empty: a path that is no LLM API
    asked_model: str = ""
    scope: str = ""  # `organisation/department/team/app/user`, see extproc.scope
    source: str = ""  # how the caller was known: "mesh", "jwt", "key", "header", "default"
    caller: str = ""
    tier: str = ""
    score: float | None = None
    task: str = ""
    reasons: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()  # backends tried, in order
    backend: str | None = None  # the one that answered
    model: str = ""  # that backend's, as configured
    reported_model: str = ""  # as its answer named it
    response_id: str = ""  # as its answer named itself
    revision: str = ""
    location: str = ""  # "on_prem", "cloud" or empty
    is_stream: bool = False
    prompt_tokens: int = 0  # cached and cache_write included
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0  # reasoning included
    reasoning_tokens: int = 0
    is_estimated: bool = False
    estimate_reason: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    time_to_first_byte_s: float | None = None  # as the caller saw it; None: there was none
    duration_s: float = 0.0
    decided_at: float = 0.0  # seconds since the epoch; 0: never
    decision_us: int = 0
    flags: str = ""  # Envoy's response flags by their usual short names, with commas
    details: str = ""  # Envoy's word for where the response came from
    refusal: str = ""
    cost_micro_usd: int = 0  # failed_cost_micro_usd included
    asked_cost_micro_usd: int = 0  # of the model asked for, with the same tokens
    failed_cost_micro_usd: int = 0  # of attempts that were given up while a backend had the prompt; always an estimate
    failed_prompt_tokens: int = 0  # the prompts these are charged for
    policy_digest: str = ""
    traceparent: str = ""
    lease: str = ""  # of what was reserved for it; empty: no limit applied
    lease_sequence: int = 0  # 0: the store was not heard, and may have reserved nothing
    limit: str = ""  # that refused it, or sent it to a cheaper tier
    shadow_limits: tuple[str, ...] = ()  # that would have refused it (`name`) or downgraded it (`name:downgrade`), were they enforced
    residency: str = ""  # "allow", "on_prem", "block" or "spill", where anything was found that may not leave
    kinds: tuple[str, ...] = ()  # of it, with counts: `email:2`, `unread:image:1`
    residency_rules: tuple[str, ...] = ()  # that decided
    mode: str = ""  # of routing, where it is not `enforce`: "shadow", "canary", "off"
    would_tier: str = ""  # of a choice that was not followed
    would_backend: str = ""
    session: str = ""  # digest of the conversation

    @property
    def tokens(self) -> Tokens:
        """The counts, as prices want them."""
        return Tokens(self.prompt_tokens, self.cached_tokens, self.cache_write_tokens, self.completion_tokens, self.reasoning_tokens)

    @property
    def saved_micro_usd(self) -> int:
        """What was saved against the model asked for; negative when a dearer one answered."""
        return self.asked_cost_micro_usd - self.cost_micro_usd

    @property
    def last_backend(self) -> str:
        """The backend that answered, else the last one tried, else nothing."""
        return self.backend or (self.attempts[-1] if self.attempts else "")

    def to_json(self) -> dict[str, Any]:
        """Every field by its own name, and `saved_micro_usd`. The names are stable: log lines and the store's stream have them."""
        members = dict(zip(_NAMES, _values(self), strict=True))
        members["saved_micro_usd"] = self.saved_micro_usd
        return members

    def line(self) -> str:
        """`to_json` as compact ASCII JSON, without a line end."""
        return shape.COMPACT.encode(self.to_json())

    @staticmethod
    def from_json(members: Mapping[str, Any]) -> Record:
        """The record `to_json` was made of; unknown members are skipped. Raises ValueError when it is no record."""
        return Record(**shape.read(_MEMBERS, members))


_MEMBERS = shape.members_of(Record)
_NAMES = tuple(member.name for member in _MEMBERS)
_values = attrgetter(*_NAMES)
