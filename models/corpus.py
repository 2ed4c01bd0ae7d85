"""The training rows: the project's own requests, requests put together from pieces, and public prompts with weak labels.

Everything becomes a `Row`: a request as the classifier reads one, a soft label over the three tiers (or none), a task
family (or none), the source, and weights. Nothing marked for evaluation is ever read as training data.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extproc.classify.window import Prompt, Said

TIERS = ("simple", "standard", "complex")
TASKS = ("format", "extract", "translate", "summary", "writing", "qa", "reasoning", "code", "agent")
HELD_SHARE = 0.2
OWN = Path(__file__).parent / "data"
_SLOT = re.compile(r"\{([a-z]+)\}")
_SENTENCE = re.compile(r"[^.!?。\n]+[.!?。]?")


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


def gateway() -> tuple[list[Row], list[Row]]:
    """The hand-written requests: (for training, held out). Which is which follows from the id, so it never changes."""
    rows = [
        Row(prompt_of(row), one_hot(row["tier"]), 1.0, TASKS.index(row["task"]), "own", row["id"], row["lang"])
        for row in lines(OWN / "gateway.jsonl")
    ]
    held = [row for row in rows if bucket(row.id) < HELD_SHARE]
    return [row for row in rows if bucket(row.id) >= HELD_SHARE], held


def bucket(name: str, salt: str = "held") -> float:
    """A number in [0, 1) that depends on `name` alone."""
    return int(hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()[:8], 16) / 2**32


@dataclass(slots=True)
class Pieces:
    """Parts from which requests are put together."""

    asks: list[dict[str, Any]] = field(default_factory=list)
    ops: list[dict[str, Any]] = field(default_factory=list)
    docs: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)  # of the documents
    systems: list[str] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    slots: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Pieces:
        """The pieces in pieces.jsonl."""
        found = cls()
        places = {"ask": found.asks, "op": found.ops, "trace": found.traces}
        texts = {"doc": found.docs, "sys": found.systems, "agent": found.agents}
        for row in lines(OWN / "pieces.jsonl"):
            kind = row["kind"]
            if kind == "slot":
                found.slots[row["name"]] = row["values"]
            elif kind in places:
                places[kind].append(row)
            else:
                texts[kind].append(row["text"])
        found.sentences = [sentence.strip() for doc in found.docs for sentence in _SENTENCE.findall(doc)]
        return found

    def fill(self, text: str, rng: random.Random) -> str:
        """`text` with every slot replaced by one of its values."""
        return _SLOT.sub(lambda slot: rng.choice(self.slots[slot[1]]) if slot[1] in self.slots else slot[0], text)

    def filled_ask(self, rng: random.Random) -> Row:
        """A one-sentence request."""
        wanted = rng.choice(TIERS)
        piece = rng.choice([ask for ask in self.asks if ask["tier"] == wanted])
        return self.row(piece, self.fill(piece["text"], rng))

    def with_document(self, rng: random.Random) -> Row:
        """An instruction before or after material whose length and subject say nothing about the tier."""
        wanted = rng.choice(TIERS)
        piece = rng.choice([op for op in self.ops if op["tier"] == wanted])
        order = [self.fill(piece["text"], rng), self.document(rng)]
        if rng.random() < 0.4:
            order.reverse()
        fence = rng.choice(("\n\n", "\n\n", "\n---\n", '\n"""\n', "\n\nText:\n"))
        return self.row(piece, fence.join(order))

    def document(self, rng: random.Random) -> str:
        """Material: some documents, one over and over, or sentences of several."""
        kind = rng.random()
        if kind < 0.12:
            return f"{rng.choice(self.docs)} " * rng.randint(8, 30)
        if kind < 0.4:
            return " ".join(rng.choices(self.sentences, k=rng.choice((2, 4, 8, 30)))) * rng.choice((1, 1, 10))
        return "\n\n".join(rng.choices(self.docs, k=rng.choice((1, 1, 1, 2, 3, 5, 14))))

    def row(self, piece: dict[str, Any], ask: str) -> Row:
        """A row with the labels of `piece`."""
        return Row(Prompt(ask, turns=(Said("user", ask),)), one_hot(piece["tier"], 0.06), 0.5, TASKS.index(piece["task"]), "own")

    def agent_loop(self, rng: random.Random) -> Row:
        """An agent somewhere in its loop: the ask, calls and results."""
        ask = self.fill(rng.choice(self.agents), rng)
        after: list[Said] = []
        for _ in range(rng.randint(0, 6)):
            trace = rng.choice(self.traces)
            after += [Said("assistant", rng.choice(("", "Next I look at the tests.")), 1), Said("tool", self.fill(trace["text"], rng))]
        tools = rng.randint(3, 14)
        system = rng.choice([text for text in self.systems if "agent" in text or "expert" in text] + [""])
        prompt = Prompt(ask, system, (Said("user", ask), *after), tools, 180 * tools)
        return Row(prompt, one_hot("complex", 0.06), 0.35, TASKS.index("agent"), "own")


def synthetic(count: int, rng: random.Random) -> list[Row]:
    """`count` requests put together from pieces."""
    pieces = Pieces.load()
    makers = (
        pieces.filled_ask,
        pieces.filled_ask,
        pieces.filled_ask,
        pieces.with_document,
        pieces.with_document,
        pieces.with_document,
        pieces.agent_loop,
    )
    return [rng.choice(makers)(rng) for _ in range(count)]


def varied(row: Row, pieces: Pieces, rng: random.Random) -> Row:
    """`row` with changes that leave its labels true: a system prompt, politeness, typos, an earlier exchange, tools on offer."""
    prompt = row.prompt
    ask, system, turns, tools = prompt.ask, prompt.system, list(prompt.turns), prompt.tool_count
    if rng.random() < 0.2:
        ask = typos(ask, rng)
    if rng.random() < 0.25:
        ask = rng.choice(("please ", "Please: ", "Hi, ", "Hello! ", "could you ", "quick one: ", "URGENT: ", "I need help. ")) + ask
    if rng.random() < 0.1:
        ask += rng.choice((" Thanks!", " please", " Thank you in advance.", "\n\nRegards", " Be brief.", " Take your time."))
    if not system and rng.random() < 0.35:
        system = rng.choice(pieces.systems)
        if rng.random() < 0.3:
            system += " " + rng.choice(pieces.systems)
    if not tools and rng.random() < 0.08:
        tools = rng.randint(1, 8)
    asking = max((index for index, turn in enumerate(turns) if turn.role == "user"), default=-1)
    if asking >= 0:
        turns[asking] = Said("user", ask)
    if len(turns) == 1 and rng.random() < 0.12:
        earlier = pieces.filled_ask(rng)
        turns = [
            Said("user", earlier.prompt.ask),
            Said("assistant", rng.choice(("Done.", "Sure, here it is.", rng.choice(pieces.docs)))),
            *turns,
        ]
    changed = Prompt(ask, system, tuple(turns), tools, prompt.schema_chars or 120 * tools)
    return Row(changed, row.tier, row.tier_weight, row.task, row.source, row.id, row.lang)


def typos(text: str, rng: random.Random) -> str:
    """`text` with about two percent of its letters swapped with their neighbours."""
    chars = list(text)
    for _ in range(max(1, len(chars) // 50)):
        at = rng.randrange(len(chars))
        if chars[at].isalpha() and at + 1 < len(chars):
            chars[at], chars[at + 1] = chars[at + 1], chars[at]
    return "".join(chars)


def public(directory: Path, rng: random.Random, per_source: int = 2500) -> list[Row]:
    """Public prompts: judged ones with a full label, the rest with a weak one where their source gives it."""
    judged = {row["id"]: row["tier"] for row in lines(OWN / "judged.jsonl")}
    rows: list[Row] = []
    for path in sorted(directory.glob("*.jsonl.gz")):
        if path.name.startswith("eval"):
            continue
        usable = [row for row in lines(path) if not _is_barred(row)]
        kept = [row for row in usable if row["id"] in judged]
        rest = [row for row in usable if row["id"] not in judged]
        for row in kept + rng.sample(rest, min(per_source, len(rest))):
            tier, weight = (one_hot(judged[row["id"]]), 0.7) if row["id"] in judged else weak_label(row)
            prompt = Prompt(row["prompt"], turns=(Said("user", row["prompt"]),))
            source = f"{row['source']}/{row.get('task')}" if "ulab" in path.name else path.name.split(".")[0]
            rows.append(Row(prompt, tier, weight, task_of(path.name), source, row["id"]))
    return rows


def _is_barred(row: dict[str, Any]) -> bool:
    """Evaluation rows, rows that overlap with one, and reading passages that pass for exam questions."""
    if row.get("split") == "eval" or row.get("eval_overlap"):
        return True
    return "ulab" in str(row.get("source")) and "mmlu" in str(row.get("task"))


def weak_label(row: dict[str, Any]) -> tuple[tuple[float, float, float], float]:
    """(soft tier, weight) from outcomes or from what the source says of difficulty; outcomes are noisy, so weights are low."""
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
