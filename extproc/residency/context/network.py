"""The network: two readings of a window beside its features, one hidden layer, a probability for each kind.

One reading is the mean of the hashed words' vectors, which are learnt. The other looks at three words in a row, by vectors that a
sentence encoder made of them and that stay as they are, and keeps of each of its filters the highest value in the window (Kim 2014,
"Convolutional neural networks for sentence classification"): what was learnt of a word holds for those near it in other languages.
What a filter makes of each word at each of the three places is computed once, when the model is loaded.

Plain numpy: at this size a session of a runtime costs more to enter than the arithmetic takes.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extproc.errors import ModelError
from extproc.residency.context.words import BUCKETS, Reading

_NAMES = ("table", "hidden", "hidden_bias", "last", "last_bias", "filters", "filters_bias")
PLACES = 3  # words in a row that a filter sees


class Network:
    """A loaded network. Safe to share; it keeps nothing of what it reads."""

    def __init__(self, weights: bytes, features: int, known: int, kinds: int) -> None:
        try:
            arrays: Any = np.load(io.BytesIO(weights), allow_pickle=False)
            self._table, hidden, self._hidden_bias, last, self._last_bias, filters, self._filters_bias = (
                np.ascontiguousarray(arrays[name].astype(np.float32)) for name in _NAMES
            )
            vectors = arrays["vectors"].astype(np.float32) * arrays["unit"]
        except (ValueError, KeyError, OSError) as error:
            raise ModelError(f"weights.npz: {error}") from error
        dim, size = self._table.shape[-1], filters.shape[-1]
        fits = self._table.shape == (BUCKETS, dim) and filters.shape == (PLACES, vectors.shape[-1], size) and len(vectors) == known + 1
        if not fits or hidden.shape[1:] != (dim + size + features,) or last.shape[:1] != (kinds,):
            shapes = f"{self._table.shape}, {filters.shape}, {hidden.shape}, {last.shape}"
            raise ModelError(f"weights.npz: {shapes} do not fit {features} features and {known} words")
        self._hidden, self._last = np.ascontiguousarray(hidden.T), np.ascontiguousarray(last.T)
        self._filtered: list[NDArray[np.float32]] = [vectors @ of_place for of_place in filters]

    def probabilities(self, read: Reading) -> list[list[float]]:
        """The probability of each kind, for each of the texts read."""
        entry = np.concatenate((self._mean(read), self._highest(read), read.features), 1)
        hidden = np.maximum(entry @ self._hidden + self._hidden_bias, 0)
        logits = hidden @ self._last + self._last_bias
        found: list[list[float]] = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).tolist()
        return found

    def _mean(self, read: Reading) -> NDArray[np.float32]:
        table = self._table
        total = np.add.reduceat(table.take(read.words, 0) + table.take(read.pairs, 0), read.starts, 0)
        total += np.add.reduceat(table.take(read.class_pairs, 0), read.class_starts, 0)
        words, classes = read.sizes()
        total /= np.sqrt(2 * words + classes).astype(np.float32)[:, None]
        return np.asarray(total, np.float32)

    def _highest(self, read: Reading) -> NDArray[np.float32]:
        first, second, third = self._filtered
        known = read.known
        seen = first.take(known[:-2], 0)
        seen += second.take(known[1:-1], 0)
        seen += third.take(known[2:], 0)
        highest = np.maximum.reduceat(seen, read.known_starts, 0) + self._filters_bias
        return np.asarray(np.maximum(highest, 0), np.float32)
