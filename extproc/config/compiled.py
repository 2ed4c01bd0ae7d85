"""What the request path reads: a `Config` worked out once into flat tables.

Built whole by `compile_config` and never changed; a reload builds a new one and swaps the reference, so a request keeps
the one it began with. `digest` names it on every record.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from extproc.config.types import Api, Capability


@dataclass(frozen=True, slots=True)
class Price:
    """Integer micro-USD per million tokens (`request`: micro-USD per request)."""

    input: int
    output: int
    cached_input: int
    cache_write: int
    reasoning: int
    request: int


@dataclass(frozen=True, slots=True)
class Backend:
    """One model at one address, as the choice sees it."""

    name: str
    tier: str
    tier_rank: int
    model: str
    names: frozenset[str]  # the model and its aliases
    apis: frozenset[Api]
    capabilities: frozenset[Capability]
    is_on_prem: bool
    context_tokens: int
    price: Price
    force: tuple[tuple[str, str], ...]  # parameter, its JSON text
    revision: str
    base_path: str  # "" or "/prefix"
    first_byte_timeout_s: float
    answer_timeout_s: float

    @property
    def cluster(self) -> str:
        """The Envoy cluster of this backend alone."""
        return f"backend.{self.name}"


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of the ladder: scores up to `up_to` belong here, `chain` is tried in order."""

    name: str
    up_to: float
    chain: tuple[Backend, ...]


def chain_name(backends: tuple[Backend, ...]) -> str:
    """The name of the composite cluster, and our routing header's value, for exactly these backends in this order."""
    return "+".join(backend.name for backend in backends)


def base_path(url: str) -> str:
    """The path prefix of a backend's URL: "" or "/prefix"."""
    return urlsplit(url).path.rstrip("/")


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the decision needs, resolved. `digest` is a 12-digit hex prefix of the configuration's sha256."""

    digest: str
    backends: dict[str, Backend]
    tiers: tuple[Tier, ...]  # cheap to capable, never empty
    safe: tuple[Backend, ...]  # on-premises backends in fallback order; empty only when there are none
    other_paths: Backend
    baseline: Backend
    pass_through: tuple[str, ...]  # globs of requested names
    routed: tuple[str, ...]
    listed: tuple[str, ...]  # what /v1/models answers, sorted, without duplicates
    prices: dict[str, Price]  # of requested names that are no backend
    caller_header: str
    default_score: float
    decision_timeout_s: float
    max_body_bytes: int
