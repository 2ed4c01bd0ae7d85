"""`tiermesh check`."""

from __future__ import annotations

import argparse
import json
import sys

from extproc.config import load
from extproc.config.advice import warnings
from extproc.errors import ConfigError


def run(args: argparse.Namespace) -> int:
    """0 when the file can be used, 1 when not."""
    if args.schema:
        from extproc.config.schema import schema

        print(json.dumps(schema(), indent=2))
        return 0
    try:
        config = load(args.file)
        doubts = warnings(config)
    except ConfigError as error:
        if args.json:
            print(
                json.dumps({"usable": False, "problems": [{"path": p.path, "message": p.message} for p in error.problems], "warnings": []})
            )
            return 1
        raise
    if args.json:
        print(json.dumps({"usable": True, "problems": [], "warnings": [{"path": d.path, "message": d.message} for d in doubts]}))
        return 0
    for doubt in doubts:
        print(f"warning: {doubt}", file=sys.stderr)
    print(f"{args.file} can be used: {len(config.backends)} backends, {len(config.tiers)} tiers.")
    return 0
