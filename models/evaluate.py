"""Prints the model card's numbers for a model directory.

    python -m models.evaluate extproc/classify/model [--metrics DIR]

All but the last table is on the hand-written requests that training never sees. With --metrics, a directory that has
routellm_metrics.py and its evaluation files, RouteLLM's APGR and CPT follow.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extproc.classify import Classifier
from models import baselines, corpus, latency, metrics, robustness


def main() -> None:
    """Reads the arguments, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--metrics", type=Path)
    parser.add_argument("--robustness-only", action="store_true", help="nothing that looks at the labels of the held-out rows")
    arguments = parser.parse_args()
    started = time.perf_counter()
    classifier = Classifier.load(arguments.model)
    print(f"{classifier.manifest.name} {classifier.manifest.revision}, loaded in {(time.perf_counter() - started) * 1e3:.0f} ms")
    own, held = corpus.gateway()
    if not arguments.robustness_only:
        held_out(classifier, held)
        beside(own, held)
    for change, (flips, by_two, falls) in robustness.flips(classifier, held).items():
        print(f"  {change}: {flips:.1%} of tiers flip, {by_two:.1%} by two, {falls:.1%} from complex to simple")
    latency.report(arguments.model, classifier, held)
    if arguments.metrics:
        routellm(classifier, arguments.metrics)


def held_out(classifier: Classifier, held: Sequence[corpus.Row]) -> None:
    """Accuracy, cost, confusion, calibration and rank on the held-out requests, whole and by language and style."""
    verdicts = [classifier.classify(row.prompt) for row in held]
    truth = baselines.truth(held)
    cuts = (classifier.manifest.thresholds["simple"], classifier.manifest.thresholds["standard"])
    scores = np.array([verdict.score for verdict in verdicts])
    chosen = metrics.tiers(scores, cuts)
    probabilities = np.array([[verdict.p_simple, verdict.p_standard, verdict.p_complex] for verdict in verdicts])
    print(f"held out ({len(held)}): {metrics.report(chosen, truth)}")
    print(f"  accuracy {interval(lambda at: float((chosen[at] == truth[at]).mean()), len(held))}")
    print(f"  cost {interval(lambda at: metrics.cost(chosen[at], truth[at]), len(held))}")
    print(f"  most probable tier {(probabilities.argmax(1) == truth).mean():.3f}, rank correlation {metrics.spearman(scores, truth):.3f}")
    small, middle = probabilities[:, 0], probabilities[:, 0] + probabilities[:, 1]
    print(
        f"  ECE of the most probable tier {metrics.calibration_error(probabilities, truth):.3f}, "
        f"of P(small suffices) {metrics.binary_calibration_error(small, truth == 0):.3f}, "
        f"of P(middle suffices) {metrics.binary_calibration_error(middle, truth <= 1):.3f}"
    )
    right = np.mean([corpus.TASKS[row.task] == verdict.task for row, verdict in zip(held, verdicts, strict=True)])
    print(f"  task accuracy {right:.3f}")
    english = np.array([row.lang == "en" for row in held])
    groups = {"English": english, "other languages": ~english}
    groups |= {style: np.array([row.style == style for row in held]) for style in sorted({row.style for row in held})}
    for name, which in groups.items():
        print(f"  {name} ({which.sum()}): {metrics.report(chosen[which], truth[which])}")


def beside(own: Sequence[corpus.Row], held: Sequence[corpus.Row]) -> None:
    """The baselines on the same rows."""
    truth = baselines.truth(held)
    length = baselines.by_length(own, held)
    print(f"length, cuts fitted on the training part: {metrics.report(length, truth)}")
    print(f"  accuracy {interval(lambda at: float((length[at] == truth[at]).mean()), len(held))}")
    words = baselines.by_words(own, held)
    chosen = words.argmax(1)
    print(f"words and pairs of words: {metrics.report(chosen, truth)}; ECE {metrics.calibration_error(words, truth):.3f}")
    print(f"  accuracy {interval(lambda at: float((chosen[at] == truth[at]).mean()), len(held))}")


def interval(statistic: Callable[[np.ndarray], float], count: int) -> str:
    """The 95% bootstrap interval of a statistic of row numbers."""
    rng = np.random.default_rng(0)
    values = [statistic(rng.integers(0, count, count)) for _ in range(1000)]
    return f"95% interval {np.quantile(values, 0.025):.3f} .. {np.quantile(values, 0.975):.3f}"


def routellm(classifier: Classifier, directory: Path) -> None:
    """APGR and CPT with RouteLLM's metric, beside length."""
    spec = importlib.util.spec_from_file_location("routellm_metrics", directory / "routellm_metrics.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"no routellm_metrics.py in {directory}")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.FILES:
        bench = module.load(name)
        scores = {row["id"]: classifier.classify_text(row["prompt"]).score for row in bench.rows}
        lengths = {row["id"]: float(len(row["prompt"])) for row in bench.rows}
        for label, by_id in (("model", scores), ("length", lengths)):
            found = module.evaluate(bench, by_id)
            low, high = module.bootstrap(bench, by_id)
            cpt = f"CPT50 {found['cpt50']:.0f}, CPT80 {found['cpt80']:.0f}"
            print(f"{name} {label}: APGR {found['apgr']:.3f} [{low:.3f}, {high:.3f}], {cpt}")


if __name__ == "__main__":
    main()
