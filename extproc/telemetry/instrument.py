"""The list of metrics: one row each, read by the Prometheus page, the OTLP export and the documentation alike.

Labels take only values that the configuration bounds: names of APIs, tiers and backends, models as configured, outcomes.
What callers may write freely, such as the model they ask for, never becomes a label.
"""

from __future__ import annotations

from dataclasses import dataclass

# Bounds recommended by the conventions for generative AI metrics.
_TOKEN_BOUNDS = tuple(float(4**exponent) for exponent in range(14))
_DURATION_BOUNDS = tuple(0.01 * 2**exponent for exponent in range(14))
_FIRST_TOKEN_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_DECISION_BOUNDS = (0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.15)
_SCORE_BOUNDS = tuple(tenth / 10 for tenth in range(1, 11))

_GENAI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
_MONEY = ("tier", "backend")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric. `page` names it on the Prometheus page (counters get `_total` there), `name` over OTLP."""

    page: str
    name: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()  # of a histogram's buckets; a counter has none

    @property
    def series(self) -> str:
        """What a query on the page asks for."""
        return self.page if self.bounds else self.page + "_total"


TOKEN_USAGE = Instrument(
    "gen_ai_client_token_usage",
    "gen_ai.client.token.usage",
    "{token}",
    "Tokens of a request, by type: input (cached ones included) or output (reasoning included).",
    (*_GENAI, "gen_ai_token_type"),
    _TOKEN_BOUNDS,
)
DURATION = Instrument(
    "gen_ai_client_operation_duration_seconds",
    "gen_ai.client.operation.duration",
    "s",
    "From the request's first byte to the answer's last.",
    (*_GENAI, "error_type"),
    _DURATION_BOUNDS,
)
FIRST_TOKEN = Instrument(
    "gen_ai_server_time_to_first_token_seconds",
    "gen_ai.server.time_to_first_token",
    "s",
    "From the request's first byte to the first byte of a streamed answer.",
    _GENAI,
    _FIRST_TOKEN_BOUNDS,
)
REQUESTS = Instrument(
    "tiermesh_requests", "tiermesh.requests", "{request}", "Requests that have ended.", ("api", "tier", "backend", "outcome")
)
DECISION = Instrument(
    "tiermesh_decision_seconds", "tiermesh.decision", "s", "Time from a request's whole body to the decision.", ("api",), _DECISION_BOUNDS
)
SCORE = Instrument("tiermesh_score", "tiermesh.score", "1", "Scores given: 0 trivial, 1 hardest.", (), _SCORE_BOUNDS)
TOKENS = Instrument(
    "tiermesh_tokens",
    "tiermesh.tokens",
    "{token}",
    "Tokens by backend and type: prompt, cached and cache_write (parts of prompt), completion, reasoning (part of completion).",
    ("backend", "type"),
)
COST = Instrument("tiermesh_cost_micro_usd", "tiermesh.cost", "{micro_usd}", "What the answers cost, in millionths of a US dollar.", _MONEY)
ASKED_COST = Instrument(
    "tiermesh_asked_cost_micro_usd", "tiermesh.asked_cost", "{micro_usd}", "What the models asked for would have cost.", _MONEY
)
SAVED = Instrument(
    "tiermesh_saved_micro_usd", "tiermesh.saved", "{micro_usd}", "Saved where the answer was cheaper than the model asked for.", _MONEY
)
EXTRA = Instrument(
    "tiermesh_extra_micro_usd",
    "tiermesh.extra",
    "{micro_usd}",
    "Paid on top where the answer was dearer; saved less this is the net.",
    _MONEY,
)
FAILOVERS = Instrument(
    "tiermesh_failovers", "tiermesh.failovers", "{failover}", "Requests moved to the next backend of their chain.", ("from", "to")
)
ESTIMATED = Instrument(
    "tiermesh_estimated", "tiermesh.estimated", "{request}", "Requests whose bill is an estimate, by reason.", ("api", "reason")
)
UNMANAGED = Instrument(
    "tiermesh_unmanaged", "tiermesh.unmanaged", "{request}", "Requests to an LLM API that were answered without a decision.", ("api",)
)
REFUSALS = Instrument(
    "tiermesh_refusals",
    "tiermesh.refusals",
    "{request}",
    "Requests refused here, by code.",
    ("code",),
)
LIMITED = Instrument(
    "tiermesh_limited",
    "tiermesh.limited",
    "{request}",
    "Requests that a limit touched, by what it did: refused, downgraded, or in shadow mode would_refuse, would_downgrade.",
    ("limit", "effect"),
)
THRESHOLDS = Instrument(
    "tiermesh_thresholds", "tiermesh.thresholds", "{event}", "Thresholds of limits that were reached, by percent.", ("limit", "percent")
)
RESIDENCY = Instrument(
    "tiermesh_residency",
    "tiermesh.residency",
    "{request}",
    "Requests in which something was found that may not leave, by what followed: allow, on_prem, block, spill.",
    ("action",),
)
SENSITIVE_KINDS = Instrument(
    "tiermesh_sensitive_kinds", "tiermesh.sensitive_kinds", "{request}", "Requests that carried a sensitive kind, by kind.", ("kind",)
)

INSTRUMENTS = (
    TOKEN_USAGE,
    DURATION,
    FIRST_TOKEN,
    REQUESTS,
    DECISION,
    SCORE,
    TOKENS,
    COST,
    ASKED_COST,
    SAVED,
    EXTRA,
    FAILOVERS,
    ESTIMATED,
    UNMANAGED,
    REFUSALS,
    LIMITED,
    THRESHOLDS,
    RESIDENCY,
    SENSITIVE_KINDS,
)

_CONVENTION_LABELS = {
    "gen_ai_operation_name": "gen_ai.operation.name",
    "gen_ai_provider_name": "gen_ai.provider.name",
    "gen_ai_request_model": "gen_ai.request.model",
    "gen_ai_token_type": "gen_ai.token.type",
    "error_type": "error.type",
}


def attribute(label: str) -> str:
    """The OTLP attribute that a label of the page stands for."""
    return _CONVENTION_LABELS.get(label, f"tiermesh.{label}")
