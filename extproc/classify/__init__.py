"""How hard is a request, and of what kind? Text window, features, the ONNX model, its calibrated verdict.

What lives here reads a parsed request and gives an opinion on it, in bounded time, whatever the text. Which tier or backend
follows from a score is decided in `routing`; nothing here knows of tiers' names, prices or policy, and nothing of a request is
kept or logged. How the model is made is in `models/`.
"""

from extproc.classify.classifier import DEFAULT_DIRECTORY, Classifier, Verdict

__all__ = ["DEFAULT_DIRECTORY", "Classifier", "Verdict"]
