"""Changes that leave the labels of a request true."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from extproc.classify.window import Prompt, Said
from models.corpus import Row
from models.pieces import Pieces

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
_OPENINGS = ("please ", "Please: ", "Hi, ", "Hello! ", "could you ", "quick one: ", "URGENT: ", "I need help. ", "Hey, so ")
_CLOSINGS = (" Thanks!", " please", " Thank you in advance.", "\n\nRegards", " Be brief.", " Take your time.", " Thanks a lot, that helps.")


def varied(row: Row, parts: Pieces, rng: random.Random) -> Row:
    """`row` with some of: typos, politeness, another order of sentences, a system prompt, an earlier exchange, tools on offer."""
    prompt = row.prompt
    ask, system, turns, tools = said_otherwise(prompt.ask, rng), prompt.system, list(prompt.turns), prompt.tool_count
    if rng.random() < 0.4:
        system = (system + " " if system else "") + rng.choice(parts.systems)
        if rng.random() < 0.4:
            system += " " + rng.choice(parts.systems)
    if not tools and rng.random() < 0.08:
        tools = rng.randint(1, 8)
    asking = max((index for index, turn in enumerate(turns) if turn.role == "user"), default=-1)
    if asking >= 0:
        turns[asking] = Said("user", ask)
    if len(turns) == 1 and rng.random() < 0.12:
        earlier = parts.filled_ask(rng)
        turns = [
            Said("user", earlier.prompt.ask),
            Said("assistant", rng.choice(("Done.", "Sure, here it is.", rng.choice(parts.docs)))),
            *turns,
        ]
    changed = Prompt(ask, system, tuple(turns), tools, prompt.schema_chars or 120 * tools)
    return replace(row, prompt=changed)


def said_otherwise(ask: str, rng: random.Random) -> str:
    """`ask` with some of: typos, politeness at its ends or within, another order of sentences."""
    if rng.random() < 0.5:
        ask = typos(ask, rng)
    if rng.random() < 0.3:
        ask = another_order(ask, rng)
    if rng.random() < 0.18:
        words = ask.split(" ")
        words.insert(1 if rng.random() < 0.4 else rng.randrange(len(words) + 1), "please")
        ask = " ".join(words)
    if rng.random() < 0.15:
        ask = rng.choice(_OPENINGS) + ask
    if rng.random() < 0.1:
        ask += rng.choice(_CLOSINGS)
    return ask


def another_order(text: str, rng: random.Random) -> str:
    """`text` with one of its sentences, mostly the first, at the start or at the end, if there are two to forty."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    sentences = [sentence for sentence in sentences if sentence]
    if not 2 <= len(sentences) <= 40:
        return text
    moved = sentences.pop(0 if rng.random() < 0.6 else rng.randrange(len(sentences)))
    if rng.random() < 0.2:
        rng.shuffle(sentences)
    return " ".join([moved, *sentences] if rng.random() < 0.5 else [*sentences, moved])


def typos(text: str, rng: random.Random) -> str:
    """`text` with about two percent of its letters swapped with their neighbours."""
    chars = list(text)
    for _ in range(max(1, len(chars) // 50)):
        at = rng.randrange(len(chars))
        if chars[at].isalpha() and at + 1 < len(chars):
            chars[at], chars[at + 1] = chars[at + 1], chars[at]
    return "".join(chars)
