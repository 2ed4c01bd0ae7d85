"""What the request path reads: a `Config` worked out once into flat tables.

Built whole by `compile_config` and never changed; a reload builds a new one and swaps the reference, so a request keeps
the one it began with. `digest` names it on every record.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from urllib.parse import urlsplit

from extproc.config.compiled_health import Health, Saturation
from extproc.config.compiled_identity import Access, Identity
from extproc.config.compiled_residency import Audited, Residency, Sessions
from extproc.config.compiled_routing import Routing
from extproc.config.limits import Measure, Per
from extproc.config.section import Api, Capability
from extproc.pricebook import Tariff


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
    tariff: Tariff
    force: tuple[tuple[str, str], ...]  # parameter, its JSON text
    revision: str
    base_path: str  # "" or "/prefix"
    first_byte_timeout_s: float
    answer_timeout_s: float
    saturation: Saturation | None = None
    weight: int = 1

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
    prefer: str = "order"  # which of its own backends is tried first: "order", "price", "latency" or "weight"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it is counted. `amount` and `burst` are whole: micro-USD, requests or tokens."""

    name: str
    pattern: tuple[str, ...]
    of: Measure
    amount: int
    per: Per | None
    burst: int
    timezone: str
    is_enforced: bool
    thresholds: tuple[int, ...]
    downgrade_at: int  # percent; 0: never
    downgrade_rank: int  # the most capable tier that is left


@dataclass(frozen=True, slots=True)
class Admission:
    """How requests are held to limits."""

    is_open: bool  # whether requests are served while the store is away
    blind_percent: int
    store_timeout_s: float
    lease_s: float
    output_tokens: int


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
    prices: dict[str, Tariff]  # of models by name: the price book's, with the configured ones in their place
    limits: tuple[Limit, ...]  # those that are not off
    admission: Admission
    identity: Identity
    access: Access
    routing: Routing
    residency: Residency
    sessions: Sessions
    audited: Audited
    health: Health
    default_score: float
    decision_timeout_s: float
    max_body_bytes: int


def chains_of(policy: Policy) -> tuple[tuple[Backend, ...], ...]:
    """Every chain a request may be given, each once, in a stable order; longest first.

    Members are left out (API, context, capability, location, health), and one of the tier's own may be moved to the front (the
    conversation is there, or it is preferred). So a chain of four with two of its own has at most 22.
    """
    found: dict[str, tuple[Backend, ...]] = {}
    for whole, tier in (*((tier.chain, tier.name) for tier in policy.tiers), (policy.safe, "")):
        for size in range(len(whole), 0, -1):
            for part in combinations(whole, size):
                found.setdefault(chain_name(part), part)
                for first in part[1:]:
                    if first.tier == tier:
                        moved = (first, *(backend for backend in part if backend is not first))
                        found.setdefault(chain_name(moved), moved)
    for backend in policy.backends.values():
        found.setdefault(backend.name, (backend,))
    return tuple(found.values())
