"""A scanner in this process, for commands that look at requests without serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from extproc import dialects
from extproc.cli.rows import Row
from extproc.cli.sample import sample_config
from extproc.clock import Clock
from extproc.config import compile_config, load
from extproc.dialects import Refusal, Request
from extproc.local.directory import cache_directory
from extproc.residency import Inspection, Scanner, scan_policy

_DEADLINE_S = 5.0  # nobody waits here, and a slow machine should not change a verdict


@dataclass(frozen=True, slots=True)
class Inspector:
    """Reads rows and scans them as the gateway would."""

    scanner: Scanner
    max_body_bytes: int
    clock: Clock

    def read(self, row: Row) -> Request | Refusal:
        """The row's request."""
        return dialects.parse(row.api, row.body, max_body_bytes=self.max_body_bytes)

    def verdict(self, row: Row) -> Mapping[str, Any]:
        """`verdict`, `kinds`, `unread` and `ms` of a row; what cannot be read or scanned is sensitive."""
        started_s = self.clock.monotonic()
        request = self.read(row)
        inspection = Inspection(unread=("unparsable",)) if isinstance(request, Refusal) else self.scanner.scan(request)
        ms = (self.clock.monotonic() - started_s) * 1000
        unread = [*inspection.unread, "error"] if inspection.is_error else list(inspection.unread)
        verdict = "clean" if inspection.is_clean else "sensitive"
        return {"verdict": verdict, "kinds": dict(inspection.kinds), "unread": unread, "ms": round(ms, 4)}


def inspector_of(config_path: Path | None, clock: Clock) -> Inspector:
    """What a configuration looks for, or the built-in detectors where none is given. Raises ConfigError."""
    policy = compile_config(load(config_path) if config_path else sample_config())
    scanned = replace(scan_policy(policy.residency), deadline_s=_DEADLINE_S)
    return Inspector(Scanner(scanned, clock, cache=cache_directory()), policy.max_body_bytes, clock)
