"""What a worker needs to keep what is sensitive in the house: a scanner, the conversations' memory, the audit log."""

from __future__ import annotations

import logging
from pathlib import Path

from extproc.audit import Entry, Log, Outcome, Unwritten, load_keys
from extproc.clock import SystemClock
from extproc.config import Config, Policy
from extproc.custody import Auditor, Custody, Inspector, Memories
from extproc.dialects import Request
from extproc.errors import StartError
from extproc.local.directory import cache_directory
from extproc.residency import Inspection, Scanner, ScanPolicy, scan_policy
from extproc.telemetry import Metrics

log = logging.getLogger("tiermesh.keeping")


class _Broken:
    """A scanner that could not be made: it has seen nothing, so everything is sensitive."""

    def scan(self, request: Request, waived: frozenset[int] | None = None) -> Inspection:  # noqa: ARG002 - as the protocol has it
        return Inspection(is_error=True)


class _NoLog:
    """A log that could not be begun: it takes nothing."""

    def digest(self, body: bytes) -> str:  # noqa: ARG002 - as the protocol has it
        return ""

    async def append(self, entry: Entry) -> Outcome:  # noqa: ARG002 - as above
        return Unwritten("permission")


class Keeping:
    """One worker's. The scanner is made anew where a reload changes what is looked for."""

    def __init__(self, config: Config, run_dir: Path, classifier: str) -> None:
        self._classifier = classifier
        self._config, self._run_dir = config, run_dir
        self._log = _log_of(config, run_dir) if config.residency.mode != "off" else None
        self._cache = cache_directory(run_dir / "scanner")
        self._made: tuple[ScanPolicy, Inspector] | None = None

    def custody(self, policy: Policy, memories: Memories | None) -> Custody:
        """The way to the outside for this policy's pipeline."""
        inspector = self._scanner(policy) if policy.residency.reads else None
        return Custody(inspector, memories, self._auditor(policy), self._classifier)

    def count(self, metrics: Metrics) -> None:
        """What is written and what is not, on the metrics page."""
        kept = self._log
        if kept is None:
            return
        metrics.count_from("tiermesh_audit_records", "Records written to the audit log.", lambda: kept.written)
        metrics.count_from("tiermesh_audit_failures", "Records that could not be written.", lambda: kept.unwritten)
        metrics.gauge_from("tiermesh_audit_broken", "1 while the audit log cannot be written.", lambda: kept.trouble is not None)

    async def close(self) -> None:
        """Writes what waits."""
        if self._log is not None:
            await self._log.close()

    def _auditor(self, policy: Policy) -> Auditor | None:
        """The log, begun at the latest when a reload first asks for it: what leaves from then on has its record, or stays."""
        if self._log is None and policy.residency.reads:
            try:
                self._log = _log_of(self._config, self._run_dir)
            except StartError as error:
                log.error("%s; nothing leaves until a restart", error)
                return _NoLog()
        return self._log

    def is_prepared(self, policy: Policy) -> bool:
        """Whether a way to the outside for `policy` can be had at once: its scanner is there, or it needs none."""
        return not policy.residency.reads or (self._made is not None and self._made[0] == scan_policy(policy.residency))

    def prepare(self, policy: Policy) -> None:
        """Makes the scanner for `policy`. It may take seconds, and may be called in another thread than the rest."""
        wanted = scan_policy(policy.residency)
        try:
            self._made = wanted, Scanner(wanted, SystemClock(), cache=self._cache)
        except Exception:
            log.exception("the scanner cannot be made: every request counts as sensitive")
            self._made = wanted, _Broken()

    def _scanner(self, policy: Policy) -> Inspector:
        made = self._made
        if made is None or made[0] != scan_policy(policy.residency):
            self.prepare(policy)
            made = self._made
        return made[1] if made is not None else _Broken()


def audit_directory(config: Config, run_dir: Path) -> Path:
    """Where the log is."""
    return Path(config.audit.directory) if config.audit.directory else run_dir / "audit"


def audit_key(config: Config, run_dir: Path) -> Path:
    """Where its secret is: beside the log, not in it, so that a copy of the log does not carry it along."""
    return Path(config.audit.key_file) if config.audit.key_file else audit_directory(config, run_dir).with_suffix(".key")


def _log_of(config: Config, run_dir: Path) -> Log | None:
    """The log; None where none is kept. Raises StartError when its key cannot be used."""
    if not config.audit.enabled:
        return None
    keys = load_keys(audit_key(config, run_dir))
    settings = config.audit
    return Log.open(
        audit_directory(config, run_dir),
        keys,
        rotate_bytes=settings.rotate_bytes,
        durable=settings.durable,
        timeout_s=settings.timeout_s,
    )
