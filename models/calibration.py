"""From logits to scores: the temperature, and the raw scores at which the tier should change."""

from __future__ import annotations

import numpy as np

from models import corpus, metrics

MOST_DOWN, MOST_UP = 0.03, 0.06  # shares of complex requests sent to the simple tier, and of simple ones to the complex tier
WORTH = np.array([0.0, 0.5, 1.0])  # of each tier in the raw score


def calibrate(logits: np.ndarray, own: list[corpus.Row]) -> tuple[float, tuple[float, float]]:
    """The temperature with the least log loss, and the raw scores at which tiers should change.

    Those of the least smoothed regret whose two worst kinds of mistakes stay within `MOST_DOWN` and `MOST_UP`.
    """
    truth = np.array([row.label for row in own])
    temperatures = np.linspace(0.6, 3.0, 49)
    temperature = float(min(temperatures, key=lambda value: metrics.log_loss(metrics.softmax(logits / value), truth)))
    probabilities = metrics.softmax(logits / temperature)
    raw = probabilities @ WORTH
    grid = np.linspace(0.1, 0.9, 41)
    knots = min(
        ((low, high) for low in grid for high in grid if high - low >= 0.15),
        key=lambda pair: (metrics.excess(metrics.tiers(raw, pair), truth, MOST_DOWN, MOST_UP), metrics.smooth_regret(raw, pair, truth)),
    )
    print(f"out of fold: temperature {temperature:.2f}, knots {knots[0]:.2f} {knots[1]:.2f}")
    print(
        metrics.report(metrics.tiers(raw, knots), truth),
        f"ECE {metrics.calibration_error(probabilities, truth):.3f}, log loss {metrics.log_loss(probabilities, truth):.4f}",
        f"most probable {(probabilities.argmax(1) == truth).mean():.4f}",
    )
    return temperature, (float(knots[0]), float(knots[1]))


def agreement(logits: np.ndarray, rows: list[corpus.Row]) -> float:
    """Spearman's correlation of the score with the labelled tier."""
    truth = np.array([row.label for row in rows])
    return metrics.spearman(metrics.softmax(logits) @ WORTH, truth) if len(rows) else 0.0
