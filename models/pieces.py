"""Requests put together from parts: one-sentence requests, instructions on material, agents in their loops."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from extproc.classify.window import Prompt, Said
from models.corpus import OWN, TASKS, TIERS, Row, lines, one_hot

_SLOT = re.compile(r"\{([a-z]+)\}")
_SENTENCE = re.compile(r"[^.!?。\n]+[.!?。]?")


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
