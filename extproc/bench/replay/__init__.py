"""A dozen agents' sessions, turn by turn, through the real pipeline: what they cost here and what they would cost otherwise.

What lives here makes up conversations with all that binds them (signed thinking, encrypted reasoning, answers that are gone on
from), plays them with providers that keep the beginning of a prompt for some minutes, and adds up four ways of choosing.
"""

from extproc.bench.replay.report import Report, Way
from extproc.bench.replay.run import Options, run
from extproc.bench.replay.table import show

__all__ = ["Options", "Report", "Way", "run", "show"]
