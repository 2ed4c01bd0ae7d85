"""The arguments of `tiermesh scan` and `tiermesh eval`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_scan_to(scan: argparse.ArgumentParser) -> None:
    """Those of `scan`."""
    scan.add_argument("file", help="JSON lines, .gz or not, or -: rows with id, api and body")
    scan.add_argument(
        "--config", type=Path, default=None, help="tiermesh.yaml whose patterns, words, hosts and networks are looked for too"
    )
    scan.add_argument("--table", action="store_true", help="a table instead of JSON lines")


def add_eval_to(evaluate: argparse.ArgumentParser) -> None:
    """Those of `eval`, one sub-command for each thing that is judged."""
    subjects = evaluate.add_subparsers(title="what is judged", dest="subject", metavar="SUBJECT", required=True)
    residency = subjects.add_parser("residency", help="what is found in requests that must stay", description=_RESIDENCY)
    residency.add_argument("files", nargs="+", metavar="FILE", help="JSON lines: id, api, body, label (sensitive or clean), kinds, where")
    residency.add_argument("--config", type=Path, default=None, help="tiermesh.yaml whose patterns, words, hosts and networks count too")
    residency.add_argument("--show", action="store_true", help="also name the rows that were missed or wrongly flagged")
    residency.add_argument("--json", action="store_true", help="the same as JSON, ids included")
    _add_routing(subjects.add_parser("routing", help="which tier requests are given", description=_ROUTING))


def add_calibrate_to(calibrate: argparse.ArgumentParser) -> None:
    """Those of `calibrate`."""
    calibrate.add_argument("sample", help="JSON lines, .gz or not, or -: id, api, body, and with --quality tier")
    calibrate.add_argument("--config", type=Path, required=True, help="tiermesh.yaml whose tiers, prices and model count")
    goal = calibrate.add_mutually_exclusive_group()
    goal.add_argument("--strong-percent", type=_percentage, metavar="P", help="how many of a hundred requests the last tier is to get")
    goal.add_argument("--usd-per-day", type=_amount, metavar="USD", help="what a day may cost")
    goal.add_argument("--quality", type=_percentage, metavar="Q", help="how many of a hundred requests are to get a tier that is enough")
    calibrate.add_argument("--requests-per-day", type=_amount, default=0.0, metavar="N", help="how many requests come on a day")
    calibrate.add_argument(
        "--output-tokens", type=int, default=0, metavar="N", help="length of an answer (default: admission.output_tokens)"
    )
    calibrate.add_argument("--write", action="store_true", help="put the thresholds into the file; everything else in it stays as it is")
    calibrate.add_argument("--json", action="store_true", help="the same as JSON, money in micro-USD")


def _add_routing(routing: argparse.ArgumentParser) -> None:
    routing.add_argument("files", nargs="*", metavar="FILE", help="JSON lines: id, api, body, tier and perhaps lang, style, task")
    routing.add_argument("--config", type=Path, default=None, help="tiermesh.yaml whose model and thresholds are judged")
    routing.add_argument("--routellm", type=Path, default=None, metavar="DIR", help="a folder with eval_routellm_*.jsonl.gz")
    routing.add_argument("--out", type=Path, default=None, metavar="DIR", help="a folder for pictures and a page")
    routing.add_argument("--json", action="store_true", help="the same as JSON")


def _percentage(text: str) -> float:
    value = _amount(text)
    if value > 100:
        raise argparse.ArgumentTypeError("must be from 0 to 100")
    return value


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be a number, 0 or more")
    return value


_RESIDENCY = """\
Recall on what is sensitive and false positives on what is clean, with Wilson intervals of 95%, by kind, place and language, beside
eight regular expressions in the same run. Exit status 1 when a row cannot be used.
"""

_ROUTING = """\
Accuracy, confusion and weighted cost with intervals of 95%, by language, style and task; calibration, robustness and latency; beside
the length of the prompt, with cut-offs fitted on the set itself, and a linear model over words, learnt from the project's own
training rows where these are. Cost of a row: simple sent to standard 1, to complex 2; standard to simple 3, to complex 1; complex to
standard 4, to simple 8. Exit status 1 when a row cannot be used.
"""
