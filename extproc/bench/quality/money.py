"""What requests would cost at each tier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extproc.bench.quality.resample import Floats
from extproc.config import Policy
from extproc.routing.fit import Demand
from extproc.usage import Tokens, cost_micro_usd


def costs(policy: Policy, demands: Sequence[Demand], output_tokens: int, at_s: float) -> Floats:
    """Micro-USD of each request at each tier's first backend, at the prices of that second; answers of `output_tokens` or what is asked."""
    prices = [tier.chain[0].tariff.at(at_s) for tier in policy.tiers]
    rows = [[float(cost_micro_usd(price, _tokens(demand, output_tokens))) for price in prices] for demand in demands]
    return np.array(rows, float).reshape(len(demands), len(prices))


def _tokens(demand: Demand, output_tokens: int) -> Tokens:
    asked = demand.max_output_tokens
    return Tokens(prompt=demand.prompt_tokens, completion=output_tokens if asked is None else min(output_tokens, asked))
