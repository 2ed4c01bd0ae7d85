"""Real servers in directories of their own: alone, behind a sentinel, as a cluster. Each can be stopped, killed and started again."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import redis

from extproc.local import ChildProcess, free_port, valkey_binary
from extproc.store import Access, Store, with_access

# Another server's command, to run the same tests against it.
_COMMAND = os.environ.get("TIERMESH_TEST_STORE", "")


def _argv() -> tuple[str, ...]:
    return tuple(shlex.split(_COMMAND)) if _COMMAND else (str(valkey_binary()),)


def until(reached: Callable[[], Any], timeout_s: float = 15.0) -> None:
    """Returns when `reached()` is true, an error of the server's meaning not yet."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if reached():
                return
        except (redis.RedisError, OSError):
            pass
        assert time.monotonic() < deadline, "it has taken too long"
        time.sleep(0.02)


@asynccontextmanager
async def connected(
    url: str, access: Access | None = None, *, username: str = "", is_ready: bool = True, **options: Any
) -> AsyncIterator[Store]:
    """A store, connected unless `is_ready` is false, patient enough for a busy machine unless `timeout_s` says otherwise."""
    store = Store.connect(with_access(url, username, access or Access()), **{"timeout_s": 2.0, **options})
    try:
        assert not is_ready or await store.ready(10)
        yield store
    finally:
        await store.close()


class Server:
    """One server on a Unix socket and, with a `port`, on loopback."""

    def __init__(self, directory: Path, *settings: str, port: int = 0) -> None:
        directory.mkdir(exist_ok=True)
        self.port = port
        self.path = directory / "s"
        basic = ("--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(self.path), "--dir", str(directory), "--save", "")
        self._process = ChildProcess("server", (*_argv(), *basic, *settings), log=directory / "log")

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    @property
    def node(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._process.start()
        self._process.wait_ready(self._answers, timeout_s=15)

    def stop(self) -> None:
        self.kill()
        self._process.stop()

    def kill(self) -> None:
        self._process.signal(signal.SIGKILL)
        self._process.wait(5)

    def freeze(self) -> None:
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.signal(signal.SIGCONT)

    def ask(self, *command: str | int) -> Any:
        """The answer to a command, `CLIENT LIST` in one, on a connection of its own; in redis-py's shape."""
        with redis.Redis(unix_socket_path=str(self.path), socket_timeout=5) as client:
            return client.execute_command(*command)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self.path))
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-DENIED"))
            except OSError:
                return False


@contextmanager
def sentinel(directory: Path, master: Server, *, name: str = "mymaster", lines: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """A sentinel that watches `master` and is quick to give it up; where it listens."""
    directory.mkdir()
    port = free_port()
    file = directory / "sentinel.conf"
    quick = (f"sentinel down-after-milliseconds {name} 400", f"sentinel failover-timeout {name} 2000")
    watch = f"sentinel monitor {name} 127.0.0.1 {master.port} 1"
    file.write_text("\n".join((f"port {port}", "bind 127.0.0.1", f"dir {directory}", watch, *quick, *lines)))
    process = ChildProcess("sentinel", (*_argv(), str(file), "--sentinel"), log=directory / "log")
    process.start()
    try:
        process.wait_ready(lambda: _accepts(port), timeout_s=15)
        yield "127.0.0.1", port
    finally:
        process.signal(signal.SIGKILL)
        process.stop()


@contextmanager
def cluster(directory: Path, *settings: str) -> Iterator[tuple[Server, Server, Server]]:
    """Three masters with a third of the slots each."""
    directory.mkdir()
    # The port of the cluster's bus is 10000 higher unless said otherwise, and that may be nobody's to take.
    common = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", *settings)
    nodes = [Server(directory / str(n), *common, "--cluster-port", str(free_port()), port=free_port()) for n in range(3)]
    try:
        for node in nodes:
            node.start()
        for node, slots in zip(nodes, ((0, 5460), (5461, 10922), (10923, 16383)), strict=True):
            node.ask("CLUSTER", "ADDSLOTSRANGE", *slots)
        for node in nodes[1:]:
            bus = nodes[0].ask("CONFIG GET", "cluster-port")["cluster-port"]
            node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, bus)
        until(lambda: all(node.ask("CLUSTER INFO")["cluster_state"] == "ok" for node in nodes))
        until(lambda: all(len(node.ask("CLUSTER", "SLOTS")) == 3 for node in nodes))
        yield nodes[0], nodes[1], nodes[2]
    finally:
        for node in nodes:
            node.stop()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
