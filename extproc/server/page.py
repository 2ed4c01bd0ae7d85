"""The operator's page: `/metrics` of all workers together, `/healthz`, and what is running. Served by the supervisor.

Each worker hands its own numbers out on a Unix socket; the supervisor asks them all and adds them up, so that Prometheus
scrapes one address however many workers there are.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from extproc.errors import StartError
from extproc.telemetry import merge

_TIMEOUT_S = 2.0
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def page_socket(run_dir: Path, pid: int) -> Path:
    """Where the worker with this process number hands out its numbers."""
    return run_dir / f"metrics-{pid}.sock"


def last_page(run_dir: Path, pid: int) -> Path:
    """Where a worker that ended in order left its numbers."""
    return run_dir / f"metrics-{pid}.last"


def leave(run_dir: Path, pid: int, page: bytes) -> None:
    """Leave the last numbers of a worker behind, and its socket no more."""
    partial = run_dir / f"metrics-{pid}.new"
    partial.write_bytes(page)
    partial.rename(last_page(run_dir, pid))
    page_socket(run_dir, pid).unlink(missing_ok=True)


async def hand_out(path: Path, page: Callable[[], bytes]) -> asyncio.Server:
    """Serve `page()` to whoever connects to the Unix socket `path`."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(page())
        writer.close()

    path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, at the start
    return await asyncio.start_unix_server(answer, path=str(path))


def answers(path: Path) -> bool:
    """Whether somebody hands out numbers at `path`."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


class Tally:
    """The numbers of all workers, added up. What an ended worker last showed still counts, so that no sum ever falls."""

    def __init__(self) -> None:
        self._shown: dict[int, str] = {}  # by process
        self._ended = ""
        self._lock = threading.Lock()  # the HTTP server answers each scrape on a thread

    def page(self, pids: Sequence[int], run_dir: Path) -> str:
        """One page for the workers with these process numbers and all before them."""
        with self._lock:
            for pid in pids:
                if page := _fetch(page_socket(run_dir, pid)):
                    self._shown[pid] = page
            for pid in self._shown.keys() - set(pids):
                self._ended = merge([self._ended, _left(run_dir, pid) or self._shown[pid]], has_gauges=False)
                del self._shown[pid]
            return merge([self._ended, *self._shown.values()])


def _left(run_dir: Path, pid: int) -> str:
    path = last_page(run_dir, pid)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return ""  # it was killed: what it last showed is all there is
    path.unlink(missing_ok=True)
    return text


def _fetch(path: Path) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_TIMEOUT_S)
            client.connect(str(path))
            parts = iter(lambda: client.recv(65_536), b"")
            return b"".join(parts).decode()
    except OSError:
        return ""  # it is being replaced; what it last showed counts meanwhile


class Page:
    """The HTTP server, on a thread of its own."""

    def __init__(self, address: str, metrics: Callable[[], str], state: Callable[[], dict[str, object]]) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), _handler(metrics, state))
        except (OSError, ValueError) as error:
            raise StartError(f"the metrics page cannot be served on {address}: {error}; change telemetry.metrics_address") from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="page", daemon=True)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


def _handler(metrics: Callable[[], str], state: Callable[[], dict[str, object]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(200, _CONTENT_TYPE, metrics())
            elif self.path in ("/", "/healthz"):
                now = state()
                self._send(200 if now["ready"] else 503, "application/json", json.dumps(now) + "\n")
            else:
                self._send(404, "text/plain", "there are /metrics and /healthz\n")

        def _send(self, status: int, content_type: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler
