"""Conversations written out turn by turn, and members that only one API has, for rows that no single place fits."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.residency.sets.places import PLACES, Body, Place, Put

_TURN = re.compile(r"^>(system|user|assistant|call) ?(.*)\n", re.MULTILINE)


def turns(place: Place, text: str) -> Body:
    """A body of the turns in `text`: `>user`, `>assistant`, `>system` or `>call name {arguments}`, then what was said or returned."""
    system: str | None = None
    said: list[Any] = []
    parts = iter(_TURN.split(text)[1:])
    for who, rest, spoken in zip(parts, parts, parts, strict=True):
        words = spoken.strip("\n")
        if who == "system":
            system = words
        elif who == "call":
            name, _, arguments = rest.partition(" ")
            said += place.call(name, json.loads(arguments or "{}"), words)
        else:
            said.append(place.user(words) if who == "user" else place.assistant(words))
    return place.body(said, system)


def members(place: Place, text: str) -> Body:
    """A body of one harmless turn, with the members of the JSON object `text` beside it or in its stead."""
    given: Body = json.loads(text)
    return place.body([place.ask()]) | given


DIALOGUES: dict[str, tuple[str, Put]] = {
    "turns": ("across turns", turns),
    "members": ("other members of a body", members),
}
EVERY_PLACE = PLACES | DIALOGUES
