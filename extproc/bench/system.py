"""The systems under test."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import yaml

from extproc.bench import proc
from extproc.bench.variant import Document, on_ports
from extproc.errors import StartError
from extproc.local import ChildProcess, EnvoyProcess, free_port

ENVOY, WORKERS, STORE, OTHER = "envoy", "workers", "store", "other"
_MESSAGES = r"\.ext_proc\.(.*\.)?stream_msgs_sent$"
_FAILED_OPEN = r"\.ext_proc\.(.*\.)?failure_mode_allowed$"


class System(Protocol):
    """Something that takes chat requests on a port of 127.0.0.1."""

    name: str
    port: int
    ready_s: float  # what its own part, Envoy aside, took to start

    def start(self) -> None:
        """Returns when it serves. Raises StartError."""

    def stop(self) -> None:
        """Ends all of it."""

    def pids(self) -> Mapping[str, tuple[int, ...]]:
        """Its processes by what they are: envoy, workers, store, other."""

    def messages(self) -> int:
        """Messages Envoy has sent to a processor so far."""

    def failed_open(self) -> int:
        """Requests that Envoy let pass because the processor failed; their times measure nothing."""


class EnvoySystem:
    """Envoy with a bootstrap, and in front of it, if any, the process that is its processor."""

    def __init__(
        self,
        name: str,
        document: Document,
        *,
        directory: Path,
        processor: ChildProcess | None = None,
        is_ready: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self.port = free_port()
        self.ready_s = 0.0
        self._directory = directory
        self._document = document
        self._processor = processor
        self._is_ready = is_ready or (lambda: True)
        self._envoy: EnvoyProcess | None = None

    @property
    def envoy(self) -> EnvoyProcess:
        """Its Envoy. Raises StartError when it has not been started."""
        if self._envoy is None:
            raise StartError(f"{self.name} has not been started")
        return self._envoy

    def start(self) -> None:
        """The processor first, then Envoy."""
        begun = time.perf_counter()
        if self._processor is not None:
            self._processor.start()
            self._processor.wait_ready(self._is_ready, timeout_s=60)
        self.ready_s = time.perf_counter() - begun
        bootstrap = self._directory / f"{self.name}.envoy.yaml"
        bootstrap.write_text(yaml.dump(on_ports(self._document, self.port, free_port()), Dumper=yaml.CSafeDumper))
        self._envoy = EnvoyProcess(bootstrap, log=self._directory / f"{self.name}.envoy.log", concurrency=1)
        self._envoy.start()

    def stop(self) -> None:
        """Envoy first, then the processor."""
        if self._envoy is not None:
            self._envoy.stop(timeout_s=1)
        if self._processor is not None:
            self._processor.stop(timeout_s=3)

    def pids(self) -> Mapping[str, tuple[int, ...]]:
        """Processes by kind."""
        found: dict[str, tuple[int, ...]] = {ENVOY: (self._envoy.process.pid,)} if self._envoy else {}
        if self._processor is not None:
            for pid in proc.descendants(self._processor.pid):
                kind = _kind(proc.command(pid))
                found[kind] = (*found.get(kind, ()), pid)
        return found

    def messages(self) -> int:
        """From Envoy's own statistics."""
        return self._sum(_MESSAGES)

    def failed_open(self) -> int:
        """From Envoy's own statistics."""
        return self._sum(_FAILED_OPEN)

    def _sum(self, pattern: str) -> int:
        return sum(self._envoy.counters(pattern).values()) if self._envoy else 0


class LitellmSystem:
    """LiteLLM's proxy, one worker process, from a virtual environment of its own, in front of the same upstream."""

    def __init__(self, venv: Path, upstream_url: str, *, model: str, directory: Path) -> None:
        self.name = "litellm"
        self.port = free_port()
        self.ready_s = 0.0
        config = directory / "litellm.yaml"
        backend = {"model": "openai/canned", "api_base": f"{upstream_url}/v1", "api_key": "none"}
        # Without a key of its own it checks none: that is its fastest, and it listens on loopback for the run alone.
        general = {"dangerously_permit_weak_or_unset_master_key": True}
        config.write_text(yaml.safe_dump({"model_list": [{"model_name": model, "litellm_params": backend}], "general_settings": general}))
        program = str((venv / "bin" / "litellm").absolute())
        argv = (
            program,
            "--config",
            str(config),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--num_workers",
            "1",
            "--telemetry",
            "False",
        )
        self._process = ChildProcess("LiteLLM", argv, log=directory / "litellm.log")

    def start(self) -> None:
        """Its imports alone take many seconds."""
        begun = time.perf_counter()
        self._process.start()
        self._process.wait_ready(self._is_alive, timeout_s=180)
        self.ready_s = time.perf_counter() - begun

    def stop(self) -> None:
        """Ends it."""
        self._process.stop(timeout_s=2)

    def pids(self) -> Mapping[str, tuple[int, ...]]:
        """All are its workers."""
        return {WORKERS: proc.descendants(self._process.pid)}

    def messages(self) -> int:
        """There is no Envoy here."""
        return 0

    def failed_open(self) -> int:
        """There is no Envoy here."""
        return 0

    def _is_alive(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health/liveliness")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _kind(command: str) -> str:
    if re.search(r"extproc\.server\.worker|noop", command):
        return WORKERS
    return STORE if "valkey" in command else OTHER
