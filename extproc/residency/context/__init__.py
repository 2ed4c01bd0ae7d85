"""What no pattern can say: whether words about health, pay, crime or belief are about somebody, and whose a document is.

"What are the side effects of metformin?" and "Anna has been on metformin since May" hold the same word. What lives here finds
the words that such a fact hardly does without, and has a small model read the few windows of text in which they stand. How the
model is made is in `models/context.py`.
"""

from extproc.residency.context.judge import ContextJudge

__all__ = ["ContextJudge"]
