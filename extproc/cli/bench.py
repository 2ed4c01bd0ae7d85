"""`tiermesh bench`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from rich.console import Console

from extproc import bench
from extproc.cli.table import page


def run(args: argparse.Namespace) -> int:
    """0 when everything asked for was measured, and where there is right and wrong, all was right."""
    others = {"limits": _limits, "day": _day, "faults": _faults, "audit": _audit, "shares": _shares, "scan": _scan, "replay": _replay}
    measure: Callable[[argparse.Namespace], int] = others.get(args.what or "", _comparison)
    return measure(args)


def _comparison(args: argparse.Namespace) -> int:
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


def _limits(args: argparse.Namespace) -> int:
    from extproc.bench import limits

    with bench.progress(Console(stderr=True)) as progress:
        report = limits.run(limits.Options(is_quick=args.quick, upstream=args.upstream), progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        limits.show(report, page())
    return 1 if report.failed else 0


def _day(args: argparse.Namespace) -> int:
    from extproc.bench import day

    with bench.progress(Console(stderr=True)) as progress:
        report = day.run(day.Options(requests=args.requests, seed=args.seed, lines=args.lines), progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        day.show(report, page())
    return 1 if report.differences else 0


def _faults(args: argparse.Namespace) -> int:
    from extproc.bench import faults

    times = {"lease_s": 2.0, "quiet_s": 1.5} if args.quick else {}
    options = faults.Options(seconds=args.seconds, only=tuple(args.only or ()), **times)
    with bench.progress(Console(stderr=True)) as progress:
        report = faults.run(options, progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        faults.show(report, page())
    return 1 if report.wrong else 0


def _audit(args: argparse.Namespace) -> int:
    from extproc.bench import audit

    with bench.progress(Console(stderr=True)) as progress:
        report = audit.run(audit.Options(records=args.records, directory=args.directory), progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        audit.show(report, page())
    return 0 if report.verdict == "intact" else 1


def _shares(args: argparse.Namespace) -> int:
    from extproc.bench import shares

    report = shares.run(shares.Options(requests=args.requests, percent=args.percent, window_s=args.window_s, seed=args.seed))
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        shares.show(report, page())
    return 0 if report.is_held else 1


def _scan(args: argparse.Namespace) -> int:
    from extproc.bench import scan

    with bench.progress(Console(stderr=True)) as progress:
        report = scan.run(scan.Options(samples=args.samples, seed=args.seed), progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        scan.show(report, page())
    return 0


def _replay(args: argparse.Namespace) -> int:
    from extproc.bench import replay

    with bench.progress(Console(stderr=True)) as progress:
        report = replay.run(replay.Options(sessions=args.sessions, seed=args.seed), progress)
    if args.json:
        print(json.dumps(report.as_json()))
    else:
        replay.show(report, page())
    return 1 if report.failures else 0
