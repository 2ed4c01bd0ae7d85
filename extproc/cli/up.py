"""`tiermesh up`."""

from __future__ import annotations

import argparse
import sys

from extproc.cli.gateway import Gateway


def _say(line: str) -> None:
    print(f"tiermesh: {line}", file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> int:
    """Returns when told to end and all is drained. Raises StartError when Envoy will not stay up."""
    with Gateway(args.file, concurrency=args.concurrency, report=_say) as gateway:
        _say(f"serving on {gateway.url}; metrics on http://{gateway.config.telemetry.metrics_address}/metrics; Ctrl-C ends it")
        gateway.supervisor.run(gateway.watch)
    return 0
