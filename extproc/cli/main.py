"""`tiermesh`: arguments in, exit status out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path

from extproc.cli import audit_options, bench_options, egress_options, eval_options
from extproc.errors import ConfigError, TierMeshError
from extproc.scope import LEVELS

_ABOUT = """\
TierMesh reads each LLM request that passes Envoy, scores how hard it is, and has Envoy route it to the
cheapest tier that can answer it. Apps change nothing.

  tiermesh demo                      see it work, with stand-in backends, on this machine
  tiermesh check tiermesh.yaml       what is wrong with a configuration, all at once
  tiermesh up tiermesh.yaml          Envoy and TierMesh here, in front of your backends
  tiermesh explain request.json      why a request would go where it would go
  tiermesh report tiermesh.yaml      what was spent, by whom and on what
"""

_OK, _FAILED, _USAGE = 0, 1, 2

# As in extproc.report, which takes long to load.
_KINDS = (*LEVELS, "asked_model", "model", "tier", "backend", "location", "task", "api")
_TIMES = ("hour", "day", "month")
_SORTS = ("cost", "saved", "requests", "tokens")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tiermesh", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for add in (
        _add_up,
        _add_serve,
        _add_demo,
        _add_check,
        _add_render,
        _add_explain,
        _add_score,
        _add_scan,
        _add_eval,
        _add_calibrate,
        _add_prices,
        _add_measure,
        _add_report,
        _add_budget,
        _add_forecast,
        _add_raise,
        _add_key,
        _add_audit,
        _add_bench,
    ):
        add(commands)
    return parser


_Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add(commands: _Commands, name: str, summary: str, details: str = "") -> argparse.ArgumentParser:  # type: ignore[valid-type]
    command: argparse.ArgumentParser = commands.add_parser(  # type: ignore[attr-defined]
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {details}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


def _add_up(commands: _Commands) -> None:  # type: ignore[valid-type]
    up = _add(
        commands,
        "up",
        "run Envoy and TierMesh here, in front of your backends",
        "For a laptop or a VM. Ctrl-C ends both, requests in flight first.",
    )
    up.add_argument("file", type=Path, help="tiermesh.yaml")
    up.add_argument("--concurrency", type=int, default=0, metavar="N", help="Envoy's worker threads (default: one per core)")


def _add_serve(commands: _Commands) -> None:  # type: ignore[valid-type]
    serve = _add(
        commands, "serve", "run the TierMesh workers alone, beside an Envoy you already have",
        "Signals: TERM drains and ends, HUP reads the file now, USR2 replaces every worker without losing a request.",
    )  # fmt: skip
    serve.add_argument("file", type=Path, help="tiermesh.yaml")


def _add_demo(commands: _Commands) -> None:  # type: ignore[valid-type]
    demo = _add(
        commands, "demo", "show the whole thing on this machine, with stand-in backends",
        "Starts Envoy, the workers, the embedded store and three stand-ins, sends a small mixed workload, prints what became of it.",
    )  # fmt: skip
    demo.add_argument("--once", action="store_true", help="end after the workload; exit status 1 when anything in it went wrong")
    demo.add_argument("--json", action="store_true", help="print the records as JSON on standard output")
    demo.add_argument("--port", type=int, default=8080, help="port of the gateway (default 8080)")


def _add_check(commands: _Commands) -> None:  # type: ignore[valid-type]
    check = _add(commands, "check", "report every problem of a configuration", "Exit status 0 when it can be used, 1 when not.")
    check.add_argument("file", type=Path, help="tiermesh.yaml")
    check.add_argument("--json", action="store_true", help="problems and warnings as JSON")
    check.add_argument("--schema", action="store_true", help="print the JSON Schema of tiermesh.yaml for your editor instead")


def _add_render(commands: _Commands) -> None:  # type: ignore[valid-type]
    render = _add(commands, "render", "print configuration of proxies and networks made from tiermesh.yaml")
    render.add_argument("what", choices=["envoy", "egress"], help="envoy: a whole bootstrap; egress: what keeps apps from going round it")
    render.add_argument("file", type=Path, help="tiermesh.yaml")
    render.add_argument("--run-dir", type=Path, default=None, help="directory of the workers' sockets (default: as configured)")
    render.add_argument("--workers", type=int, default=0, help="number of workers (default: as configured)")
    render.add_argument("--write-secrets", action="store_true", help="also write the SDS files that point Envoy at the key files")
    egress_options.add_to(render)


def _add_explain(commands: _Commands) -> None:  # type: ignore[valid-type]
    explain = _add(commands, "explain", "show the whole decision about one request, without any network")
    explain.add_argument("file", help="a file with the request's JSON body, or - for standard input")
    explain.add_argument("--config", type=Path, default=None, help="tiermesh.yaml (default: the demo's)")
    explain.add_argument("--scope", default="default", help="who asks, as access rules see it: organisation/department/team/app/user")
    explain.add_argument(
        "--api", choices=["chat", "completions", "responses", "embeddings", "messages"], help="default: told from the body"
    )
    explain.add_argument("--json", action="store_true", help="the same as JSON")


def _add_score(commands: _Commands) -> None:  # type: ignore[valid-type]
    score = _add(commands, "score", "score many requests", "Prints a JSON line for each row: id, score, tier, task, ms.")
    score.add_argument("file", help="JSON lines, .gz or not, or -: rows with id and prompt, or id, api and body")
    score.add_argument("--config", type=Path, default=None, help="tiermesh.yaml whose tiers and model are used")


def _add_scan(commands: _Commands) -> None:  # type: ignore[valid-type]
    scan = _add(
        commands, "scan", "tell what in requests must not leave",
        "Prints a JSON line for each row: id, verdict, kinds, unread, ms; never what was found.",
    )  # fmt: skip
    eval_options.add_scan_to(scan)


def _add_eval(commands: _Commands) -> None:  # type: ignore[valid-type]
    eval_options.add_eval_to(_add(commands, "eval", "measure how well requests are judged, on labelled sets"))


def _add_calibrate(commands: _Commands) -> None:  # type: ignore[valid-type]
    calibrate = _add(
        commands, "calibrate", "find thresholds for a share of strong calls, a day's money or a quality, from a sample of your traffic",
        "Without a goal: what the present thresholds do. Nothing is written without --write.",
    )  # fmt: skip
    eval_options.add_calibrate_to(calibrate)


def _add_report(commands: _Commands) -> None:  # type: ignore[valid-type]
    report = _add(
        commands, "report", "show what was spent, by whom and on what",
        "Days are inclusive. Without --json, --csv or --html it prints a table.",
    )  # fmt: skip
    report.add_argument("file", type=Path, help="tiermesh.yaml, whose store is read")
    report.add_argument("--by", action="append", choices=[*_KINDS, *_TIMES], help="what to add up by; several are combined (default: tier)")
    _add_scope_and_zone(report)
    report.add_argument("--from", type=_day, dest="first", metavar="DAY", help="first day, such as 2026-11-01 (default: the month's)")
    report.add_argument("--to", type=_day, metavar="DAY", help="last day (default: today)")
    report.add_argument("--top", type=_count, default=0, metavar="N", help="show the first N rows and the others as one")
    report.add_argument("--sort", choices=_SORTS, help="largest first (default: by cost; days and hours by time)")
    shapes = report.add_mutually_exclusive_group()
    shapes.add_argument("--json", action="store_true", help="the same as JSON, money in micro-USD")
    shapes.add_argument("--csv", action="store_true", help="the same as CSV, money in US dollars")
    shapes.add_argument("--html", type=Path, metavar="FILE", help="write one page with charts that needs nothing else")


def _add_budget(commands: _Commands) -> None:  # type: ignore[valid-type]
    budget = _add(
        commands, "budget", "show where every scope stands with its limits",
        "Fullest first. Of a limit that nobody has used in its present window there is nothing to show.",
    )  # fmt: skip
    budget.add_argument("file", type=Path, help="tiermesh.yaml, whose store is read")
    budget.add_argument("--scope", default="", metavar="PATH", help="what concerns it: limits at it, below it and around it")
    budget.add_argument("--limit", default="", metavar="NAME", help="one limit alone")
    budget.add_argument("--json", action="store_true", help="the same as JSON, money in micro-USD")


def _add_forecast(commands: _Commands) -> None:  # type: ignore[valid-type]
    forecast = _add(
        commands, "forecast", "tell what the month will come to, with an interval",
        "Each scope is judged by its own last eight weeks; with less than two it says so instead.",
    )  # fmt: skip
    forecast.add_argument("file", type=Path, help="tiermesh.yaml, whose store is read")
    forecast.add_argument("--by", choices=_KINDS, default="team", help="default: team")
    _add_scope_and_zone(forecast)
    forecast.add_argument(
        "--interval", type=_percent, default=80, metavar="PERCENT", help="chance that the month ends within it (default 80)"
    )
    forecast.add_argument("--json", action="store_true", help="the same as JSON, money in micro-USD")


def _add_raise(commands: _Commands) -> None:  # type: ignore[valid-type]
    lift = _add(
        commands, "raise", "raise a limit of one scope for a while, or list every raise there was",
        "Without a limit, lists them. In force with the next request, whichever worker it meets.",
    )  # fmt: skip
    lift.set_defaults(module="raising")
    lift.add_argument("file", type=Path, help="tiermesh.yaml, whose store is used")
    lift.add_argument("limit", nargs="?", help="name of the limit")
    lift.add_argument("scope", nargs="?", default="", help="whose, such as acme/retail/search")
    lift.add_argument("--by", metavar="AMOUNT", help="how much more: US dollars, requests or tokens")
    lift.add_argument("--until", metavar="WHEN", help="3d, 12h, 2w, or a time such as 2026-12-01T08:00+01:00")
    lift.add_argument("--reason", default="", help="why; kept for good")
    lift.add_argument("--who", default="", help="who says so (default: the user who is logged in)")
    lift.add_argument("--end", action="store_true", help="end the raise now")
    lift.add_argument("--json", action="store_true", help="the list as JSON")


def _add_scope_and_zone(command: argparse.ArgumentParser) -> None:
    command.add_argument("--scope", default="", metavar="PATH", help="only what is at or below it: acme/retail, acme/*/search")
    command.add_argument("--timezone", default="UTC", metavar="ZONE", help="where days begin, such as Europe/Berlin (default UTC)")


def _percent(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 99):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 99")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("must be a whole number, 0 or more")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day such as 2026-11-01") from None


def _add_prices(commands: _Commands) -> None:  # type: ignore[valid-type]
    prices = _add(
        commands, "prices", "show what models cost, since when, and who says so",
        "Without a model: all that the price book has. Exit status 1 when a model is not known.",
    )  # fmt: skip
    prices.add_argument("model", nargs="*", metavar="MODEL", help="models to show, with all their prices")
    prices.add_argument("--config", type=Path, default=None, help="tiermesh.yaml whose own prices and backends are shown too")
    prices.add_argument("--at", default="", metavar="DATE", help="the day whose prices are shown (default: today)")
    prices.add_argument("--json", action="store_true", help="the same as JSON")


def _add_measure(commands: _Commands) -> None:  # type: ignore[valid-type]
    measure = _add(
        commands, "measure", "measure a self-hosted server's tokens a second, for a price by GPU hours",
        "Keeps an OpenAI-compatible server busy, first with long prompts, then with long answers, and reads the usage it reports.",
    )  # fmt: skip
    measure.add_argument("url", help="address of the server, such as http://127.0.0.1:8000")
    measure.add_argument("--model", required=True, help="name of the model there")
    measure.add_argument("--api", choices=["chat", "completions"], default="chat", help="which API to use (default chat)")
    measure.add_argument("--seconds", type=float, default=60.0, help="how long each of the two takes (default 60)")
    measure.add_argument("--concurrency", type=int, default=32, metavar="N", help="requests in flight (default 32)")
    measure.add_argument("--gpus", type=int, default=1, metavar="N", help="GPUs behind the server, for the price (default 1)")
    measure.add_argument("--usd-per-hour", default=None, metavar="USD", help="what one GPU costs for an hour; prints the price of tokens")
    measure.add_argument("--key-file", type=Path, default=None, help="a file that holds the server's key alone")
    measure.add_argument("--json", action="store_true", help="the same as JSON")


def _add_key(commands: _Commands) -> None:  # type: ignore[valid-type]
    key = _add(
        commands, "key", "make an API key, of which tiermesh.yaml holds only the digest",
        "The key goes to standard output, the lines for identity.keys to standard error.",
    )  # fmt: skip
    what = key.add_mutually_exclusive_group(required=True)
    what.add_argument("--scope", help="whose key it is: organisation/department/team/app/user, cut where you like")
    what.add_argument("--hash", action="store_true", help="make none: read a key on standard input and print its digest")
    key.add_argument("--name", default="", help="what people call it")
    key.add_argument("--expires", default="", metavar="DAY", help="last day it is good for (UTC), such as 2027-03-31")


def _add_audit(commands: _Commands) -> None:  # type: ignore[valid-type]
    audit = _add(commands, "audit", "verify the audit log, and tell what left", "Reads the files alone: no gateway, no store, no network.")
    audit_options.add_to(audit, _day)


def _add_bench(commands: _Commands) -> None:  # type: ignore[valid-type]
    bench = _add(
        commands, "bench", "measure what TierMesh adds to Envoy, against other filters, in one alternating run",
        "Absolute times depend on the machine; the ratios are what to compare.",
    )  # fmt: skip
    bench_options.add_to(bench)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 it was not as it should be, 2 it could not start."""
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = import_module(f"extproc.cli.{getattr(args, 'module', args.command)}").run
    try:
        return command(args)
    except ConfigError as error:
        print(f"{getattr(args, 'config', None) or getattr(args, 'file', 'the configuration')} cannot be used:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return _FAILED
    except TierMeshError as error:
        print(f"tiermesh: {error}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _OK
