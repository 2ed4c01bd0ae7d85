"""Envoy and the workers together on this machine: what `up`, `demo`, `bench` and the tests start."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from extproc.config import Config, load
from extproc.errors import StartError
from extproc.local.envoy import EnvoyProcess, envoy_binary
from extproc.local.port import check_port
from extproc.mesh import Rendered, render_envoy
from extproc.server.supervisor import Supervisor, worker_count

_STEADY_S = 5.0  # an Envoy that ends sooner would only end again
_LOG_FLUSH_S = 0.3  # far longer than Envoy keeps an access-log entry


def write_secrets(rendered: Rendered) -> None:
    """Write the files that Envoy needs beside its bootstrap, readable by their owner alone."""
    for path, text in rendered.files.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(path.suffix + ".new")
        partial.touch(mode=0o600)
        partial.write_text(text)
        partial.replace(path)  # Envoy watches for the rename


class Gateway:
    """One TierMesh with its Envoy. A context manager; stopping lets requests in flight finish."""

    def __init__(
        self, config_path: Path, *, concurrency: int = 0, report: Callable[[str], None] = lambda _: None, logs_to_files: bool = False
    ) -> None:
        self.config: Config = load(config_path)
        self.supervisor = Supervisor(config_path, self.config, report=report, logs_to_files=logs_to_files)
        self._concurrency = concurrency or len(os.sched_getaffinity(0))
        self._report = report
        self.envoy: EnvoyProcess | None = None
        self._envoy_started_at = 0.0

    @property
    def url(self) -> str:
        """Where apps connect."""
        listener = self.config.listener
        return f"{'https' if listener.tls else 'http'}://{listener.address}:{listener.port}"

    def start(self) -> None:
        """Returns when requests are served. Raises StartError, and leaves nothing behind, when that cannot be."""
        envoy_binary()  # say what is missing before anything is started
        rendered = render_envoy(self.config, self.supervisor.run_dir.absolute(), workers=worker_count(self.config))
        self.supervisor.start()
        try:
            listener = self.config.listener
            check_port(listener.address, listener.port, setting="listener.port")
            write_secrets(rendered)
            bootstrap = self.supervisor.run_dir / "envoy.yaml"
            bootstrap.write_text(rendered.bootstrap)
            self.envoy = EnvoyProcess(bootstrap, log=self.supervisor.run_dir / "envoy.log", concurrency=self._concurrency)
            self._start_envoy()
        except BaseException:
            self.stop(drain_s=0)
            raise

    def watch(self) -> None:
        """Start again what has died: workers, and Envoy itself. Raises StartError when Envoy will not stay up."""
        self.supervisor.watch()
        if self.envoy is None or self.envoy.process.is_running:
            return
        if time.monotonic() - self._envoy_started_at < _STEADY_S:
            raise StartError(f"Envoy ended with status {self.envoy.process.exit_status}:\n{self.envoy.process.last_words()}")
        self._report(f"Envoy ended with status {self.envoy.process.exit_status}; starting it again")
        self.envoy.stop()
        self._start_envoy()

    def _start_envoy(self) -> None:
        if self.envoy is not None:
            self._envoy_started_at = time.monotonic()
            self.envoy.start()

    def stop(self, *, drain_s: float | None = None) -> None:
        """No new requests, then the end of those in flight (at most `drain_s`), then of everything."""
        if self.envoy is not None and self.envoy.process.is_running:
            self._drain(self.config.processor.drain_s if drain_s is None else drain_s)
        if self.envoy is not None:
            self.envoy.stop()
            self.envoy = None
        self.supervisor.stop()

    def _drain(self, drain_s: float) -> None:
        if self.envoy is None:
            return
        deadline = time.monotonic() + drain_s
        try:
            self.envoy.ask("/drain_listeners", method="POST")
            while time.monotonic() < deadline and any(self.envoy.counters(r"^http\.llm\.downstream_rq_active$").values()):
                time.sleep(0.05)
        except OSError:
            return
        time.sleep(min(_LOG_FLUSH_S, drain_s))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
