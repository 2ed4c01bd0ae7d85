"""Envoy and the workers together on this machine: what `up`, `demo`, `bench` and the tests start."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from extproc.config import Config, load
from extproc.local.envoy import EnvoyProcess, envoy_binary
from extproc.local.port import check_port
from extproc.mesh import Rendered, render_envoy
from extproc.server.supervisor import Supervisor, worker_count

_LOG_FLUSH_S = 0.3  # Envoy hands its access log over every 0.1 s


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

    @property
    def url(self) -> str:
        """Where apps connect."""
        return f"http://{self.config.listener.address}:{self.config.listener.port}"

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
            self.envoy.start()
        except BaseException:
            self.stop(drain_s=0)
            raise

    def watch(self) -> bool:
        """Replace workers that died; False when Envoy itself has ended."""
        self.supervisor.watch()
        return self.envoy is not None and self.envoy.process.is_running

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
