"""How well requests are judged, measured on labelled sets beside a simple rival in the same run.

What lives here: the rows of such a set, the rivals, and the arithmetic from verdicts to shares with their intervals. What must
not: the judging itself, and any file or terminal.
"""

from extproc.bench.quality.baseline import Baseline
from extproc.bench.quality.labelled import Labelled
from extproc.bench.quality.residency import Judge, Outcome, Report, judged, report
from extproc.bench.quality.share import Share

__all__ = ["Baseline", "Judge", "Labelled", "Outcome", "Report", "Share", "judged", "report"]
