"""The gateway that the sessions are played through: three tiers, one backend each, and a policy for each way of choosing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from extproc.config import Policy, compile_config
from extproc.config.types import Config

TIERS = ("simple", "standard", "complex")
UP_TO = (0.35, 0.70)
MODEL = "auto"


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens of a tier: read, read from the provider's cache, written."""

    input: float
    cached_input: float
    output: float


# A model of our own on a GPU that is half busy; list prices of a small and of the largest model of one vendor.
LISTED = {"simple": Prices(0.1, 0.1, 0.4), "standard": Prices(1, 0.1, 5), "complex": Prices(5, 0.5, 25)}
_APIS = ["chat", "messages", "responses"]
_CONTEXT_TOKENS = {"simple": 96_000, "standard": 200_000, "complex": 400_000}


def policy(prices: dict[str, Prices], **routing: Any) -> Policy:
    """The policy with these prices by tier, and with `routing` as in tiermesh.yaml."""
    backends = {
        tier: {
            "url": "http://127.0.0.1:9",
            "tier": tier,
            "model": f"model-{tier}",
            "location": "on_prem" if tier == "simple" else "cloud",
            "apis": _APIS,
            "context_tokens": _CONTEXT_TOKENS[tier],
            "capabilities": ["tools"],
            "price": {"input": price.input, "cached_input": price.cached_input, "output": price.output},
        }
        for tier, price in prices.items()
    }
    document = {"version": 1, "backends": backends, "residency": {"mode": "off"}, "routing": routing}
    return compile_config(Config.model_validate(document))


def pinned_to(tier: str) -> dict[str, Any]:
    """`routing` that sends everything to one tier."""
    return {"rules": {f"all-{tier}": {"tier": tier}}}
