"""What can be said to `tiermesh audit`. Loads nothing that takes long: every command's arguments are known at each start."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

# As in extproc.audit, which takes long to load.
_EVENTS = ("released", "fell_back", "blocked", "refused", "spilled")

_VERIFY = (
    "Finds what was altered, removed, moved, put in or cut off, and says where. Exit status 0 when the log is as its writers left it, "
    "1 when it is not, 2 when it cannot be read."
)
_REPORT = (
    "Verifies the log on the way. Days are inclusive, in UTC. Exit status 1 when the log is broken, or when something sensitive left "
    "that no rule names."
)


def add_to(audit: argparse.ArgumentParser, day: Callable[[str], date]) -> None:
    """A subcommand for each question."""
    questions = audit.add_subparsers(title="questions", dest="what", metavar="WHAT", required=True)
    verify = questions.add_parser("verify", help="find out whether anything was touched", description=_VERIFY)
    _add_log(verify)
    verify.add_argument("--json", action="store_true", help="the same as JSON")
    report = questions.add_parser("report", help="what left, by whom, where to, and the evidence", description=_REPORT)
    _add_log(report)
    report.add_argument("--from", type=day, dest="first", metavar="DAY", help="first day, such as 2026-11-01 (default: the log's)")
    report.add_argument("--to", type=day, metavar="DAY", help="last day (default: the log's)")
    report.add_argument("--scope", default="", metavar="PATH", help="only what is at or below it: acme/retail, acme/*/search")
    shapes = report.add_mutually_exclusive_group()
    shapes.add_argument("--json", action="store_true", help="the same as JSON")
    shapes.add_argument("--csv", action="store_true", help="the rows as CSV")
    show = questions.add_parser("show", help="print records, the latest last", description="Does not verify them.")
    show.add_argument("directory", type=Path, help="where the log is, or tiermesh.yaml")
    show.add_argument("--last", type=int, default=20, metavar="N", help="so many (default 20)")
    show.add_argument("--event", action="append", choices=_EVENTS, help="only these; several are combined")
    show.add_argument("--request", default="", metavar="ID", help="only those of this request")
    show.add_argument("--json", action="store_true", help="a JSON line for each record")
    digest = questions.add_parser(
        "digest", help="the keyed digest of a body, to find its record", description="Needs the secret that the log is written with."
    )
    digest.add_argument("file", help="a file with the request's body, or - for standard input")
    digest.add_argument("--key-file", type=Path, required=True, help="as in audit.key_file")


def _add_log(command: argparse.ArgumentParser) -> None:
    command.add_argument("directory", type=Path, help="where the log is or a copy of it, or tiermesh.yaml")
    command.add_argument(
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a checkpoint that was kept elsewhere; several are combined",
    )
    command.add_argument(
        "--public-key", type=Path, default=None, metavar="FILE", help="a copy of audit.pub that was kept elsewhere (default: the log's)"
    )
    command.add_argument("--pruned", action="store_true", help="the oldest files were removed on purpose")
