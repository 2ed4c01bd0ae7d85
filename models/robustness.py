"""How many tiers flip under changes that leave a request what it was."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from extproc.classify import Classifier
from extproc.classify.window import Prompt, Said
from models import corpus, metrics, variations
from models.pieces import Pieces

_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]*\s*")


def flips(classifier: Classifier, rows: Sequence[corpus.Row]) -> dict[str, tuple[float, float, float]]:
    """For each change, the shares of `rows` whose tier flips, flips by two, and falls from complex to simple."""
    cuts = (classifier.manifest.thresholds["simple"], classifier.manifest.thresholds["standard"])
    before = np.array([_tier(classifier, row.prompt, cuts) for row in rows])
    found = {}
    for name, change in changes().items():
        moves = np.array([_tier(classifier, change(row.prompt), cuts) for row in rows]) - before
        found[name] = (float((moves != 0).mean()), float((abs(moves) > 1).mean()), float((moves == -2).mean()))
    return found


def _tier(classifier: Classifier, prompt: Prompt, cuts: tuple[float, float]) -> int:
    return int(metrics.tiers(np.array([classifier.classify(prompt).score]), cuts)[0])


def changes() -> dict[str, Callable[[Prompt], Prompt]]:
    """Changes by name, the same ones each time."""
    rng = random.Random(7)
    system = " ".join(Pieces.load().systems[2:6])
    return {
        "lower case": lambda prompt: with_ask(prompt, prompt.ask.lower()),
        "upper case": lambda prompt: with_ask(prompt, prompt.ask.upper()),
        "double spaces and blank lines": lambda prompt: with_ask(prompt, prompt.ask.replace(" ", "  ").replace("\n", "\n\n")),
        "2% typos": lambda prompt: with_ask(prompt, variations.typos(prompt.ask, rng)),
        "please before": lambda prompt: with_ask(prompt, "Please: " + prompt.ask),
        "please within": lambda prompt: with_ask(prompt, prompt.ask.replace(" ", " please ", 1)),
        "thanks after": lambda prompt: with_ask(prompt, prompt.ask + " Thanks a lot, this helps me!"),
        "first sentence last": lambda prompt: with_ask(prompt, reordered(prompt.ask)),
        "long system prompt": lambda prompt: replace(prompt, system=f"{prompt.system} {system}"),
        "system prompt from elsewhere": lambda prompt: replace(prompt, system=prompt.system or system),
    }


def with_ask(prompt: Prompt, ask: str) -> Prompt:
    """`prompt` with another ask."""
    turns = tuple(Said(turn.role, ask, turn.tool_calls) if turn.text == prompt.ask else turn for turn in prompt.turns)
    return replace(prompt, ask=ask, turns=turns)


def reordered(text: str) -> str:
    """`text` with its first sentence behind its last one; `text` itself if it has one sentence."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    return " ".join([*sentences[1:], sentences[0]]) if len(sentences) > 1 else text
