"""Requests some of whose attempts failed, and what they are charged: a table of `test_entry`."""

from __future__ import annotations

from tests.usage.rows import CHAT_USAGE, Row

ATTEMPT_ROWS = (
    Row(
        "an attempt that was given up is paid for its prompt, as the answer counted it",
        {"is_stream": True},
        CHAT_USAGE,
        {"cluster": "backend.mid", "tries": 2, "attempts_s": (20.02,), "duration_s": 21.5},
        {
            "outcome": "ok",
            "attempts": ("local", "mid"),
            "prompt_tokens": 100,
            "is_estimated": False,
            "failed_cost_micro_usd": 100,
            "failed_prompt_tokens": 100,
            "cost_micro_usd": 1800 + 100,
            "asked_cost_micro_usd": 18_007,
            "saved_micro_usd": 18_007 - 1900,
        },
    ),
    Row(
        "two attempts were given up, each at its own price, and the answer counted nothing",
        {"is_stream": True, "max_output_tokens": 1},
        None,
        {"cluster": "backend.frontier", "tries": 3, "attempts_s": (20.01, 40.05), "duration_s": 41.0},
        {
            "outcome": "ok",
            "is_estimated": True,
            "estimate_reason": "no_usage",
            "failed_cost_micro_usd": 90 + 900,
            "failed_prompt_tokens": 180,
            "cost_micro_usd": 9000 + 200 + 7 + 990,
        },
    ),
    Row(
        "an attempt that failed fast is free",
        {"is_stream": True},
        CHAT_USAGE,
        {"cluster": "backend.mid", "tries": 2, "attempts_s": (19.9,), "duration_s": 21.0},
        {"failed_cost_micro_usd": 0, "failed_prompt_tokens": 0, "cost_micro_usd": 1800},
    ),
    Row(
        "an answer in one piece may take longer, so as long an attempt was not given up",
        {},
        CHAT_USAGE,
        {"cluster": "backend.mid", "tries": 2, "attempts_s": (20.02,), "duration_s": 21.5},
        {"failed_cost_micro_usd": 0, "cost_micro_usd": 1800},
    ),
    Row(
        "only the attempt that was given up is charged",
        {"is_stream": True},
        CHAT_USAGE,
        {"cluster": "backend.frontier", "tries": 3, "attempts_s": (0.1, 20.1), "duration_s": 21.5},
        {"failed_cost_micro_usd": 1000, "failed_prompt_tokens": 100},
    ),
    Row(
        "every attempt was given up",
        {"is_stream": True, "chain": ("local", "mid")},
        None,
        {
            "status": 504,
            "cluster": "backend.mid",
            "tries": 2,
            "attempts_s": (20.01,),
            "duration_s": 40.03,
            "flags": ("upstream_request_timeout",),
        },
        {
            "outcome": "failed",
            "backend": None,
            "prompt_tokens": 0,
            "is_estimated": False,
            "failed_cost_micro_usd": 90 + 900,
            "failed_prompt_tokens": 180,
            "cost_micro_usd": 990,
            "asked_cost_micro_usd": 0,
            "saved_micro_usd": -990,
        },
    ),
    Row(
        "the caller left during the second attempt",
        {"is_stream": True, "chain": ("local", "mid")},
        None,
        {
            "status": 0,
            "cluster": "backend.mid",
            "tries": 2,
            "attempts_s": (20.01,),
            "duration_s": 45.0,
            "flags": ("downstream_remote_reset",),
            "response_bytes": 0,
        },
        {
            "outcome": "aborted",
            "estimate_reason": "aborted",
            "prompt_tokens": 90,
            "failed_cost_micro_usd": 90,
            "cost_micro_usd": 900 + 90,
        },
    ),
    Row(
        "embeddings that were given up once are on the bill too",
        {"api": "embeddings", "kind": "passed", "score": None, "chain": ("local", "mid")},
        {"prompt_tokens": 8, "total_tokens": 8},
        {"path": "/v1/embeddings", "cluster": "backend.mid", "tries": 2, "attempts_s": (600.01,), "duration_s": 600.5},
        {"prompt_tokens": 8, "failed_cost_micro_usd": 8, "failed_prompt_tokens": 8, "cost_micro_usd": 80 + 8},
    ),
    Row(
        "nobody knows how long an attempt lasted whose successor no worker saw",
        {"is_stream": True},
        CHAT_USAGE,
        {"cluster": "backend.mid", "tries": 2, "duration_s": 30.0},
        {"failed_cost_micro_usd": 0, "cost_micro_usd": 1800},
    ),
)
