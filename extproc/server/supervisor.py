"""`tiermesh serve`: holds the sockets, runs the workers, replaces those that die.

The listening sockets belong to the supervisor and outlive every worker: while one is being replaced, connections wait in
the socket's queue instead of being refused.

    SIGTERM, SIGINT   drain all workers, end
    SIGHUP            all workers read the configuration now
    SIGUSR2           replace all workers, one after the other, without losing a request
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from extproc.config import Config
from extproc.errors import StartError
from extproc.local.directory import private_directory, take_lock
from extproc.local.process import ChildProcess
from extproc.local.valkey import ValkeyProcess
from extproc.server.page import Page, Tally, answers, page_socket
from extproc.server.signals import Signals

# What the configuration said when the sockets were opened and Envoy was rendered. A worker that is started later begins with
# this and then follows the operator's file as far as the running Envoy can.
STARTED = "started.yaml"

_POLL_S = 0.05
_READY_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0  # between a death and the next start
_STEADY_S = 10.0  # a worker that lived this long starts afresh at the first pause


def run_dir_of(config: Config) -> Path:
    """Where sockets and state live: as configured, else the user's run-time directory, else one of ours in /tmp."""
    if config.processor.run_dir:
        return Path(config.processor.run_dir)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "tiermesh" if runtime else Path(f"/tmp/tiermesh-{os.getuid()}")  # noqa: S108 - made 0700, owner checked


def worker_count(config: Config) -> int:
    """Workers to run: as configured, else one per core this process may use."""
    return config.processor.workers or len(os.sched_getaffinity(0))


class Slot:
    """One worker's place: its socket stays, the process in it changes."""

    def __init__(self, config_path: Path, run_dir: Path, index: int, *, transport: str, logs_to_files: bool) -> None:
        self.index = index
        self._run_dir = run_dir
        self.path = run_dir / f"worker-{index}.sock"
        self._argv = [sys.executable, "-m", "extproc.server.worker", "--config", str(config_path.absolute())]
        self._argv += ["--started", str(run_dir / STARTED), "--run-dir", str(run_dir), "--index", str(index)]
        self._log = run_dir / f"worker-{index}.log" if logs_to_files else None
        self._socket = _listen(self.path) if transport == "native" else None
        self.child: ChildProcess | None = None
        self.started_at = 0.0
        self.pause_s = _FIRST_PAUSE_S
        self.restarts = 0

    def start(self) -> ChildProcess:
        """A new process in this place, begun but not yet ready."""
        if self._socket is not None:
            fds: tuple[int, ...] = (self._socket.fileno(),)
            where = ["--fd", str(self._socket.fileno())]
        else:
            self.path.unlink(missing_ok=True)
            fds, where = (), ["--address", f"unix:{self.path}"]
        child = ChildProcess(f"worker {self.index}", [*self._argv, *where], log=self._log, keep_fds=fds)
        child.start()
        self.child, self.started_at = child, time.monotonic()
        return child

    def wait_ready(self) -> None:
        """Returns once the process in this place serves. Raises StartError with its last words otherwise."""
        child = self.child
        if child is not None:
            child.wait_ready(lambda: answers(page_socket(self._run_dir, child.pid)), timeout_s=_READY_S)

    def state(self) -> dict[str, object]:
        """What `/healthz` shows of this place."""
        is_running = self.child is not None and self.child.is_running
        return {"index": self.index, "pid": self.child.pid if self.child else None, "running": is_running, "restarts": self.restarts}

    def close(self) -> None:
        """Give the place up."""
        if self._socket is not None:
            self._socket.close()
        self.path.unlink(missing_ok=True)


class Supervisor:
    """All workers of one configuration in one run directory."""

    def __init__(self, config_path: Path, config: Config, *, report: Callable[[str], None], logs_to_files: bool = False) -> None:
        self._config_path = config_path
        self._config = config
        self._report = report
        self._logs_to_files = logs_to_files
        self.run_dir = run_dir_of(config)
        self._lock: int | None = None
        self._store = ValkeyProcess(self.run_dir) if config.store.url == "embedded" else None
        self._store_due = 0.0  # not before then again
        self._slots: list[Slot] = []
        self._page: Page | None = None
        self._tally = Tally()

    def start(self) -> None:
        """Returns when every worker serves. Raises StartError, and leaves nothing behind, when one cannot."""
        try:
            self._lock = take_lock(private_directory(self.run_dir) / "serve.lock")
            shutil.copyfile(self._config_path, self.run_dir / STARTED)
            for stale in self.run_dir.glob("metrics-*"):  # of workers that an earlier supervisor had
                stale.unlink(missing_ok=True)
            if self._config.telemetry.metrics_address:
                self._page = Page(self._config.telemetry.metrics_address, self._metrics, self.state)
            if self._store is not None:
                self._store.start()
            transport = self._config.processor.transport
            for index in range(worker_count(self._config)):
                slot = Slot(self._config_path, self.run_dir, index, transport=transport, logs_to_files=self._logs_to_files)
                self._slots.append(slot)
                slot.start()
            for slot in self._slots:
                slot.wait_ready()
            if self._page is not None:
                self._page.start()
        except BaseException:
            self.stop(timeout_s=1.0)
            raise

    def run(self, watch: Callable[[], None] | None = None) -> None:
        """Keep the workers running, and do what signals say, until one of them says to end. `watch` instead of our own."""
        signals = Signals()
        while not signals.is_over:
            number = signals.take()
            if number == signal.SIGHUP:
                self._tell_all(signal.SIGHUP)
            elif number == signal.SIGUSR2:
                self.replace_all()
            (watch or self.watch)()
            time.sleep(_POLL_S)

    def watch(self) -> None:
        """Start again what has died, after a pause that doubles while it keeps dying."""
        self._watch_store()
        now = time.monotonic()
        for slot in self._slots:
            if slot.child is None or slot.child.is_running:
                continue
            if now - slot.started_at > _STEADY_S:
                slot.pause_s = _FIRST_PAUSE_S
            if now - slot.started_at >= slot.pause_s:
                self._report(f"worker {slot.index} ended with status {slot.child.exit_status}; starting another")
                slot.child.stop()
                slot.restarts += 1
                slot.pause_s = min(2 * slot.pause_s, _LONGEST_PAUSE_S)
                slot.start()

    def _watch_store(self) -> None:
        """The embedded store is started again, with what it had written; while it cannot be, workers do without."""
        now = time.monotonic()
        if self._store is None or self._store.is_running or now < self._store_due:
            return
        self._report("the store ended; starting it again")
        self._store_due = now + _LONGEST_PAUSE_S
        self._store.stop()
        try:
            self._store.start()
        except StartError as error:
            self._report(f"the store cannot be started: {error}")

    def replace_all(self) -> None:
        """Put a new process into every place, the old one ending only when the new one serves."""
        for slot in self._slots:
            old = slot.child
            try:
                slot.start()
                slot.wait_ready()
            except StartError as error:
                self._report(f"worker {slot.index} stays as it is: {error}")
                slot.child = old
                continue
            if old is not None:
                old.signal(signal.SIGUSR1)
                old.wait(self._config.processor.drain_s + 1)
                old.stop()
            self._report(f"worker {slot.index} was replaced")

    def stop(self, *, timeout_s: float | None = None) -> None:
        """Drain the workers, all at once, and end everything that was started here."""
        patience_s = self._config.processor.drain_s + 5 if timeout_s is None else timeout_s
        self._tell_all(signal.SIGTERM)
        for slot in self._slots:
            if slot.child is not None:
                slot.child.stop(patience_s)
            slot.close()
        if self._page is not None:
            self._page.stop()
        if self._store is not None:
            self._store.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def state(self) -> dict[str, object]:
        """What `/healthz` shows."""
        workers = [slot.state() for slot in self._slots]
        return {"ready": any(worker["running"] for worker in workers), "workers": workers}

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(slot.child.pid for slot in self._slots if slot.child is not None)

    def _metrics(self) -> str:
        return self._tally.page(self.pids, self.run_dir)

    def _tell_all(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.child is not None:
                slot.child.signal(number)


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise StartError(f"cannot listen on {path}: {error}; choose another processor.run_dir") from error
    listening.listen(1024)
    return listening
