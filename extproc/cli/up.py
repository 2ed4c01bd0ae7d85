"""`tiermesh up`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType

from extproc.cli.gateway import Gateway
from extproc.errors import StartError


def _say(line: str) -> None:
    print(f"tiermesh: {line}", file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> int:
    """Returns when told to end and all is drained; 1 when Envoy ended by itself."""
    gateway = Gateway(args.file, concurrency=args.concurrency, report=_say)
    gateway.start()
    told: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        told.append(number)

    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, note)
        _say(f"serving on {gateway.url}; metrics on http://{gateway.config.telemetry.metrics_address}/metrics; Ctrl-C ends it")
        while True:
            if signal.SIGUSR2 in told:
                told.clear()
                gateway.supervisor.replace_all()
            if told:
                return 0
            if not gateway.watch():
                words = gateway.envoy.process.last_words() if gateway.envoy else ""
                raise StartError(f"Envoy ended by itself:\n{words}")
            time.sleep(0.1)
    finally:
        gateway.stop()
