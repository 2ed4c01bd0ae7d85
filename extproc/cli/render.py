"""`tiermesh render`."""

from __future__ import annotations

import argparse
import sys

from extproc.cli.gateway import write_secrets
from extproc.config import load
from extproc.mesh import render_envoy
from extproc.server.supervisor import run_dir_of, worker_count


def run(args: argparse.Namespace) -> int:
    """Prints the bootstrap."""
    config = load(args.file)
    run_dir = args.run_dir or run_dir_of(config)
    rendered = render_envoy(config, run_dir.absolute(), workers=args.workers or worker_count(config))
    print(rendered.bootstrap, end="")
    if args.write_secrets:
        write_secrets(rendered)
    elif rendered.files:
        names = ", ".join(str(path) for path in rendered.files)
        print(f"Envoy also reads {names}; --write-secrets writes them.", file=sys.stderr)
    return 0
