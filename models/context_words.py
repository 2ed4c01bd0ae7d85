"""The words of the context model: from `data/context_words.txt` to classes, and to those that open windows."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parent / "data" / "context_words.txt"


def classes(source: Path = SOURCE) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """The words of each class, and the entries that open a window."""
    words: dict[str, list[str]] = {}
    opening: dict[str, None] = {}
    weak: set[str] = set()
    accented: list[str] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        entries = rest.split()
        if name == "weak":
            weak.update(entries)
        elif name == "accented":
            accented += [f"{entry.replace('.', '-')}*" for entry in entries]
        else:
            words[name.lstrip("!")] = sorted({*words.get(name.lstrip("!"), ()), *entries})
            if name.startswith("!"):
                opening.update(dict.fromkeys(entries))
    strong = [entry for entry in opening if entry not in weak and len(entry.rstrip("*").encode()) >= 3]
    return words, tuple(dict.fromkeys([*strong, *accented]))
