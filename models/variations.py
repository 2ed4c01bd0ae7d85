"""Changes that leave the labels of a request true."""

from __future__ import annotations

import random

from extproc.classify.window import Prompt, Said
from models.corpus import Row
from models.pieces import Pieces


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
