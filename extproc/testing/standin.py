"""A stand-in LLM backend as a process of its own; see `backend.Standin` for what it does.

python -m extproc.testing.standin --name small --port 0
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from extproc.testing import behaviour as behaviours
from extproc.testing.backend import Standin
from extproc.testing.behaviour import Behaviour


async def _serve(standin: Standin, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await standin.start(port)
    print(json.dumps({"name": standin.who.name, "port": standin.port, "url": standin.url}), flush=True)
    await stop.wait()
    await standin.refuse()


def main(argv: list[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C. Prints one JSON line when ready. Returns the exit status."""
    import uvloop

    parser = argparse.ArgumentParser(prog="python -m extproc.testing.standin", description="A stand-in LLM backend with canned answers.")
    parser.add_argument("--name", default="standin", help="what it calls itself")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--model", action="append", default=[], help="a model it has (repeatable); none: all of them")
    parser.add_argument("--behaviour", default="", metavar="SETTINGS", help="such as 'gap_ms=5; tokens=64' or 'status=503'")
    arguments = parser.parse_args(argv)
    try:
        behaviour = behaviours.parse(arguments.behaviour, name=arguments.name, default=Behaviour())
        standin = Standin(arguments.name, models=tuple(arguments.model), behaviour=behaviour, kept=0)
        uvloop.run(_serve(standin, arguments.port))
    except (OSError, ValueError) as error:
        print(f"standin: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
