"""Records as `usage` makes them, and an OTLP receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extproc.testing.otlp import OtlpReceiver
from extproc.usage import Record


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    """The record of a streamed chat request that its first backend answered; keywords replace fields."""

    def build(**fields: Any) -> Record:
        usual: dict[str, Any] = {
            "request_id": "req-1",
            "stream_id": "stream-1",
            "started_at": 1_700_000_000.25,
            "kind": "routed",
            "outcome": "ok",
            "status": 200,
            "api": "chat",
            "asked_model": "auto",
            "caller": "key-abc",
            "tier": "simple",
            "score": 0.2,
            "task": "code",
            "reasons": ("score<=0.35",),
            "chain": ("local", "mid"),
            "attempts": ("local",),
            "backend": "local",
            "model": "local-model",
            "reported_model": "local-model-2024",
            "revision": "abc123",
            "location": "on_prem",
            "is_stream": True,
            "prompt_tokens": 100,
            "cached_tokens": 60,
            "completion_tokens": 40,
            "reasoning_tokens": 8,
            "time_to_first_byte_s": 0.12,
            "duration_s": 1.5,
            "decided_at": 1_700_000_000.5,
            "decision_us": 350,
            "details": "via_upstream",
            "cost_micro_usd": 180,
            "asked_cost_micro_usd": 18_000,
            "policy_digest": "0123456789ab",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        }
        return Record(**{**usual, **fields})

    return build


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """An OTLP receiver that listens."""
    with OtlpReceiver() as running:
        yield running
