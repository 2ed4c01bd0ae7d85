"""The `tiermesh` command: one module a subcommand, each imported only when it is asked for.

What lives here reads arguments and shows results to people and scripts. Nothing here decides anything.
"""

from __future__ import annotations

from extproc.cli.main import main

__all__ = ["main"]
