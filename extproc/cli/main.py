"""`tiermesh`: arguments in, exit status out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from extproc.errors import ConfigError, TierMeshError

_ABOUT = """\
TierMesh reads each LLM request that passes Envoy, scores how hard it is, and has Envoy route it to the
cheapest tier that can answer it. Apps change nothing.

  tiermesh demo                      see it work, with stand-in backends, on this machine
  tiermesh check tiermesh.yaml       what is wrong with a configuration, all at once
  tiermesh up tiermesh.yaml          Envoy and TierMesh here, in front of your backends
  tiermesh explain request.json      why a request would go where it would go
"""

_OK, _FAILED, _USAGE = 0, 1, 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tiermesh", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for add in (_add_up, _add_serve, _add_demo, _add_check, _add_render, _add_explain, _add_score, _add_bench):
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
    render = _add(commands, "render", "print proxy configuration made from tiermesh.yaml")
    render.add_argument("what", choices=["envoy"], help="envoy: a whole bootstrap")
    render.add_argument("file", type=Path, help="tiermesh.yaml")
    render.add_argument("--run-dir", type=Path, default=None, help="directory of the workers' sockets (default: as configured)")
    render.add_argument("--workers", type=int, default=0, help="number of workers (default: as configured)")
    render.add_argument("--write-secrets", action="store_true", help="also write the SDS files that point Envoy at the key files")


def _add_explain(commands: _Commands) -> None:  # type: ignore[valid-type]
    explain = _add(commands, "explain", "show the whole decision about one request, without any network")
    explain.add_argument("file", help="a file with the request's JSON body, or - for standard input")
    explain.add_argument("--config", type=Path, default=None, help="tiermesh.yaml (default: the demo's)")
    explain.add_argument(
        "--api", choices=["chat", "completions", "responses", "embeddings", "messages"], help="default: told from the body"
    )
    explain.add_argument("--json", action="store_true", help="the same as JSON")


def _add_score(commands: _Commands) -> None:  # type: ignore[valid-type]
    score = _add(commands, "score", "score many requests", "Prints a JSON line for each row: id, score, tier, task, ms.")
    score.add_argument("file", help="JSON lines, .gz or not, or -: rows with id and prompt, or id, api and body")
    score.add_argument("--config", type=Path, default=None, help="tiermesh.yaml whose tiers and model are used")


def _add_bench(commands: _Commands) -> None:  # type: ignore[valid-type]
    bench = _add(
        commands, "bench", "measure what TierMesh adds to Envoy, against other filters, in one alternating run",
        "Absolute times depend on the machine; the ratios are what to compare.",
    )  # fmt: skip
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


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 it was not as it should be, 2 it could not start."""
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = import_module(f"extproc.cli.{args.command}").run
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
