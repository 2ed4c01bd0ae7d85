"""The network: the mean of the hashed words' vectors beside the features, one hidden layer, a probability for each kind.

Plain numpy: at this size a session of a runtime costs more to enter than the arithmetic takes.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extproc.errors import ModelError
from extproc.residency.context.words import BUCKETS


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

    def probabilities(self, buckets: NDArray[np.int64], features: NDArray[np.float32]) -> list[float]:
        """The probability of each kind."""
        mean = self._table.take(buckets, 0).sum(0) / np.float32(len(buckets) ** 0.5)
        hidden = np.maximum(self._hidden @ np.concatenate((mean, features)) + self._hidden_bias, 0)
        logits = self._last @ hidden + self._last_bias
        found: list[float] = (1 / (1 + np.exp(-logits))).tolist()
        return found
