"""What can be said to `tiermesh bench`. Loads nothing that takes long: every command's arguments are known at each start."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_to(bench: argparse.ArgumentParser) -> None:
    """The options of the comparison, and a subcommand for each other measurement."""
    bench.set_defaults(what="")
    bench.add_argument(
        "--noop", type=Path, default=None, metavar="PATH", help="a no-op ext_proc server, called as PATH SOCKET HEADER VALUE"
    )
    bench.add_argument("--upstream", type=Path, default=None, metavar="PATH", help="a faster stand-in backend, called as PATH ADDRESS:PORT")
    bench.add_argument(
        "--litellm", type=Path, default=None, metavar="VENV", help="a virtual environment with litellm[proxy], to compare with"
    )
    bench.add_argument("--config", type=Path, default=None, help="tiermesh.yaml to take processor and telemetry settings from")
    bench.add_argument("--transport", choices=["native", "grpcio"], default="native", help="gRPC transport of the workers")
    bench.add_argument("--quick", action="store_true", help="under 40 seconds, with wider error bars")
    bench.add_argument("--json", action="store_true", help="ratios and rows as JSON on standard output")
    others = bench.add_subparsers(title="other measurements", dest="what", metavar="WHAT")
    _add_limits(others.add_parser("limits", help="what ten limits add to a request", description=_LIMITS))
    _add_day(
        others.add_parser("day", help="a day of a million requests: what its rollups take, and that its total is exact", description=_DAY)
    )
    _add_faults(others.add_parser("faults", help="who is billed what when store, worker or Envoy dies under load", description=_FAULTS))
    _add_replay(
        others.add_parser("replay", help="what agents' sessions cost here, and what they would cost otherwise", description=_REPLAY)
    )
    _add_audit(
        others.add_parser("audit", help="what a durable audit record costs, and how long a whole log is verified", description=_AUDIT)
    )
    _add_shares(others.add_parser("shares", help="how well a share of requests is held while they become harder", description=_SHARES))
    _add_scan(others.add_parser("scan", help="what reading a body for sensitive data takes, by text and length", description=_SCAN))


_REPLAY = (
    "Plays made-up agents' sessions, turn by turn, against providers that keep prompts for five minutes. Exit status 1 when a request "
    "left the backend that keeps what it carries, a change of the tier has no reason, or too little is saved."
)
_LIMITS = "The same gateway with and without ten limits on all five levels, in turns: added latency, throughput, processor time."
_DAY = (
    "Settles a synthetic day in an embedded store and adds it up again. Exit status 1 unless both totals are the same to the micro-dollar."
)
_FAULTS = (
    "Kills or stops the store, a worker and Envoy under steady load, and compares the books with what the backends served. "
    "Exit status 1 when a request was billed twice, or is missing and not marked."
)
_AUDIT = "Appends to an audit log as a gateway does, then fills one and verifies it. Exit status 1 unless it is whole and has every record."

_SHARES = (
    "Plays a stream of scores whose mean moves by three tenths, with thresholds that hold a share of it and with the threshold that was "
    "right at its beginning. Exit status 1 unless the share is held within five points."
)

_SCAN = "Times the scan for sensitive data on texts of several kinds, some written against it, beside the parse of the same body."


def _add_scan(scan: argparse.ArgumentParser) -> None:
    scan.add_argument("--samples", type=_count, default=200, metavar="N", help="of each body; longer ones have fewer (default 200)")
    scan.add_argument("--seed", type=int, default=7, metavar="N", help="another seed is another text (default 7)")
    _add_shared(scan)


def _add_limits(limits: argparse.ArgumentParser) -> None:
    limits.add_argument(
        "--upstream", type=Path, default=None, metavar="PATH", help="a faster stand-in backend, called as PATH ADDRESS:PORT"
    )
    _add_shared(limits, "under 40 seconds, with wider error bars")


def _add_day(day: argparse.ArgumentParser) -> None:
    day.add_argument("--requests", type=_count, default=1_000_000, metavar="N", help="how many (default 1,000,000)")
    day.add_argument("--seed", type=int, default=7, metavar="N", help="another seed is another day (default 7)")
    day.add_argument("--lines", type=_count, default=0, metavar="N", help="lines an hour may have (default: as in store.rollup_lines)")
    _add_shared(day)


def _add_faults(faults: argparse.ArgumentParser) -> None:
    faults.add_argument("--seconds", type=float, default=30.0, metavar="S", help="how long the store is away (default 30)")
    faults.add_argument("--only", action="append", metavar="NAME", help="only this one, such as store-killed-open; several are combined")
    _add_shared(faults, "short times for everything")


def _add_audit(audit: argparse.ArgumentParser) -> None:
    audit.add_argument("--records", type=_count, default=1_000_000, metavar="N", help="of the log that is verified (default 1,000,000)")
    audit.add_argument(
        "--directory", type=Path, default=None, metavar="DIR", help="on the disk to be measured (default: the temporary one)"
    )
    _add_shared(audit)


def _add_shares(shares: argparse.ArgumentParser) -> None:
    shares.add_argument("--requests", type=_many, default=20_000, metavar="N", help="how many, over a day (default 20,000)")
    shares.add_argument("--percent", type=float, default=20.0, metavar="P", help="the share that is held (default 20)")
    shares.add_argument("--window-s", type=_count, default=3600, metavar="S", help="how far back requests count (default 3600)")
    shares.add_argument("--seed", type=int, default=7, metavar="N", help="another seed is another stream (default 7)")
    _add_shared(shares)


def _many(text: str) -> int:
    if (count := _count(text)) < 1000:
        raise argparse.ArgumentTypeError("must be 1,000 or more")
    return count


def _add_replay(replay: argparse.ArgumentParser) -> None:
    replay.add_argument("--sessions", type=_count, default=12, metavar="N", help="how many (default 12)")
    replay.add_argument("--seed", type=int, default=7, metavar="N", help="another seed is other sessions (default 7)")
    _add_shared(replay)


def _add_shared(parser: argparse.ArgumentParser, quick: str = "") -> None:
    # Suppressed, so that what was said before the subcommand still holds.
    if quick:
        parser.add_argument("--quick", action="store_true", default=argparse.SUPPRESS, help=quick)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="the same as JSON on standard output")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)
