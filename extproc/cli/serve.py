"""`tiermesh serve`."""

from __future__ import annotations

import argparse
import sys

from extproc.config import load
from extproc.server.supervisor import Supervisor


def run(args: argparse.Namespace) -> int:
    """Returns when told to end and all is drained."""
    supervisor = Supervisor(args.file, load(args.file), report=lambda line: print(line, file=sys.stderr, flush=True))
    supervisor.start()
    print(f"tiermesh: {len(supervisor.pids)} workers serve in {supervisor.run_dir}", file=sys.stderr, flush=True)
    try:
        supervisor.run()
    finally:
        supervisor.stop()
    return 0
