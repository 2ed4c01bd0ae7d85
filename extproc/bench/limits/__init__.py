"""What limits add to a request: the same gateway with and without them, in turns, and the steps in the store by themselves.

What lives here: the two gateways, the alternation, the arithmetic. What must not: what the limits do (`extproc.limits`) and
absolute promises: the differences and ratios of one run are what can be compared.
"""

from __future__ import annotations

from extproc.bench.limits.report import Report
from extproc.bench.limits.run import Options, run
from extproc.bench.limits.table import show

__all__ = ["Options", "Report", "run", "show"]
