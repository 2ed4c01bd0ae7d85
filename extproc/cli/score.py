"""`tiermesh score`."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from extproc import dialects
from extproc.classify import Verdict
from extproc.cli.local_pipeline import pipeline_of
from extproc.config import Api, Policy
from extproc.dialects import Refusal
from extproc.errors import StartError
from extproc.pipeline import Pipeline


def run(args: argparse.Namespace) -> int:
    """0 when every row was scored, 1 when some could not be; those carry an `error` instead of a score."""
    pipeline = pipeline_of(args.config)
    is_clean = True
    for number, line in _lines(args.file):
        scored = _score(pipeline, line, number)
        is_clean = is_clean and "error" not in scored
        print(json.dumps(scored))
    return 0 if is_clean else 1


def _lines(name: str) -> Iterator[tuple[int, str]]:
    try:
        with _source(name) as source:
            yield from ((number, line) for number, line in enumerate(source, 1) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{name} cannot be read: {error}") from error


def _source(name: str) -> TextIO:
    if name == "-":
        return sys.stdin
    return gzip.open(name, "rt", encoding="utf-8") if name.endswith(".gz") else Path(name).open(encoding="utf-8")


def _score(pipeline: Pipeline, line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {"id": None, "error": f"line {number} is not JSON"}
    if not isinstance(row, dict) or not ("prompt" in row or "body" in row):
        return {"id": None, "error": f"line {number} has neither prompt nor body"}
    try:
        api, body = _request_of(row)
    except ValueError as error:
        return {"id": row.get("id"), "error": str(error)}
    started = time.perf_counter()
    request = dialects.parse(api, body, max_body_bytes=pipeline.policy.max_body_bytes)
    if isinstance(request, Refusal):
        return {"id": row.get("id"), "error": request.message}
    verdict = pipeline.scorer.classify(request)
    ms = (time.perf_counter() - started) * 1000
    return {
        "id": row.get("id"),
        "score": round(verdict.score, 6),
        "tier": _tier(pipeline.policy, verdict),
        "task": verdict.task,
        "ms": round(ms, 4),
    }


def _request_of(row: dict[str, Any]) -> tuple[Api, bytes]:
    if "body" not in row:
        body = {"model": "auto", "messages": [{"role": "user", "content": str(row["prompt"])}]}
        return Api.CHAT, json.dumps(body).encode()
    if row.get("api") not in set(Api):
        raise ValueError(f"api must be one of {', '.join(Api)}")
    return Api(row["api"]), json.dumps(row["body"]).encode()


def _tier(policy: Policy, verdict: Verdict) -> str:
    return next((tier.name for tier in policy.tiers if verdict.score <= tier.up_to), policy.tiers[-1].name)
