"""A child process that is ready when it says so and gone when we are.

Each child leads a process group of its own, so that stopping it stops what it started, and Ctrl-C on the terminal reaches
only us. On Linux it also dies with this process (`launch.py`), however that ends.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Self

from extproc.errors import StartError

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL_S = 0.01


class ChildProcess:
    """One program, started and stopped by us, its output in `log` (None: where ours goes). A context manager; safe to stop twice.

    `name` is what messages call it. `keep_fds` stay open in the child.
    """

    def __init__(
        self, name: str, argv: Sequence[str], *, log: Path | None, env: Mapping[str, str] | None = None, keep_fds: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self.log = log
        self._argv = tuple(argv)
        self._env = dict(env) if env is not None else None
        self._keep_fds = keep_fds
        self._process: subprocess.Popen[bytes] | None = None
        self._status: int | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The child's process id; it stays known after the child has ended."""
        if self._process is None:
            raise StartError(f"{self.name} has not been started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self.exit_status is None

    @property
    def exit_status(self) -> int | None:
        """The status it ended with (negative: the signal), or None."""
        if self._status is None and self._process is not None:
            # The child stays a zombie until `stop`, so that its process group's number cannot be given to another.
            ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                self._status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        return self._status

    def start(self) -> None:
        """Starts it and returns at once. Raises StartError when it cannot be started."""
        if self.is_running:
            raise StartError(f"{self.name} is already running (process {self.pid})")
        self.stop()
        self._status = None
        try:
            if self.log is None:
                self._process = _on_lasting_thread(lambda: self._spawn(None))
                return
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as output:
                self._log_start = output.tell()
                self._process = _on_lasting_thread(lambda: self._spawn(output))
        except OSError as error:
            raise StartError(f"{self.name} cannot be started: {error}") from error

    def wait_ready(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Returns when `is_ready()` is true; otherwise stops the child and raises StartError with its last words."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            status = self.exit_status
            if status is not None:
                self.stop()
                raise StartError(f"{self.name} ended with status {status} while starting:\n{self.last_words()}")
            if time.monotonic() > deadline:
                self.stop(timeout_s=1)
                raise StartError(f"{self.name} was not ready after {timeout_s:g} s:\n{self.last_words()}")
            time.sleep(_POLL_S)

    def output(self) -> str:
        """What this start has written so far; nothing when it writes where we do."""
        if self.log is None:
            return ""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def last_words(self, lines: int = 12) -> str:
        """The last lines it wrote, or where they would have been."""
        said = self.output().strip().splitlines()[-lines:]
        return "\n".join(said) or f"(see its output: {self.log or 'above'})"

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the child alone; nothing happens when it has ended."""
        if self._process is not None and self.is_running:
            os.kill(self._process.pid, number)

    def wait(self, timeout_s: float) -> int | None:
        """The exit status, or None when it still runs after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.is_running and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return self.exit_status

    def stop(self, timeout_s: float = 5.0) -> int | None:
        """Asks it to end, waits, then kills the whole group. Returns the exit status; None if it was never started."""
        if self._process is None or self._process.returncode is not None:
            return self._status
        self.signal(signal.SIGTERM)
        self.wait(timeout_s)
        _kill_group(self._process.pid)
        self._status = self._process.wait()
        return self._status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self, output: IO[bytes] | None) -> subprocess.Popen[bytes]:
        prefix = (sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid())) if sys.platform == "linux" else ()
        return subprocess.Popen(
            (*prefix, *self._argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=self._env,
            start_new_session=True,
            pass_fds=self._keep_fds,
        )


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


_Spawn = Callable[[], "subprocess.Popen[bytes]"]
_spawns: queue.SimpleQueue[tuple[_Spawn, Future[subprocess.Popen[bytes]]]] = queue.SimpleQueue()
_spawner_lock = threading.Lock()
_spawner: list[threading.Thread] = []


def _on_lasting_thread(spawn: _Spawn) -> subprocess.Popen[bytes]:
    # Linux sends the death signal when the *thread* that forked ends, so a child of a short-lived worker thread would be
    # killed with it. Such children are forked by one thread that lasts as long as the process.
    if threading.current_thread() is threading.main_thread():
        return spawn()
    with _spawner_lock:
        if not _spawner:
            thread = threading.Thread(target=_spawn_forever, name="tiermesh-spawner", daemon=True)
            thread.start()
            _spawner.append(thread)
    future: Future[subprocess.Popen[bytes]] = Future()
    _spawns.put((spawn, future))
    return future.result()


def _spawn_forever() -> None:
    while True:
        spawn, future = _spawns.get()
        try:
            future.set_result(spawn())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            future.set_exception(error)
