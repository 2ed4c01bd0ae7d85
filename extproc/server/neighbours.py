"""The other workers of this gateway, told what one of them learnt: datagrams on Unix sockets in the run directory.

Nothing waits for them and nothing is sent twice. A socket whose owner has gone is removed by whoever finds it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import get_args

from extproc.health import Result
from extproc.health.result import Kind

_PREFIX = "health-"
_RESULTS_A_DATAGRAM = 200  # some 20 kB, far below what a Unix socket takes at once
_LARGEST_BYTES = 65_536
_DATAGRAMS_A_TURN = 16  # decisions come first
_GATHERED_S = 0.05
_LOOK_ROUND_S = 2.0
_KINDS = get_args(Kind)

log = logging.getLogger("tiermesh.health")


class Neighbours:
    """One worker's way to the others. `hear` is called with what they tell, in the running event loop."""

    def __init__(self, run_dir: Path, hear: Callable[[Sequence[Result]], None]) -> None:
        self._run_dir = run_dir
        self._hear = hear
        self._own = run_dir / f"{_PREFIX}{os.getpid()}.sock"
        self._own.unlink(missing_ok=True)
        self._loop = asyncio.get_running_loop()
        self._others: tuple[str, ...] = ()
        self._untold: list[Result] = []
        self._telling: asyncio.TimerHandle | None = None
        self._looked_at_s = float("-inf")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self._own))
        self._loop.add_reader(self._socket.fileno(), self._listen)

    def tell(self, results: Sequence[Result]) -> None:
        """Sends `results` to every other worker, soon; returns at once. What a full socket does not take is lost."""
        self._untold.extend(results)
        if self._telling is None:
            self._telling = self._loop.call_later(_GATHERED_S, self._tell)

    def close(self) -> None:
        """Hears and tells no more."""
        if self._telling is not None:
            self._telling.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._own.unlink(missing_ok=True)

    def _tell(self) -> None:
        self._telling = None
        others = self._look_round()
        results, self._untold = self._untold, []
        for start in range(0, len(results) if others else 0, _RESULTS_A_DATAGRAM):
            some = results[start : start + _RESULTS_A_DATAGRAM]
            text = json.dumps([astuple(result) for result in some], separators=(",", ":")).encode()
            for other in others:
                self._send(text, other)

    def _look_round(self) -> tuple[str, ...]:
        now_s = self._loop.time()
        if now_s - self._looked_at_s >= _LOOK_ROUND_S:
            self._looked_at_s = now_s
            self._others = tuple(str(path) for path in sorted(self._run_dir.glob(f"{_PREFIX}*.sock")) if path != self._own)
        return self._others

    def _send(self, text: bytes, other: str) -> None:
        try:
            self._socket.sendto(text, other)
        except ConnectionRefusedError:  # its worker was killed
            Path(other).unlink(missing_ok=True)
        except OSError:  # full, or just gone
            return

    def _listen(self) -> None:
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                text = self._socket.recv(_LARGEST_BYTES)
            except OSError:
                return
            try:
                self._hear(tuple(_result(said) for said in json.loads(text)))
            except (ValueError, TypeError):
                log.warning("a neighbour's words make no sense")


def _result(said: Sequence[object]) -> Result:
    match said:
        case [str(backend), str(kind), float() | int() as began_s, None | float() | int() as first_byte_ms] if kind in _KINDS:
            return Result(backend, kind, began_s, first_byte_ms)  # type: ignore[arg-type] # `kind` is one of them
    raise ValueError("not a result")
