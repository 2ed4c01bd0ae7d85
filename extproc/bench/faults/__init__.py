"""Who is billed what when something dies: the store, a worker, Envoy, under load.

What lives here: steady load through a whole gateway, the harm, and a ledger that holds the books against what the stand-in
backends counted themselves. What must not: anything of the product's own arithmetic on the side of the truth.
"""

from __future__ import annotations

from extproc.bench.faults.report import Report
from extproc.bench.faults.run import EXPERIMENTS, Options, run
from extproc.bench.faults.table import show

__all__ = ["EXPERIMENTS", "Options", "Report", "run", "show"]
