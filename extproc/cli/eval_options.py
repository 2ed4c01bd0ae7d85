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


_RESIDENCY = """\
Recall on what is sensitive and false positives on what is clean, with Wilson intervals of 95%, by kind, place and language, beside
eight regular expressions in the same run. Exit status 1 when a row cannot be used.
"""
