"""Measures a context model on the held-out fifth: precision and recall of each kind, and by language.

    python -m models.context_check DIR [--show]

`DIR` holds a model made with `models.context --check`. A passage counts as found when one of its windows is.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

from extproc.residency.context import ContextJudge
from models import context_rows

VARIANTS = 5


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--show", action="store_true", help="print what was missed and what was found in vain")
    arguments = parser.parse_args()
    judge = ContextJudge.load(arguments.model)
    slots, rng = context_rows.Slots(), random.Random(5)
    counts: Counter[tuple[str, str]] = Counter()
    for row in context_rows.load():
        if not row.is_held_out:
            continue
        for variant in range(VARIANTS):
            text = slots.fill(row, rng)
            data = text.encode()
            found = sorted({kind for kind, _, _ in judge.judge(data)})
            count(counts, row, set(found))
            wrong = not found if row.kinds else found
            if arguments.show and wrong and not variant:
                print(f"{'NO CUE ' if not judge.windows(data) else ''}{row.lang} {row.kinds} found {found}: {text!r}")
    report(counts)


def count(counts: Counter[tuple[str, str]], row: context_rows.Row, found: set[str]) -> None:
    """Adds one passage to `counts`: for each kind, and under its language and "any" whether anything was found."""
    for kind in found | set(row.kinds):
        counts[kind, ("hit" if kind in row.kinds else "vain") if kind in found else "miss"] += 1
    for name in ("any", row.lang):
        what = ("hit" if found else "miss") if row.kinds else ("vain" if found else "pass")
        counts[name, what] += 1


def report(counts: Counter[tuple[str, str]]) -> None:
    """Prints a line for each kind and language."""
    for name in sorted({name for name, _ in counts}, key=lambda name: (len(name) == 2, name)):
        hit, miss, vain, passed = (counts[name, what] for what in ("hit", "miss", "vain", "pass"))
        line = f"{name:18} n={hit + miss:4} recall {hit / max(1, hit + miss):.3f} precision {hit / max(1, hit + vain):.3f}"
        print(line + (f" false positives {vain / max(1, vain + passed):.3f}" if passed else ""))


if __name__ == "__main__":
    main()
