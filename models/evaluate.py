"""Prints the model card's numbers for a model directory.

    python -m models.evaluate extproc/classify/model [--metrics DIR]

The first table is on the hand-written requests that training never sees. With --metrics, a directory that has
routellm_metrics.py and its evaluation files, RouteLLM's APGR and CPT follow.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from extproc.classify import Classifier
from models import corpus, metrics


def main() -> None:
    """Reads the arguments, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--metrics", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    classifier = Classifier.load(arguments.model)
    print(f"{classifier.manifest.name} {classifier.manifest.revision}, loaded in {(time.perf_counter() - started) * 1e3:.0f} ms")
    own, held = corpus.gateway()
    held_out(classifier, own, held)
    robustness(classifier, held)
    latency(arguments.model, classifier, held)
    if arguments.metrics:
        routellm(classifier, arguments.metrics)


def held_out(classifier: Classifier, own: list[corpus.Row], held: list[corpus.Row]) -> None:
    """Accuracy, cost, confusion and calibration on the held-out requests, and what length alone reaches."""
    verdicts = [classifier.classify(row.prompt) for row in held]
    truth = np.array([int(np.argmax(row.tier)) for row in held])
    cuts = (classifier.manifest.thresholds["simple"], classifier.manifest.thresholds["standard"])
    chosen = metrics.tiers(np.array([verdict.score for verdict in verdicts]), cuts)
    probabilities = np.array([[verdict.p_simple, verdict.p_standard, verdict.p_complex] for verdict in verdicts])
    print(f"held out ({len(held)}): {metrics.report(chosen, truth)}")
    low, high = interval(lambda at: float((chosen[at] == truth[at]).mean()), len(held))
    print(f"  95% interval of accuracy {low:.3f} .. {high:.3f}; ECE {metrics.calibration_error(probabilities, truth):.3f}")
    right = np.mean([corpus.TASKS[row.task] == verdict.task for row, verdict in zip(held, verdicts, strict=True)])
    print(f"  task accuracy {right:.3f}")
    english = np.array([row.lang == "en" for row in held])
    for name, which in (("English", english), ("other languages", ~english)):
        print(f"  {name} ({which.sum()}): {metrics.report(chosen[which], truth[which])}")
    lengths = np.array([len(row.prompt.ask) for row in own], float)
    fitted = metrics.best_cuts(lengths, np.array([int(np.argmax(row.tier)) for row in own]))
    by_length = metrics.tiers(np.array([len(row.prompt.ask) for row in held], float), fitted)
    print(f"length, cuts fitted on the training part: {metrics.report(by_length, truth)}")


def interval(statistic: Callable[[np.ndarray], float], count: int) -> tuple[float, float]:
    """The 95% bootstrap interval of a statistic of row numbers."""
    rng = np.random.default_rng(0)
    values = [statistic(rng.integers(0, count, count)) for _ in range(1000)]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def robustness(classifier: Classifier, held: list[corpus.Row]) -> None:
    """How many tiers flip under changes that leave the request what it was."""
    rng = random.Random(7)
    cuts = (classifier.manifest.thresholds["simple"], classifier.manifest.thresholds["standard"])
    system = " ".join(corpus.Pieces.load().systems[2:6])

    def tier(prompt: corpus.Prompt) -> int:
        return int(metrics.tiers(np.array([classifier.classify(prompt).score]), cuts)[0])

    def with_ask(prompt: corpus.Prompt, ask: str) -> corpus.Prompt:
        turns = tuple(corpus.Said(turn.role, ask, turn.tool_calls) if turn.text == prompt.ask else turn for turn in prompt.turns)
        return corpus.Prompt(ask, prompt.system, turns, prompt.tool_count, prompt.schema_chars)

    changes: dict[str, Callable[[corpus.Prompt], corpus.Prompt]] = {
        "upper case": lambda prompt: with_ask(prompt, prompt.ask.upper()),
        "double spaces": lambda prompt: with_ask(prompt, prompt.ask.replace(" ", "  ")),
        "2% typos": lambda prompt: with_ask(prompt, corpus.typos(prompt.ask, rng)),
        "please": lambda prompt: with_ask(prompt, "Please: " + prompt.ask),
        "long system prompt": lambda prompt: corpus.Prompt(
            prompt.ask, prompt.system + " " + system, prompt.turns, prompt.tool_count, prompt.schema_chars
        ),
    }
    before = [tier(row.prompt) for row in held]
    for name, change in changes.items():
        after = [tier(change(row.prompt)) for row in held]
        moves = np.abs(np.array(after) - np.array(before))
        print(f"  {name}: {(moves > 0).mean():.1%} of tiers flip, {(moves > 1).mean():.1%} by two")


def latency(directory: Path, classifier: Classifier, held: list[corpus.Row]) -> None:
    """Microseconds a verdict at some lengths, when the words are in memory and when none is; about four characters a token."""
    rng = random.Random(3)
    words = " ".join(row.prompt.ask for row in held if row.prompt.ask.isascii()).split()
    for tokens in (32, 100, 500, 1000, 5000):
        starts = [rng.randrange(len(words)) for _ in range(150)]
        texts = [" ".join((words[start:] + words * 40)[: int(tokens * 0.72)]) for start in starts]
        met = [time_us for _ in range(8) for time_us in times_us(classifier, texts)]
        new = times_us(Classifier.load(directory), texts)
        print(f"  about {tokens} tokens: p50 {np.quantile(met, 0.5):.0f} us, p99 {np.quantile(met, 0.99):.0f} us", end="; ")
        print(f"first texts of a new worker: p50 {np.quantile(new, 0.5):.0f} us, p99 {np.quantile(new, 0.99):.0f} us")


def times_us(classifier: Classifier, texts: list[str]) -> list[float]:
    """How long each verdict took."""
    times = []
    for text in texts:
        began = time.perf_counter()
        classifier.classify_text(text)
        times.append((time.perf_counter() - began) * 1e6)
    return times


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
            print(f"{name} {label}: {module.evaluate(bench, by_id)}, 95% interval {module.bootstrap(bench, by_id)}")


if __name__ == "__main__":
    main()
