"""The network: the mean of the hashed words' vectors beside the features, one hidden layer, a probability for each kind.

Plain numpy: at this size a session of a runtime costs more to enter than the arithmetic takes.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from extproc.errors import ModelError
from extproc.residency.context.words import BUCKETS, Reading


class Network:
    """A loaded network. Safe to share; it keeps nothing of what it reads."""

    def __init__(self, weights: bytes, features: int, kinds: int) -> None:
        try:
            arrays: Any = np.load(io.BytesIO(weights), allow_pickle=False)
            self._table, self._hidden, self._hidden_bias, self._last, self._last_bias = (
                np.ascontiguousarray(arrays[name].astype(np.float32)) for name in ("table", "hidden", "hidden_bias", "last", "last_bias")
            )
        except (ValueError, KeyError, OSError) as error:
            raise ModelError(f"weights.npz: {error}") from error
        dim = self._table.shape[-1]
        if self._table.shape != (BUCKETS, dim) or self._hidden.shape[1:] != (dim + features,) or self._last.shape[:1] != (kinds,):
            raise ModelError(f"weights.npz: {self._table.shape}, {self._hidden.shape}, {self._last.shape} do not fit {features} features")
        self._hidden, self._last = np.ascontiguousarray(self._hidden.T), np.ascontiguousarray(self._last.T)

    def probabilities(self, read: Reading) -> list[list[float]]:
        """The probability of each kind, for each of the texts read."""
        table = self._table
        total = np.add.reduceat(table.take(read.words, 0) + table.take(read.pairs, 0), read.starts, 0)
        total += np.add.reduceat(table.take(read.class_pairs, 0), read.class_starts, 0)
        words, classes = read.sizes()
        total /= np.sqrt(2 * words + classes).astype(np.float32)[:, None]
        hidden = np.maximum(np.concatenate((total, read.features), 1) @ self._hidden + self._hidden_bias, 0)
        logits = hidden @ self._last + self._last_bias
        found: list[list[float]] = (1 / (1 + np.exp(-logits))).tolist()
        return found
