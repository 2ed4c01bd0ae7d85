"""A company that does not exist, and what its apps would have spent: rollups made from a seed, the same every time."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import Any

from extproc.scope import parse
from extproc.usage import Record
from extproc.usage.rollup import ORGANISATIONS_KEY, Line, Sums, entry_of, field_of, hour_key, value_of

Rollup = dict[tuple[str, int], dict[str, Sums]]  # by organisation and hour, then by field

HOUR_S = 3600
NOVEMBER = 1_793_491_200 // HOUR_S  # 2026-11-01, UTC, a Sunday

# Department, team, app, its users, requests in a busy hour, share of each tier.
_APPS = (
    ("retail", "search", "indexer", ("",), 240.0, (0.85, 0.13, 0.02)),
    ("retail", "search", "assistant", ("alice", "bob"), 90.0, (0.45, 0.35, 0.20)),
    ("retail", "checkout", "fraud-notes", ("",), 60.0, (0.70, 0.25, 0.05)),
    ("ops", "sre", "oncall", ("chen", "dana"), 25.0, (0.20, 0.40, 0.40)),
    ("ops", "", "scripts", ("",), 8.0, (0.60, 0.30, 0.10)),
)
# Tier, backend, model, location, micro-USD for a prompt token and for one of the answer.
_TIERS = (
    ("simple", "local", "qwen3-4b", "on_prem", 0.03, 0.06),
    ("standard", "mid", "gpt-5-mini", "cloud", 0.25, 2.0),
    ("complex", "frontier", "claude-sonnet-4-5", "cloud", 3.0, 15.0),
)
_ASKED = ("gpt-5", 1.25, 10.0)
_WEEK = (1.15, 1.2, 1.2, 1.15, 1.0, 0.35, 0.25)  # Monday first


def rollups(hours: Iterable[int], *, seed: int = 7, growth: float = 0.004) -> Rollup:
    """What the company's apps did in these hours. It grows by a part of itself every day."""
    chance = random.Random(seed)
    return {("acme", hour): _hour(hour, chance, growth) for hour in hours}


def rollup_of(records: Iterable[Record]) -> Rollup:
    """What these records come to in the store."""
    rollup: Rollup = {}
    for record in records:
        hour, field, _, numbers = entry_of(record)
        lines = rollup.setdefault((parse(record.scope)[0], hour), {})
        lines[field] = lines.get(field, Sums()) + Sums(*numbers)
    return rollup


def fill(client: Any, rollup: Rollup) -> None:
    """Write them into a store, with a client that waits for it."""
    pipeline = client.pipeline(transaction=False)
    for (organisation, hour), lines in rollup.items():
        pipeline.sadd(ORGANISATIONS_KEY, organisation or "-")
        pipeline.hset(hour_key(organisation, hour), mapping={field: value_of(sums) for field, sums in lines.items()})
    pipeline.execute()


def _hour(hour: int, chance: random.Random, growth: float) -> dict[str, Sums]:
    day, of_day = divmod(hour, 24)
    busy = _WEEK[(day + 3) % 7] * (0.15 + 0.85 * max(0.0, math.sin((of_day - 5) / 15 * math.pi))) * (1 + growth) ** (day - NOVEMBER // 24)
    lines: dict[str, Sums] = {}
    for department, team, app, users, requests, shares in _APPS:
        for user in users:
            for (tier, backend, model, location, *prices), share in zip(_TIERS, shares, strict=True):
                count = round(requests * busy * share / len(users) * chance.lognormvariate(0, 0.35))
                if count:
                    line = Line(department, team, app, user, _ASKED[0], model, tier, backend, location, "qa", "chat")
                    lines[field_of(line)] = _sums(count, prices, chance)
    return lines


def _sums(requests: int, prices: list[float], chance: random.Random) -> Sums:
    prompt, completion = requests * chance.randint(700, 1100), requests * chance.randint(180, 320)
    cost = round(prompt * prices[0] + completion * prices[1])
    estimated = sum(chance.random() < 0.02 for _ in range(min(requests, 50)))
    failed = sum(chance.random() < 0.004 for _ in range(min(requests, 50)))
    return Sums(
        requests=requests,
        failures=failed,
        refusals=sum(chance.random() < 0.002 for _ in range(min(requests, 50))),
        estimated=estimated,
        prompt_tokens=prompt,
        cached_tokens=round(prompt * 0.3),
        completion_tokens=completion,
        cost_micro_usd=cost,
        asked_cost_micro_usd=round(prompt * _ASKED[1] + completion * _ASKED[2]),
        failed_cost_micro_usd=round(failed * cost / requests),
        estimated_cost_micro_usd=round(estimated * cost / requests),
    )
