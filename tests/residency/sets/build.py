"""Makes `dev.jsonl`, `dev_2.jsonl` and `held_out.jsonl` from their sources: `python -m tests.residency.sets.build`.

Detectors are tuned on the first two. The third is for measuring alone: nobody who works on the detectors reads it or its misses.

A source holds rows of a head line, `@ place kinds language | why`, and the text under it. `place` is one of `dialogue.EVERY_PLACE`,
with the API before it where it matters (`chat:result`), or `any`, which draws one; `kinds` is `-` for a clean row. Rows are numbered in
their order, so new ones go to the end of a source. The draws of a row depend on its set and number alone.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.residency.sets.dialogue import EVERY_PLACE
from tests.residency.sets.places import Place
from tests.residency.sets.values import expand

HERE = Path(__file__).parent
SETS = ("dev", "dev_2", "held_out")
_APIS = ("chat", "messages", "responses")
_ANY = (
    *("first",) * 8, "parts", "system", "sysblocks", "history", "deep", "assistant", "args", "nestargs", "result", "result", "resparts",
    "resjson", "jsonjson", "doc", "datauri", "thinking", "long", "long", "tools",
)  # fmt: skip
_HEAD = re.compile(r"@ (?:(\w+):)?(\w+) (\S+) (\w+) \| (.+)")


def sources(name: str) -> list[Path]:
    """The sources of a set, in order. `dev_2.txt` is one of `dev`, `dev_2_1.txt` one of `dev_2`."""
    return sorted((HERE / "sources").glob(f"{name}_[0-9].txt"))


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a set, in order."""
    source = "".join(path.read_text(encoding="utf-8") for path in sources(name))
    for number, block in enumerate(re.split(r"^(?=@ )", source, flags=re.MULTILINE)[1:], 1):
        head, _, text = block.partition("\n")
        found = _HEAD.fullmatch(head.strip())
        if found is None:
            raise ValueError(f"{name} row {number}: {head}")
        yield _row(f"{name.replace('_', '-')}-{number:03}", found.groups(), text.strip("\n"))


def _row(row_id: str, head: tuple[str | Any, ...], text: str) -> dict[str, Any]:
    given, place, kinds, language, why = head
    draw = random.Random(row_id)
    api = given or draw.choice(_APIS)
    where, put = EVERY_PLACE[draw.choice(_ANY) if place == "any" else place]
    body = put(Place(api, draw), expand(text, draw))
    named = [] if kinds == "-" else kinds.split(",")
    label = "sensitive" if named else "clean"
    return {
        "id": row_id, "api": api, "body": body, "label": label, "kinds": named, "where": where, "language": language, "why": why,
    }  # fmt: skip


def text_of(name: str) -> str:
    """The set as JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(name))


def main() -> None:
    for name in SETS:
        (HERE / f"{name}.jsonl").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
