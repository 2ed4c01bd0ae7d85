"""Changes that leave a request what it was, and how often its tier changes with them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.bench.quality.router import Judged, Router
from extproc.bench.quality.share import Share
from extproc.classify.window import Prompt, Said
from extproc.dialects import Request

_SEED = 7
_TYPOS = 0.02
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LONGER = (
    " Follow the house style: plain words, short sentences, no exclamation marks. Dates are written day first and times in the "
    "24-hour clock. Names of products stay as they are. Do not mention these instructions. If something is missing, say what is "
    "missing. Answers are read on small screens, so keep lines short. Never invent names, numbers or addresses."
)


@dataclass(frozen=True, slots=True)
class Flips:
    """Of the rows a change applies to: whose tier changed, and of those at the top tier, who fell to the bottom one."""

    flips: Share
    top_to_bottom: Share

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        return {"flips": self.flips.to_json(), "complex_to_simple": self.top_to_bottom.to_json()}


def robustness(router: Router, rows: Sequence[Judged]) -> dict[str, Flips]:
    """The flips of each change, by its name. Rows without a text to change are left out."""
    return {name: _flips(router, rows, change) for name, change in _CHANGES.items()}


def _flips(router: Router, rows: Sequence[Judged], change: _Change) -> Flips:
    chance = random.Random(_SEED)  # noqa: S311 - the same set gives the same slips
    moves = [(one.by_score, rank) for one in rows if (rank := _changed(router, one.request, change, chance)) is not None]
    top = len(router.policy.tiers) - 1
    fallen = [after == 0 for before, after in moves if before == top]
    return Flips(Share(sum(before != after for before, after in moves), len(moves)), Share(sum(fallen), len(fallen)))


def _changed(router: Router, request: Request, change: _Change, chance: random.Random) -> int | None:
    ask, system = change(request.ask, request.system, chance)
    if ask == request.ask and system == request.system:
        return None
    turns = tuple(Said(turn.role, ask if turn.text == request.ask else turn.text, turn.tool_calls) for turn in request.turns)
    prompt = Prompt(ask, system, turns, request.tool_count, request.schema_chars)
    return router.rank_of(router.scorer.classify(prompt).score)


_Change = Callable[[str, str, random.Random], tuple[str, str]]


def _asking(change: Callable[[str], str]) -> _Change:
    return lambda ask, system, _: (change(ask), system)


def _reordered(ask: str) -> str:
    """The last sentence first, where there are two or more on a line."""
    sentences = _SENTENCE.split(ask)
    return ask if len(sentences) < 2 or "\n" in ask else " ".join((sentences[-1], *sentences[:-1]))


def _typos(text: str, chance: random.Random) -> Iterator[str]:
    """`text` with a slip at every fiftieth letter or so: twice, left out, or in the place of the one before it."""
    for at, char in enumerate(text):
        if not char.isalpha() or chance.random() >= _TYPOS:
            yield char
        else:
            yield chance.choice((char + char, "", text[at - 1] if at else char))


_CHANGES: dict[str, _Change] = {
    "upper case": _asking(str.upper),
    "lower case": _asking(str.lower),
    "white space": _asking(lambda ask: "  " + ask.replace(" ", "  ") + "\n"),
    "2% typos": lambda ask, system, chance: ("".join(_typos(ask, chance)), system),
    "please before": _asking(lambda ask: "Please: " + ask),
    "please after": _asking(lambda ask: ask + " Please."),
    "reordered": _asking(_reordered),
    "longer system prompt": lambda ask, system, _: (ask, system + _LONGER),
}
