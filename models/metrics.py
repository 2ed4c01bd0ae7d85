"""How good verdicts are: accuracy, confusion, the weighted cost of misrouting, calibration error."""

from __future__ import annotations

import numpy as np

# COST[truth][chosen]: too weak an answer is worse than too dear a one.
COST = np.array([[0, 1, 2], [3, 0, 1], [8, 4, 0]])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def log_loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Mean negative log-likelihood."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-9)).mean())


def tiers(scores: np.ndarray, cuts: tuple[float, float]) -> np.ndarray:
    """The tier of each score: 0 up to the first cut, 1 up to the second, 2 above."""
    return (scores > cuts[0]).astype(int) + (scores > cuts[1])


def cost(chosen: np.ndarray, truth: np.ndarray) -> float:
    """Mean weighted cost."""
    return float(COST[truth, chosen].mean())


def regret(chosen: np.ndarray, truth: np.ndarray) -> float:
    """What cuts are chosen by: mean weighted cost plus the share of wrong tiers, so that caution does not eat the saving."""
    return cost(chosen, truth) + float((chosen != truth).mean())


def smooth_regret(scores: np.ndarray, cuts: tuple[float, float], truth: np.ndarray) -> float:
    """Regret averaged over cuts near these, because the best cut of a few hundred rows is an accident."""
    near = (-0.04, 0.0, 0.04)
    return float(np.mean([regret(tiers(scores, (cuts[0] + low, cuts[1] + high)), truth) for low in near for high in near]))


def confusion(chosen: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Counts [truth, chosen]."""
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (truth, chosen), 1)
    return counts


def calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the most probable tier."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == truth
    at = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs(right[at == b].mean() - sure[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any()))


def binary_calibration_error(chances: np.ndarray, happened: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the chance of an event."""
    at = np.minimum((chances * bins).astype(int), bins - 1)
    return float(sum(abs(happened[at == b].mean() - chances[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any()))


def excess(chosen: np.ndarray, truth: np.ndarray, down: float, up: float) -> float:
    """How far the share of complex requests sent to the simple tier exceeds `down`, and of simple ones to the complex tier `up`."""
    counts = confusion(chosen, truth)
    found = counts[2, 0] / max(counts[2].sum(), 1), counts[0, 2] / max(counts[0].sum(), 1)
    return float(max(found[0] - down, 0.0) + max(found[1] - up, 0.0))


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's rank correlation; equal values share the mean of their ranks."""
    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, from 0; equal values share the mean of their ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[which]


def best_cuts(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The two cuts with the highest accuracy on these very rows: what a baseline could reach at best."""
    grid = np.unique(np.quantile(scores, np.linspace(0, 1, 60)))
    return max(((low, high) for low in grid for high in grid if low <= high), key=lambda pair: float((tiers(scores, pair) == truth).mean()))


def report(chosen: np.ndarray, truth: np.ndarray) -> str:
    """One line: accuracy, cost, and the two worst kinds of mistakes; then the confusion matrix."""
    counts = confusion(chosen, truth)
    down = counts[2, 0] / max(counts[2].sum(), 1)
    up = counts[0, 2] / max(counts[0].sum(), 1)
    mistakes = f"complex to simple {down:.1%}, simple to complex {up:.1%}"
    return f"accuracy {(chosen == truth).mean():.3f}, cost {cost(chosen, truth):.3f}, {mistakes}, {counts.tolist()}"
