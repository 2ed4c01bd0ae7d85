"""The `tiermesh.yaml` of the synthetic company: its models, and limits that count its requests and refuse none."""

from __future__ import annotations

import yaml

from extproc.bench.day.traffic import MODELS

SPENT, COUNTED, FLIGHT = "spent", "counted", "flight"

_MUCH = 1_000_000_000
_LIMITS = {
    SPENT: {"scope": "*", "of": "usd", "limit": _MUCH, "per": "day"},
    COUNTED: {"scope": "*", "of": "requests", "limit": _MUCH, "per": "day"},
    FLIGHT: {"scope": "*", "of": "in_flight", "limit": _MUCH},
    "team-month": {"scope": "*/*/*", "of": "usd", "limit": _MUCH, "per": "month"},
    "user-tokens": {"scope": "*/*/*/*/*", "of": "tokens", "limit": _MUCH, "per": "minute"},
}
_PATIENCE_S = 5  # the store is as busy as it can be, and nobody waits


def configuration(store_url: str, lines: int) -> str:
    """Its text; `lines` is `store.rollup_lines`, 0 for what that is by default."""
    backends = {
        model.backend: {
            "url": "http://127.0.0.1:9",
            "model": model.name,
            "tier": model.tier,
            "location": model.location,
            "price": {"input": model.price.input / 1e6, "cached_input": model.price.cached_input / 1e6, "output": model.price.output / 1e6},
        }
        for model in MODELS
    }
    store = {"url": store_url, **({"rollup_lines": lines} if lines else {})}
    document = {
        "version": 1,
        "backends": backends,
        "limits": _LIMITS,
        "admission": {"store_timeout_s": _PATIENCE_S},
        "store": store,
    }
    return yaml.safe_dump(document, sort_keys=False)
