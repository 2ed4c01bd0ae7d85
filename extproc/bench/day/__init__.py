"""A day of a million requests: settled, kept and added up again, to the micro-dollar.

What lives here: the synthetic day, the run through the real settler into a store of its own, the comparison of its total with
a plain sum. What must not: sums that are made as the product makes them.
"""

from __future__ import annotations

from extproc.bench.day.report import Report
from extproc.bench.day.run import Options, run
from extproc.bench.day.table import show

__all__ = ["Options", "Report", "run", "show"]
