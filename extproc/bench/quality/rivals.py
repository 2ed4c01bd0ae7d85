"""Simple rivals of the classifier: the length of what is asked, and a linear model over its words.

Both get more than the classifier does. Length may choose its cuts on the very rows it is judged by; the words are learnt from the
project's own training rows in the same run.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from extproc.bench.quality.resample import Floats, Ints
from extproc.dialects import Request

_WORD = re.compile(r"\w+|[^\w\s]")
_BUCKETS = 2**15
_LONGEST_CHARS = 4_000
_STEPS, _RATE, _DECAY = 120, 0.5, 3e-6
_CANDIDATES = 60


def lengths(requests: Sequence[Request]) -> Floats:
    """Characters of what each request asks."""
    return np.array([len(request.ask) for request in requests], float)


def tiers(scores: Floats, cuts: Sequence[float]) -> Ints:
    """The rank of each score: how many of `cuts` it is above."""
    return np.searchsorted(np.array(cuts), scores, "left")


def best_cuts(scores: Floats, needed: Ints) -> tuple[float, float]:
    """The two cuts that are right about most of these very rows."""
    grid = np.unique(np.quantile(scores, np.linspace(0, 1, _CANDIDATES)))
    pairs = [(float(low), float(high)) for low in grid for high in grid if low <= high]
    return max(pairs, key=lambda pair: float((tiers(scores, pair) == needed).mean()))


def words_of(request: Request) -> str:
    """The text that is read for words: what is asked, then the system prompt and the turns, up to a bound."""
    return "\n".join((request.ask, request.system, *(turn.text for turn in request.turns[-4:])))[:_LONGEST_CHARS]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Sparse rows: the buckets of row i and their weights are those from `starts[i]` to `starts[i + 1]`."""

    buckets: Ints
    weights: Floats
    starts: Ints

    def times(self, matrix: Floats) -> Floats:
        """The product with a matrix of a row a bucket."""
        return np.add.reduceat(matrix[self.buckets] * self.weights[:, None], self.starts[:-1], axis=0)

    def pulled(self, errors: Floats, buckets: int) -> Floats:
        """The product of the transpose with a matrix of a row each."""
        spread = np.repeat(errors, np.diff(self.starts), axis=0) * self.weights[:, None]
        return np.stack([np.bincount(self.buckets, column, buckets) for column in spread.T], axis=1)


class WordModel:
    """Multinomial logistic regression over hashed words and pairs of words, weighted by TF-IDF; gradient descent from zero, no chance."""

    def __init__(self, texts: Sequence[str], ranks: Sequence[int], classes: int = 3) -> None:
        counted = [_counted(text) for text in texts]
        seen = np.bincount(np.concatenate([np.array(list(one), int) for one in counted]), minlength=_BUCKETS)
        self._idf = np.log((1 + len(texts)) / (1 + seen)) + 1
        self._matrix = np.zeros((_BUCKETS, classes))
        self._bias = np.zeros(classes)
        rows, truth = self._rows(counted), np.eye(classes)[np.array(ranks)]
        speed = np.full_like(self._matrix, 1e-8)
        for _ in range(_STEPS):
            errors = (_softmax(rows.times(self._matrix) + self._bias) - truth) / len(texts)
            gradient = rows.pulled(errors, _BUCKETS) + _DECAY * self._matrix
            speed += gradient**2  # Adagrad: rare words take larger steps
            self._matrix -= _RATE * gradient / np.sqrt(speed)
            self._bias -= errors.sum(0)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Of each tier, a row a text."""
        return _softmax(self._rows([_counted(text) for text in texts]).times(self._matrix) + self._bias)

    def _rows(self, counted: Sequence[dict[int, int]]) -> _Rows:
        starts, buckets, weights = [0], list[int](), list[Floats]()
        for one in counted:
            row = (1 + np.log(np.array(list(one.values()), float))) * self._idf[list(one)]
            buckets += one
            weights.append(row / np.linalg.norm(row))
            starts.append(len(buckets))
        return _Rows(np.array(buckets), np.concatenate(weights), np.array(starts))


def _counted(text: str) -> dict[int, int]:
    """How often each bucket occurs; never empty."""
    words = _WORD.findall(text.lower())
    counts: dict[int, int] = {}
    for gram in (*words, *_pairs(words), "\0"):
        bucket = zlib.crc32(gram.encode(errors="replace")) % _BUCKETS
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


def _pairs(words: Sequence[str]) -> Iterable[str]:
    return (f"{one} {other}" for one, other in pairwise(words))


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))
