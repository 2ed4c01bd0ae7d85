"""Exam questions and word problems: how hard each is among its like.

Outcomes and counts of steps say little about the tier of such a prompt, but something about which of two needs the stronger
model. Half of that is the length of the prompt, so the rank learnt is a mixture of both.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from math import log1p
from statistics import fmean, pstdev
from typing import Any

EXAM_LENGTH_SHARE, STEPS_LENGTH_SHARE = 0.35, 0.5
_KEPT_OPTIONS = 4
_OPTION = re.compile(r"\n[A-J]\. ")


def ranks(file: str, rows: Sequence[Mapping[str, Any]], rng: random.Random) -> dict[str, tuple[str, float]]:
    """By id: the prompt as it is to be read, and its rank in standard deviations; empty for files of other prompts."""
    if file.startswith("mmlu_pro"):
        texts = [four_options(row["prompt"], rng) for row in rows]
        hard = [1 - row["weak_mean"] + 0.5 * (row["strong_mean"] - row["weak_mean"]) for row in rows]
        share = EXAM_LENGTH_SHARE
    elif file.startswith("gsm8k"):
        texts = [row["prompt"] for row in rows]
        hard = [log1p(row["difficulty"]) for row in rows]
        share = STEPS_LENGTH_SHARE
    else:
        return {}
    lengths = standard([log1p(len(text)) for text in texts])
    mixed = [share * length + (1 - share) * of for length, of in zip(lengths, standard(hard), strict=True)]
    return {row["id"]: (text, rank) for row, text, rank in zip(rows, texts, standard(mixed), strict=True)}


def standard(values: Sequence[float]) -> list[float]:
    """`values` with mean 0 and deviation 1."""
    mean, deviation = fmean(values), pstdev(values) or 1.0
    return [(value - mean) / deviation for value in values]


def four_options(prompt: str, rng: random.Random) -> str:
    """An exam question with four of its options: a question of ten is longer, and no harder for it."""
    starts = [match.start() for match in _OPTION.finditer(prompt)]
    if len(starts) <= _KEPT_OPTIONS:
        return prompt
    end = prompt.rfind("\nAnswer:")
    end = end if end > starts[-1] else len(prompt)
    options = [prompt[start + 4 : stop] for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    kept = [options[at] for at in sorted(rng.sample(range(len(options)), _KEPT_OPTIONS))]
    return prompt[: starts[0]] + "".join(f"\n{name}. {text}" for name, text in zip("ABCD", kept, strict=True)) + prompt[end:]
