"""Proposes the context model's thresholds, from rows that the network asked did not see.

    OMP_NUM_THREADS=1 python -m models.context_folds [--folds 0 2 4] [--model DIR]

The rows are cut into fifths by the hash of their id; fold 0 is the held-out fifth. From high thresholds, the one is lowered that finds
most passages for each clean one it finds in vain, until `MOST_VAIN` of the clean ones are found. Those are near misses nearly all,
and a short text more often than not has a window to itself: of whole bodies a good third as many are found in vain.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extproc.residency.context import ContextJudge, manifest
from extproc.residency.context.openings import Search
from extproc.residency.context.words import Words
from models import context, context_rows, context_words

FOLDS, VARIANTS, MOST_VAIN = 5, 2, 0.10
GRID = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8)
Places = NDArray[np.int64]


def fold_of(row: context_rows.Row) -> int:
    """The fifth that a row is in; 0 is the held-out one."""
    return int(hashlib.sha256(row.id.encode()).hexdigest()[:8], 16) * FOLDS // 2**32


def model_without(fold: int) -> manifest.Manifest:
    """A model of all rows but those of `fold`."""
    words, opening = context_words.classes()
    known, stored = context.vectors()
    rows = [row for row in context_rows.load() if fold_of(row) != fold]
    weights = context.fit(context.examples(rows, Words(words, known), Search(opening)), stored).packed()
    return manifest.Manifest("", "", context.KINDS, (1.0,) * len(context.KINDS), words, opening, known, weights)


def levels(fold: int, model: manifest.Manifest) -> tuple[Places, Places]:
    """For each filled row of `fold` and kind: at how many of GRID, from the lowest, the kind is found; and the kinds it has."""
    slots, rng = context_rows.Slots(), random.Random(fold)
    kept = [row for row in context_rows.load() if fold_of(row) == fold for _ in range(VARIANTS)]
    texts = [slots.fill(row, rng).encode() for row in kept]
    found = np.zeros((len(kept), len(context.KINDS)), np.int64)
    for least in GRID:
        judge = ContextJudge(replace(model, thresholds=(least,) * len(context.KINDS)))
        for place, text in enumerate(texts):
            kinds = {kind for kind, _, _ in judge.judge(text)}
            found[place] += [kind in kinds for kind in context.KINDS]
    return found, np.array([[kind in row.kinds for kind in context.KINDS] for row in kept], np.int64)


def lowered(found: Places, has: Places) -> list[int]:
    """A place in GRID for each kind."""
    sensitive = np.asarray(has.any(1))
    places = [len(GRID) - 1] * len(context.KINDS)
    while True:
        now = (found > np.array(places)).any(1)
        best, chosen = 0.0, -1
        for kind, place in enumerate(places):
            if place == 0:
                continue
            then = (found > np.array([*places[:kind], place - 1, *places[kind + 1 :]])).any(1)
            if then[~sensitive].mean() > MOST_VAIN:
                continue
            gain = 0.05 + (then & ~now & sensitive).sum()
            value = float(gain / (1 + (then & ~now & ~sensitive).sum()))
            if value > best:
                best, chosen = value, kind
        if chosen < 0:
            return places
        places[chosen] -= 1


def main() -> None:
    """Fits, asks, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--model", type=Path, help="one made with `models.context --check`, in place of a fit; for fold 0")
    arguments = parser.parse_args()
    if arguments.model:
        asked = [levels(0, manifest.read(arguments.model))]
    else:
        asked = [levels(fold, model_without(fold)) for fold in arguments.folds]
    found, has = np.concatenate([some for some, _ in asked]), np.concatenate([some for _, some in asked])
    sensitive = np.asarray(has.any(1))
    for name, places in (("now", [GRID.index(context.THRESHOLDS[kind]) for kind in context.KINDS]), ("proposed", lowered(found, has))):
        hit = (found > np.array(places)).any(1)
        print(name, dict(zip(context.KINDS, (GRID[place] for place in places), strict=True)))
        print(f"  passages found {hit[sensitive].mean():.3f}, clean ones found in vain {hit[~sensitive].mean():.3f}")


if __name__ == "__main__":
    main()
