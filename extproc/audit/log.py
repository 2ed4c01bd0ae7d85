"""The log as one process writes it: entries go to a thread, answers come back to the event loop.

What arrives while a write is under way goes into the next one, so that many requests share a flush (group commit).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from extproc.audit.chain import Chain, Durable
from extproc.audit.checkpoint import Checkpoint
from extproc.audit.disk import Disk
from extproc.audit.entry import Entry
from extproc.audit.key import Keys
from extproc.audit.outcome import Outcome, Reason, Unwritten, Written
from extproc.audit.tail import DamagedError
from extproc.clock import Clock, SystemClock

_log = logging.getLogger(__name__)

_REASONS: Final[dict[int, Reason]] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
}
_MOST_TOGETHER = 1_000
_MOST_WAITING = 10_000
_MOST_UNCHECKED = 10_000  # records without a checkpoint behind them

Witness = Callable[[Checkpoint], None]


class Log:
    """Appends to the log in `directory`, from one event loop. Nothing is read or made there before the first entry."""

    def __init__(self, chain: Chain, keys: Keys, clock: Clock, *, witness: Witness | None, timeout_s: float, checkpoint_s: float) -> None:
        self._chain = chain
        self._keys = keys
        self._clock = clock
        self._witness = witness
        self._timeout_s = timeout_s
        self._checkpoint_s = checkpoint_s
        self._waiting: deque[tuple[dict[str, Any], asyncio.Future[Outcome]]] = deque()
        self._wake = threading.Condition()
        self._is_closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._since_checkpoint = 0
        self._checkpoint_at: float | None = None
        self.written = 0
        self.unwritten = 0
        self.trouble: Reason | None = None  # of the last write

    @classmethod
    def open(
        cls,
        directory: Path,
        keys: Keys,
        *,
        rotate_bytes: int = 256 * 1024 * 1024,
        durable: Durable = "fsync",
        timeout_s: float = 1.0,
        checkpoint_s: float = 10.0,
        witness: Witness | None = None,
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> Log:
        """A log that is not begun yet: a directory that cannot be written shows in the first append.

        `durable` is when an entry counts as written: `fsync`, when the disk has it, or `written`, when the kernel has it, which
        survives the death of a process but not of the machine. `timeout_s` is how long an append may take. A checkpoint is made
        every `checkpoint_s` in which something was written, every 10,000 records and at the end; it goes into the process's own
        log, and `witness` gets it, in the event loop, for keeping it elsewhere.
        """
        clock = clock or SystemClock()
        chain = Chain(directory, keys, clock, rotate_bytes=rotate_bytes, durable=durable, disk=disk or Disk())
        return cls(chain, keys, clock, witness=witness, timeout_s=timeout_s, checkpoint_s=checkpoint_s)

    def digest(self, body: bytes) -> str:
        """What `Entry.body` is of this body: a keyed digest that says nothing without the key, HMAC-SHA256 in hexadecimal."""
        return self._keys.digest(body)

    def submit(self, entry: Entry) -> asyncio.Future[Outcome]:
        """Its outcome, when there is one. Cancel it to withdraw the entry, if it is not being written already."""
        self._start()
        assert self._loop is not None  # noqa: S101 - _start has set it
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        with self._wake:
            refusal: Reason | None = "closed" if self._is_closing else "busy" if len(self._waiting) >= _MOST_WAITING else None
            if refusal is None:
                self._waiting.append((entry.members(), outcome))
                self._wake.notify()
        if refusal:
            self.unwritten += 1
            outcome.set_result(Unwritten(refusal))
        return outcome

    async def append(self, entry: Entry, timeout_s: float | None = None) -> Outcome:
        """Returns once it is written as durably as was asked for, or is not, or the time is over. Raises nothing."""
        outcome = self.submit(entry)
        try:
            async with asyncio.timeout(self._timeout_s if timeout_s is None else timeout_s):
                return await outcome
        except TimeoutError:
            self.unwritten += 1
            return Unwritten("timeout")

    async def close(self, timeout_s: float = 5.0) -> None:
        """Writes what waits and a checkpoint. What the disk does not take in time is given up."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._ended is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._ended

    # ---- in the event loop ----

    def _start(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._ended = self._loop.create_future()
            # A daemon: a disk that hangs must not keep the process from ending.
            threading.Thread(target=self._run, name="audit", daemon=True).start()

    def _tell(self, outcomes: Sequence[asyncio.Future[Outcome]], said: Outcome) -> None:
        """`said` is what became of the last of them."""
        first = said.seq - len(outcomes) + 1 if isinstance(said, Written) else None
        for number, outcome in enumerate(outcomes):
            if not outcome.done():
                outcome.set_result(said if first is None else Written(first + number))
                self.written += first is not None
                self.unwritten += first is None

    def _post(self, call: Callable[..., object], *arguments: Any) -> None:
        """From the thread. Where the loop has ended, nobody waits for it."""
        assert self._loop is not None  # noqa: S101 - the thread was started with it
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)

    # ---- in the thread ----

    def _run(self) -> None:
        while True:
            batch = self._taken()
            if batch:
                self._write(batch)
            if self._since_checkpoint and (self._is_last or self._is_checkpoint_due):
                self._make_checkpoint()
            if self._is_last:
                break
        self._chain.close()
        self._post(self._end)

    @property
    def _is_last(self) -> bool:
        return self._is_closing and not self._waiting

    @property
    def _is_checkpoint_due(self) -> bool:
        return self._since_checkpoint >= _MOST_UNCHECKED or self._checkpoint_in_s == 0

    @property
    def _checkpoint_in_s(self) -> float:
        return max(0.0, (self._checkpoint_at or 0.0) - self._clock.monotonic())

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _taken(self) -> list[tuple[dict[str, Any], asyncio.Future[Outcome]]]:
        """What waits and was not withdrawn, once there is anything to do."""
        with self._wake:
            if not self._waiting and not self._is_closing:
                self._wake.wait(self._checkpoint_in_s if self._since_checkpoint else None)
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_TOGETHER))]
        return [(members, outcome) for members, outcome in taken if not outcome.done()]

    def _write(self, batch: list[tuple[dict[str, Any], asyncio.Future[Outcome]]]) -> None:
        said = self._tried([members for members, _ in batch])
        self._post(self._tell, [outcome for _, outcome in batch], said)

    def _tried(self, entries: list[dict[str, Any]]) -> Outcome:
        try:
            seq = self._chain.append(entries)
        except (OSError, DamagedError) as error:
            return self._failed(error)
        except Exception:  # noqa: BLE001 - a thread that ends here would leave every request waiting
            _log.exception("the audit log cannot be written")
            self.trouble = "io"
            return Unwritten("io")
        if self.trouble:
            _log.warning("the audit log is written again")
            self.trouble = None
        if self._checkpoint_at is None:
            self._checkpoint_at = self._clock.monotonic()  # a log has one from its first record on
        elif not self._since_checkpoint:
            self._checkpoint_at = self._clock.monotonic() + self._checkpoint_s
        self._since_checkpoint += len(entries)
        return Written(seq)

    def _failed(self, error: OSError | DamagedError) -> Unwritten:
        reason: Reason = "damaged" if isinstance(error, DamagedError) else _REASONS.get(error.errno or 0, "io")
        if self.trouble != reason:
            _log.error("the audit log cannot be written (%s): %s", reason, error)
            self.trouble = reason
        return Unwritten(reason)

    def _make_checkpoint(self) -> None:
        self._checkpoint_at = self._clock.monotonic() + self._checkpoint_s
        try:
            made = self._chain.checkpoint()
        except (OSError, DamagedError) as error:
            self._failed(error)
            return
        self._since_checkpoint = 0
        if made:
            _log.info("audit checkpoint %s", made.line.decode().rstrip())
        if made and self._witness:
            self._post(self._witness, made)
