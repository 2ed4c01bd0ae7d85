"""What the watch over backends reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saturation:
    """When one vLLM server is full. It has room again below `waiting_low` and `kv_cache_low`."""

    metrics_url: str
    ca_file: str  # for https
    waiting: float
    waiting_low: float
    kv_cache: float
    kv_cache_low: float
    readings_full: int
    readings_free: int
    every_s: float
    stale_s: float
    is_full_unread: bool


@dataclass(frozen=True, slots=True)
class Health:
    """When a backend that fails is left alone, and how long."""

    is_enforced: bool = True
    error_share: float = 0.5
    min_requests: int = 10
    window_s: float = 30.0
    failures_in_a_row: int = 5
    rest_s: float = 5.0
    longest_rest_s: float = 120.0
