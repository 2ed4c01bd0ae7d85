"""Microseconds a verdict, on one thread."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from extproc.classify import Classifier
from extproc.classify.window import Prompt
from models import corpus

_ROUNDS = 8
_ODD = {"no spaces": "\u6f22\u5b57", "a character that expands": "\ufdfa", "one word": "q", "emoji": "\U0001f600"}


def report(directory: Path, classifier: Classifier, rows: Sequence[corpus.Row]) -> None:
    """Prints them for the requests themselves and for texts of some lengths, whose words are in memory or are not."""
    met = [time_us for _ in range(_ROUNDS) for time_us in times_us(classifier, [row.prompt for row in rows])]
    new = times_us(Classifier.load(directory), [row.prompt for row in rows])
    print(f"  the held-out requests: {_spread(met)}; by a new worker: {_spread(new)}")
    rng = random.Random(3)
    words = " ".join(row.prompt.ask for row in rows if row.prompt.ask.isascii()).split()
    for tokens in (32, 100, 500, 1000, 5000):
        starts = [rng.randrange(len(words)) for _ in range(150)]
        texts = [Prompt(" ".join((words[start:] + words * 40)[: int(tokens * 0.72)])) for start in starts]
        met = [time_us for _ in range(_ROUNDS) for time_us in times_us(classifier, texts)]
        new = times_us(Classifier.load(directory), texts)
        print(f"  about {tokens} tokens: {_spread(met)}; by a new worker: {_spread(new)}")
    for name, text in _ODD.items():
        print(f"  {name}: {_spread(times_us(classifier, [Prompt(text * 10_000)] * 300))}")


def _spread(times: Sequence[float]) -> str:
    return f"p50 {np.quantile(times, 0.5):.0f} us, p99 {np.quantile(times, 0.99):.0f} us"


def times_us(classifier: Classifier, prompts: Sequence[Prompt]) -> list[float]:
    """How long each verdict took."""
    times = []
    for prompt in prompts:
        began = time.perf_counter()
        classifier.classify(prompt)
        times.append((time.perf_counter() - began) * 1e6)
    return times
