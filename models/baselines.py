"""What the model has to beat: the length of the ask, and a logistic regression on words and pairs of words (TF-IDF)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from extproc.classify import window
from models import corpus, metrics

_WORDS = 30_000
_PENALTY = 1.0
_STEPS = 200


def lengths(rows: Sequence[corpus.Row]) -> np.ndarray:
    """Characters of each ask."""
    return np.array([len(row.prompt.ask) for row in rows], float)


def by_length(train: Sequence[corpus.Row], test: Sequence[corpus.Row]) -> np.ndarray:
    """Tiers of `test`, by the cuts that are best on `train`."""
    return metrics.tiers(lengths(test), metrics.best_cuts(lengths(train), truth(train)))


def truth(rows: Sequence[corpus.Row]) -> np.ndarray:
    """The labelled tiers."""
    return np.array([row.label for row in rows])


def by_words(train: Sequence[corpus.Row], test: Sequence[corpus.Row]) -> np.ndarray:
    """P(simple), P(standard), P(complex) of `test`, by multinomial logistic regression fitted on `train` alone: [row, 3]."""
    from scipy import optimize

    told = [_grams(row) for row in train]
    often = Counter(gram for grams in told for gram in grams)
    known = {gram: at for at, (gram, count) in enumerate(sorted(often.items(), key=lambda item: (-item[1], item[0]))[:_WORDS]) if count > 1}
    rarity = np.array([np.log((1 + len(told)) / (1 + often[gram])) + 1 for gram in known])
    seen, labels = _matrix(told, known, rarity), truth(train)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(3, -1)
        chances = metrics.softmax(seen @ weights[:, :-1].T + weights[:, -1])
        error = chances.copy()
        error[np.arange(len(labels)), labels] -= 1
        slope = np.concatenate([(seen.T @ error).T + _PENALTY * weights[:, :-1], error.sum(0)[:, None]], 1)
        value = -np.log(chances[np.arange(len(labels)), labels] + 1e-12).sum() + 0.5 * _PENALTY * (weights[:, :-1] ** 2).sum()
        return float(value), slope.ravel()

    fitted = optimize.minimize(loss, np.zeros(3 * (len(known) + 1)), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    weights = fitted.x.reshape(3, -1)
    return metrics.softmax(_matrix([_grams(row) for row in test], known, rarity) @ weights[:, :-1].T + weights[:, -1])


def _grams(row: corpus.Row) -> list[str]:
    words = window.canonical(row.prompt.ask[:4000]).split()
    return [*words, *map(" ".join, pairwise(words))]


def _matrix(told: Sequence[Sequence[str]], known: dict[str, int], rarity: np.ndarray) -> np.ndarray:  # a sparse matrix
    from scipy import sparse

    places, columns, values = [], [], []
    for at, grams in enumerate(told):
        counts = Counter(gram for gram in grams if gram in known)
        found = np.array([(1 + np.log(count)) * rarity[known[gram]] for gram, count in counts.items()])
        places += [at] * len(counts)
        columns += [known[gram] for gram in counts]
        values += list(found / (np.linalg.norm(found) or 1.0))
    return sparse.csr_matrix((values, (places, columns)), shape=(len(told), len(known)))
