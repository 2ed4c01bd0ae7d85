"""The project's own training rows, for the rival that learns from words. They are in the repository, not in the package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Set
from pathlib import Path

from extproc import dialects
from extproc.bench.quality.rivals import words_of
from extproc.bench.quality.tiered import Tiered
from extproc.dialects import Refusal

_DATA = Path(__file__).parents[3] / "models" / "data"
_TEST = "gateway_test.jsonl"  # never trained on
_HELD_SHARE = 0.2
_MAX_BODY_BYTES = 10_000_000


def training_rows(evaluated: Set[str]) -> list[tuple[str, int]]:
    """Texts with the ranks they need, without rows that are held out or `evaluated`; empty where the repository is not there."""
    found: list[tuple[str, int]] = []
    for row in _rows():
        if row.row_id in evaluated or is_held_out(row.row_id):
            continue
        request = dialects.parse(row.api, row.body, max_body_bytes=_MAX_BODY_BYTES)
        if not isinstance(request, Refusal):
            found.append((words_of(request), row.rank))
    return found


def is_held_out(row_id: str) -> bool:
    """Whether a row is in the fifth that nothing is trained on, which its id alone decides."""
    return int(hashlib.sha256(f"held:{row_id}".encode()).hexdigest()[:8], 16) / 2**32 < _HELD_SHARE


def _rows() -> Iterator[Tiered]:
    for path in sorted(_DATA.glob("gateway*.jsonl")):
        if path.name != _TEST:
            yield from (Tiered.of(json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line)
