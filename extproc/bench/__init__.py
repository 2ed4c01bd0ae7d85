"""The engine of `tiermesh bench`: what TierMesh adds to Envoy, measured against its neighbours in one alternating run.

What lives here: the systems under test, the workloads, the alternation, and the arithmetic from samples to ratios. What
must not: anything a gateway needs, and absolute limits: times move with the machine, so only ratios of one run are compared.

How it measures. Every system stands behind the same Envoy listener with the same routes, one Envoy thread each; only the
processor differs. Load player, upstream, Envoy and processor share the machine's cores, as they do in the comparison with
others. Rounds are short and the systems take turns, in an order that rotates; each ratio is taken within a round, where the
machine was the same for both, and the median over rounds is reported with its quartiles.
"""

from __future__ import annotations

from extproc.bench.engine import run
from extproc.bench.options import Options
from extproc.bench.report import Report
from extproc.bench.table import progress, show

__all__ = ["Options", "Report", "progress", "run", "show"]
