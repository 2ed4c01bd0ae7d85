"""The rows of the context model: hand-written passages with slots, filled many ways and set among other text.

A slot is `{n}` (a full name), `{g}` (given name), `{s}` (surname), `{st}` (street), `{ci}` (town), `{i}` (illness), `{d}` (drug),
`{m}` (amount), `{co}` (company), `{p}` (its name in a package), `{w}` (code name), `{k}` (number), `{dt}` (date).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

from extproc.residency.context.openings import Search

DATA = Path(__file__).parent / "data"
HELD_OUT_SHARE = 0.2
_SLOT = re.compile(r"\{(n|g|s|st|ci|i|d|m|co|p|w|k|dt)\}")
_FOREIGN_SHARE = 0.2  # of the names that are from another culture than the passage's language
_LIKE = {"uk": "ru", "cs": "pl", "da": "nl", "no": "nl", "sv": "nl", "ro": "it"}  # whose values stand in for a language without its own
_SPELLED_IN_LATIN = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr")


@dataclass(frozen=True, slots=True)
class Row:
    """A passage, its language and the kinds it holds; none of them means that it is clean."""

    id: str
    lang: str
    kinds: tuple[str, ...]
    text: str

    @property
    def is_held_out(self) -> bool:
        """Whether it is kept for measuring: by its id, so that a new row falls on one side or the other by itself."""
        return int(hashlib.sha256(self.id.encode()).hexdigest()[:8], 16) / 2**32 < HELD_OUT_SHARE


def load(path: Path = DATA / "context.jsonl") -> list[Row]:
    """All rows, as written."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        rows.append(Row(raw["id"], raw["lang"], tuple(raw["kinds"]), raw["text"]))
    return rows


class Slots:
    """What can stand in each slot, for each language."""

    def __init__(self, path: Path = DATA / "context_slots.json") -> None:
        self._values: dict[str, dict[str, list[str]]] = json.loads(path.read_text(encoding="utf-8"))

    def fill(self, row: Row, rng: random.Random) -> str:
        """The text of `row` with something in each slot."""
        lang = row.lang if row.lang in self._values["g"] else "en"
        return _SLOT.sub(lambda match: self._value(match[1], lang, rng), row.text)

    def _value(self, slot: str, lang: str, rng: random.Random) -> str:
        if slot in ("n", "g", "s") and lang in _SPELLED_IN_LATIN and rng.random() < _FOREIGN_SHARE:
            lang = rng.choice(_SPELLED_IN_LATIN)
        if slot == "n" and lang not in self._values["n"]:
            return f"{self._value('g', lang, rng)} {self._value('s', lang, rng)}"
        if slot == "s" and lang not in self._values["s"]:
            slot = "n"
        values = self._values[slot]
        return rng.choice(values.get(lang) or values.get(_LIKE.get(lang, "en")) or values["en"])


# What stands around texts in a body: other members, and tools.
_MEMBERS = (
    "model: gpt-4.1-mini\n{}",
    "model: claude-sonnet-4-5\nmax_tokens: 1024\n{}",
    "id: msg_4d704815\nstatus: completed\n{}\nannotations:",
    'call_id: call_1b369f14\nget_record\n{{"key": "main"}}\n{}',
    "id: toolu_39d8e0a2\nsearch_notes\n{}\n\nok",
    "{}\nstream: true\ntemperature: 0.3",
    "{}\nlookup\nLook something up by its key\nkey",
    "type: object\nanswer\n{}\nstring",
    "tool_use_id: toolu_7b24b13f\n1 record\n{}",
    "{}\nbest_of: 1\nlogprobs: 2\nuser: u-4711",
    '{{"ok": true, "rows": [{{"id": 7, "text": "{}"}}]}}\n\nlooks right?',
    'Why does this not parse?\n{{"event": "saved", "payload": "{{\\\\"version\\\\": 2, \\\\"data\\\\": \\\\"{}\\\\"}}"}}\n\ntemperature: 1',
    'id: call_3b709364\nfunction:\nsearch_notes\n{{"request": "{{\\\\"fields\\\\": {{\\\\"note\\\\": \\\\"{}\\\\"}}}}"}}',
    "file:\nfilename: notes.txt\nfile_data:\n{}\n\nWhat does it say?",
    '{{"query": "{}", "limit": 5}}',
)


def fillers(search: Search) -> list[str]:
    """Clean texts to stand beside a passage: requests of the other corpus in which no word opens a window."""
    names = ("gateway.jsonl", "gateway_a.jsonl", "gateway_b.jsonl")
    asks = [json.loads(line)["ask"] for name in names for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    pieces = [json.loads(line).get("text", "") for line in (DATA / "pieces.jsonl").read_text(encoding="utf-8").splitlines()]
    return [text[:220] for text in (*asks, *pieces) if text and not search.ends(text.encode(), 1)]


def varied(text: str, beside: list[str], rng: random.Random) -> tuple[str, int, int]:
    """`text` among others, as it stands in a body: the whole, and where `text` begins and ends in it."""
    chance = rng.random()
    if chance < 0.15:
        text = text.lower()
    elif chance < 0.2:
        text = text.upper()
    elif chance < 0.26:
        text = text.replace(" ", "\n", 3) if rng.random() < 0.4 else " ".join(text.split())
    if rng.random() < 0.08:  # as a string of JSON, or a string in one
        for _ in range(rng.choice((1, 1, 2))):
            text = json.dumps(text, ensure_ascii=rng.random() < 0.3)[1:-1]
    before = _some(beside, rng) + rng.choice("\n\n ") if rng.random() < 0.6 else ""
    after = rng.choice("\n\n ") + _some(beside, rng) if rng.random() < 0.6 else ""
    if rng.random() < 0.5:
        head, _, tail = rng.choice(_MEMBERS).partition("{}")
        before, after = head.replace("{{", "{").replace("}}", "}") + before, after + tail
    return before + text + after, len(before.encode()), len((before + text).encode())


def _some(beside: list[str], rng: random.Random) -> str:
    """One to five of `beside`, so that a fact is also learnt in a window that is mostly about something else."""
    return rng.choice("\n  ").join(rng.choice(beside) for _ in range(rng.choice((1, 1, 3, 5))))
