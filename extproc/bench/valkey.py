"""What a Valkey says about itself (INFO)."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scripts:
    """How many scripts have run, and the server's own time for them in µs."""

    calls: int = 0
    took_us: int = 0

    def __sub__(self, other: Scripts) -> Scripts:
        return Scripts(self.calls - other.calls, self.took_us - other.took_us)


def scripts(socket_path: Path) -> Scripts:
    """All so far, by `INFO commandstats`; none when there is no server."""
    calls = took_us = 0
    for name, text in info(socket_path, "commandstats").items():
        if name in ("cmdstat_evalsha", "cmdstat_eval"):
            stats = dict(part.split("=", 1) for part in text.split(","))
            calls, took_us = calls + int(stats["calls"]), took_us + int(stats["usec"])
    return Scripts(calls, took_us)


def info(socket_path: Path, section: str) -> dict[str, str]:
    """A section of INFO by name; empty when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2.0)
            client.connect(str(socket_path))
            client.sendall(f"INFO {section}\r\n".encode())
            text = _bulk(client)
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


def _bulk(client: socket.socket) -> str:
    """One bulk string of RESP."""
    with client.makefile("rb") as stream:
        size = int(stream.readline()[1:])
        return stream.read(size).decode()
