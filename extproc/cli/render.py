"""`tiermesh render`."""

from __future__ import annotations

import argparse
import sys

from extproc.cli.egress_options import surroundings
from extproc.cli.gateway import write_secrets
from extproc.config import Config, load
from extproc.mesh import render_envoy
from extproc.mesh.egress import render_egress
from extproc.server.supervisor import run_dir_of, worker_count


def run(args: argparse.Namespace) -> int:
    """Prints what was asked for, or writes it."""
    config = load(args.file)
    if args.what == "egress":
        return _egress(config, args)
    run_dir = args.run_dir or run_dir_of(config)
    rendered = render_envoy(config, run_dir.absolute(), workers=args.workers or worker_count(config))
    print(rendered.bootstrap, end="")
    if args.write_secrets:
        write_secrets(rendered)
    elif rendered.files:
        names = ", ".join(str(path) for path in rendered.files)
        print(f"Envoy also reads {names}; --write-secrets writes them.", file=sys.stderr)
    return 0


def _egress(config: Config, args: argparse.Namespace) -> int:
    texts = render_egress(config, surroundings(args))
    if args.out is None:
        print("\n".join(texts.values()), end="")
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (args.out / name).write_text(text, encoding="utf-8")
        print(args.out / name)
    return 0
