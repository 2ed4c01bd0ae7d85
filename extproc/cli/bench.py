"""`tiermesh bench`."""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from extproc import bench
from extproc.cli.table import page


def run(args: argparse.Namespace) -> int:
    """0 when everything asked for was measured."""
    options = bench.Options(
        is_quick=args.quick,
        noop=args.noop,
        upstream=args.upstream,
        litellm=args.litellm,
        config=args.config,
        transport=args.transport,
    )
    with bench.progress(Console(stderr=True)) as progress:
        report = bench.run(options, progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        bench.show(report, page())
    return 0
