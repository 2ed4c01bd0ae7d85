"""The `tiermesh.yaml` of the experiment: three stand-ins, identity by header, limits that few requests reach, short leases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

ORGANISATION = "acme"
HASTY = "hasty"  # the app that asks for more than it may
SPENT, FLIGHT = "spent", "flight"

Policy = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class Model:
    """A stand-in's name, its tier, and its price in micro-USD per million tokens."""

    name: str
    tier: str
    input: int
    output: int


MODELS = (
    Model("small", "simple", 100_000, 400_000),
    Model("medium", "standard", 600_000, 2_400_000),
    Model("large", "complex", 3_000_000, 15_000_000),
)

_HEADERS = {"organisation": "x-org", "department": "x-department", "team": "x-team", "app": "x-app", "user": "x-user"}
_HASTY_PER_S = 2
_LIMITS: dict[str, dict[str, Any]] = {
    SPENT: {"scope": "*", "of": "usd", "limit": 1_000_000, "per": "day"},
    FLIGHT: {"scope": "*", "of": "in_flight", "limit": 10_000},
    "team": {"scope": "*/*/*", "of": "tokens", "limit": 1_000_000_000, "per": "minute"},
    "user": {"scope": "*/*/*/*/*", "of": "usd", "limit": 10_000, "per": "hour"},
    "pace": {"scope": f"*/*/*/{HASTY}", "of": "requests", "limit": _HASTY_PER_S, "per": "second"},
}
_RECORDS_KEPT = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is: the stand-ins by name, the store (or `embedded`), the workers' directory, the port of their metrics."""

    urls: Mapping[str, str]
    store_url: str
    run_dir: Path
    metrics_port: int


def configuration(place: Place, policy: Policy, lease_s: float) -> str:
    """Its text."""
    backends = {
        model.name: {
            "url": place.urls[model.name],
            "model": model.name,
            "tier": model.tier,
            "location": "on_prem",
            "price": {"input": model.input / 1e6, "output": model.output / 1e6},
        }
        for model in MODELS
    }
    document = {
        "version": 1,
        "backends": backends,
        "identity": {"sources": ["header"], "headers": _HEADERS, "trusted_peers": ["any"]},
        "limits": _LIMITS,
        "admission": {"when_store_is_away": policy, "lease_s": lease_s},
        "processor": {"run_dir": str(place.run_dir), "workers": 2},
        "telemetry": {"log": "none", "metrics_address": f"127.0.0.1:{place.metrics_port}"},
        "store": {"url": place.store_url, "records_kept": _RECORDS_KEPT},
    }
    return yaml.safe_dump(document, sort_keys=False)
