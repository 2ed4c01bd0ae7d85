"""How do the backends fare? What their own metrics say of their load, and what the records of requests say of their answers.

What lives here keeps a small state for each backend and turns it into a standing: full, resting, or neither. Which backend a
request goes to is not decided here (`routing` drops what stands badly), and nothing here calls a model. One module reads
metrics over HTTP; all others are pure.
"""

from extproc.health.reader import Reader
from extproc.health.result import Result, results_of
from extproc.health.standing import Health, Standing

__all__ = ["Health", "Reader", "Result", "Standing", "results_of"]
