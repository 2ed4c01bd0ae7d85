"""The training rows: the project's own requests, requests put together from pieces, and public prompts with weak labels.

Everything becomes a `Row`: a request as the classifier reads one, a soft label over the three tiers (or none), a task
family (or none), the source, and weights. Nothing marked for evaluation is ever read as training data.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from extproc.classify.window import Prompt, Said
from models import exercises

TIERS = ("simple", "standard", "complex")
TASKS = ("format", "extract", "translate", "summary", "writing", "qa", "reasoning", "code", "agent")
HELD_SHARE = 0.2
TEST = "gateway_test.jsonl"  # another author's; scored when everything is chosen, read by nothing here
TAUGHT_WEIGHT = 0.65
BELIEVED = 0.7  # share of the larger model's opinion in the label of a row that has one by hand
SENTENCE_UNIT = 24  # what a standard deviation of a sentence vector is in 8 bits
OWN = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Row:
    """A request and what is known about it. `tier` is a soft label; a weight of 0 means the label says nothing."""

    prompt: Prompt
    tier: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tier_weight: float = 0.0
    task: int = -1
    source: str = "own"
    id: str = ""
    lang: str = "en"
    style: str = "plain"
    label: int = -1  # the tier given by hand; `tier` may lean elsewhere
    is_judged: bool = False  # a public prompt with a full label
    rank: float | None = None  # how hard within its source, in standard deviations; for exams and word problems


def one_hot(tier: str, smoothing: float = 0.04) -> tuple[float, float, float]:
    """`tier` as a soft label: neighbours get `smoothing`, the far end nothing."""
    at = TIERS.index(tier)
    soft = [smoothing if abs(index - at) == 1 else 0.0 for index in range(3)]
    soft[at] = 1.0 - sum(soft)
    return (soft[0], soft[1], soft[2])


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a JSONL file, gzipped or not."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    for line in text.decode().split("\n"):
        if line:
            yield json.loads(line)


def prompt_of(row: dict[str, Any]) -> Prompt:
    """The request that a row of gateway.jsonl describes."""
    turns = [Said(role, text) for role, text in row.get("before", ())]
    turns.append(Said("user", row["ask"]))
    turns += [Said(turn[0], turn[1], *turn[2:]) for turn in row.get("after", ())]
    return Prompt(row["ask"], row.get("system", ""), tuple(turns), row.get("tools", 0), row.get("schema_chars", 90 * row.get("tools", 0)))


def row_of(row: dict[str, Any]) -> Row:
    """The row that a line of gateway.jsonl stands for."""
    tier, task = mixed(one_hot(row["tier"]), taught().get(row["id"])), TASKS.index(row["task"])
    return Row(prompt_of(row), tier, 1.0, task, "own", row["id"], row["lang"], row.get("style", "plain"), TIERS.index(row["tier"]))


@cache
def taught() -> dict[str, tuple[float, float, float]]:
    """What the larger model thinks, by id (see teacher.py); nothing of held-out rows."""
    path = OWN / "taught.jsonl"
    return {row["id"]: tuple(row["tiers"]) for row in lines(path)} if path.exists() else {}


@cache
def sentences() -> dict[str, np.ndarray]:
    """The sentence vectors by id, reduced (see teacher.py); nothing of held-out rows."""
    path = OWN / "sentences.npz"
    if not path.exists():
        return {}
    stored = np.load(path)
    return dict(zip(str(stored["ids"]).split("\n"), stored["vectors"].astype(np.float32) / SENTENCE_UNIT, strict=True))


def mixed(label: tuple[float, float, float], opinion: tuple[float, float, float] | None) -> tuple[float, float, float]:
    """`label` with the share of `opinion` that is believed."""
    if opinion is None:
        return label
    first, second, third = (value + BELIEVED * (other - value) for value, other in zip(label, opinion, strict=True))
    return (first, second, third)


def gateway() -> tuple[list[Row], list[Row]]:
    """The hand-written requests: (for training, held out). Which is which follows from the id, so it never changes."""
    rows = [row_of(row) for path in sorted(OWN.glob("gateway*.jsonl")) if path.name != TEST for row in lines(path)]
    held = [row for row in rows if bucket(row.id) < HELD_SHARE]
    return [row for row in rows if bucket(row.id) >= HELD_SHARE], held


def bucket(name: str, salt: str = "held") -> float:
    """A number in [0, 1) that depends on `name` alone."""
    return int(hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()[:8], 16) / 2**32


def public(directory: Path, rng: random.Random, per_source: int = 2500) -> list[Row]:
    """Public prompts: judged ones with a full label, the rest with what their source says of difficulty."""
    judged = {row["id"]: row["tier"] for row in lines(OWN / "judged.jsonl")}
    rows: list[Row] = []
    for path in sorted(directory.glob("*.jsonl.gz")):
        if path.name.startswith("eval"):
            continue
        usable = [row for row in lines(path) if not _is_barred(row)]
        kept = [row for row in usable if row["id"] in judged]
        rest = [row for row in usable if row["id"] not in judged]
        sampled = kept + rng.sample(rest, min(per_source, len(rest)))
        ranks = exercises.ranks(path.name, sampled, rng)
        for row in sampled:
            tier, weight = (mixed(one_hot(judged[row["id"]]), taught().get(row["id"])), 0.7) if row["id"] in judged else weak_label(row)
            text, rank = ranks.get(row["id"], (row["prompt"], None))
            prompt = Prompt(text, turns=(Said("user", text),))
            source = f"{row['source']}/{row.get('task')}" if "ulab" in path.name else path.name.split(".")[0]
            label = TIERS.index(judged[row["id"]]) if row["id"] in judged else -1
            rows.append(Row(prompt, tier, weight, task_of(path.name), source, row["id"], label=label, is_judged=label >= 0, rank=rank))
    return rows


def _is_barred(row: dict[str, Any]) -> bool:
    """Evaluation rows, rows that overlap with one, and reading passages that pass for exam questions."""
    if row.get("split") == "eval" or row.get("eval_overlap"):
        return True
    return "ulab" in str(row.get("source")) and "mmlu" in str(row.get("task"))


def weak_label(row: dict[str, Any]) -> tuple[tuple[float, float, float], float]:
    """(soft tier, weight) from the larger model, from outcomes or from what the source says of difficulty.

    Outcomes are noisy, so their weights are low.
    """
    if row["id"] in taught():
        return taught()[row["id"]], TAUGHT_WEIGHT
    source = str(row.get("source"))
    if "gsm8k" in source and row.get("difficulty") is not None:
        hard = min(max((float(row["difficulty"]) - 2) / 6, 0.0), 1.0)
        return (0.5 * (1 - hard), 0.5 + 0.1 * hard, 0.4 * hard), 0.06
    if row.get("weak_mean") is not None and row.get("strong_mean") is not None:
        weak = float(row["weak_mean"])
        return (0.6 * weak, 0.4, 0.6 * (1 - weak)), 0.05
    if row.get("label_hint") and row.get("label_basis") != "outcomes":
        return one_hot(TIERS[int(row["label_hint"]) - 1], 0.2), 0.06
    return (0.0, 0.0, 0.0), 0.0


def task_of(file: str) -> int:
    """The task family where the file alone tells it, else -1."""
    families = {
        "gsm8k_train": "reasoning",
        "agieval": "reasoning",
        "zeroeval_math_l5": "reasoning",
        "zeroeval_crux": "code",
        "mmlu_pro": "qa",
        "mmlu_val": "qa",
    }
    named = families.get(file.split(".", maxsplit=1)[0])
    return TASKS.index(named) if named else -1
