"""Trains the context model and writes its files.

    OMP_NUM_THREADS=1 python -m models.context [--out extproc/residency/model] [--check]

Needs what the product needs and nothing else. Seeds are fixed: on one machine with the same libraries it gives the same bytes.
With --check the held-out fifth stays out of training and is measured; what is shipped is trained on all rows.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extproc.residency.context import manifest
from extproc.residency.context.judge import APART_BYTES, windows
from extproc.residency.context.network import PLACES
from extproc.residency.context.openings import Search
from extproc.residency.context.words import BUCKETS, GAP, Words
from models import context_rows, context_words

SEED = 11
DIM, HIDDEN, FILTERS, COMPONENTS = 16, 48, 64, 64
UNIT = 1 / 24  # of the vectors, in 8 bits
VARIANTS, EPOCHS, BATCH = 14, 4, 64
RATE, DECAY = 4e-3, 2e-6
WORD_DROPOUT, FEATURE_DROPOUT, KNOWN_DROPOUT, POOLED_DROPOUT = 0.5, 0.15, 0.15, 0.2
KINDS = ("address", "confidential", "criminal", "health", "privileged", "salary", "source_code", "special_category")
# From `models.context_folds`, with those of health, pay, offences and special categories lowered: what they miss costs most.
THRESHOLDS = dict(zip(KINDS, (0.2, 0.4, 0.2, 0.35, 0.6, 0.2, 0.8, 0.2), strict=True))
Floats = NDArray[np.float32]


class Examples:
    """Windows as the network reads them, with what they should say."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.buckets: list[NDArray[np.int64]] = []
        self.known: list[NDArray[np.int64]] = []
        self.features: list[Floats] = []
        self.targets: list[list[float]] = []

    def add(self, text: str, kinds: tuple[str, ...]) -> None:
        read = self.words.read([text])
        self.buckets.append(np.concatenate((read.words, read.pairs, read.class_pairs)))
        self.known.append(read.known[:-GAP])
        self.features.append(read.features[0])
        self.targets.append([float(kind in kinds) for kind in KINDS])


def examples(rows: list[context_rows.Row], words: Words, search: Search) -> Examples:
    """Windows cut from varied rows as the scan cuts them. A row without an opening word still teaches, as a whole."""
    rng, slots, made = random.Random(SEED), context_rows.Slots(), Examples(words)
    clean, neutral = [row for row in rows if not row.kinds], context_rows.fillers(search)
    for row in rows:
        for _ in range(VARIANTS):
            beside = [*rng.choices(neutral, k=5), slots.fill(rng.choice(clean), rng)]
            text, start, end = context_rows.varied(slots.fill(row, rng), beside, rng)
            data = text.encode()
            most = 0.7 * min(end - start, 150)
            cut = [(a, b) for a, b in windows(data, search.ends(data, APART_BYTES)) if min(b, end) - max(a, start) >= most]
            for a, b in cut[:2] or [(max(0, start - rng.randrange(60)), end)]:
                made.add(data[a:b].decode(errors="ignore"), row.kinds)
    for text in neutral:
        for _ in range(2):
            start = rng.randrange(max(1, len(text) - 200))
            made.add(context_rows.varied(text[start : start + 260], neutral, rng)[0][:300], ())
    return made


class _Mean:
    """The mean of hashed words, some of them left out."""

    def __init__(self, w: dict[str, Floats], chosen: list[NDArray[np.int64]], rng: np.random.Generator) -> None:
        chosen = [ids[kept] if (kept := rng.random(len(ids)) > WORD_DROPOUT).any() else ids[:1] for ids in chosen]
        self._sizes = np.array([len(ids) for ids in chosen])
        self._ids, self._scale = np.concatenate(chosen), (1 / np.sqrt(self._sizes)).astype(np.float32)[:, None]
        starts = np.concatenate(([0], np.cumsum(self._sizes)[:-1]))
        self._shape = w["table"].shape
        self.values = np.add.reduceat(w["table"][self._ids], starts, 0) * self._scale

    def slopes(self, back: Floats) -> dict[str, Floats]:
        """The slopes of the weights, from those of the values."""
        table = np.zeros(self._shape, np.float32)
        np.add.at(table, self._ids, np.repeat(back * self._scale, self._sizes, 0))
        return {"table": table}


class _Highest:
    """The highest value of each filter over three words in a row, some words and some values left out."""

    def __init__(self, w: dict[str, Floats], vectors: Floats, chosen: list[NDArray[np.int64]], rng: np.random.Generator) -> None:
        ids = np.concatenate([*chosen, np.zeros(GAP, np.int64)])
        ids = ids * (rng.random(len(ids)) > KNOWN_DROPOUT)
        sizes = np.array([len(some) for some in chosen])
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        self._seen = vectors[ids]
        filters = w["filters"]
        values = sum(self._seen[place : place + len(ids) - GAP] @ filters[place] for place in range(PLACES)) + w["filters_bias"]
        highest = np.maximum.reduceat(values, starts, 0)
        self._is_highest = values == np.repeat(highest, sizes, 0)
        self._kept = (rng.random(highest.shape) > POOLED_DROPOUT) * (highest > 0)
        self._sizes = sizes
        self.values = highest * self._kept / (1 - POOLED_DROPOUT)

    def slopes(self, back: Floats) -> dict[str, Floats]:
        """The slopes of the weights, from those of the values."""
        back = (back * self._kept / (1 - POOLED_DROPOUT)).astype(np.float32)
        spread = np.repeat(back, self._sizes, 0) * self._is_highest
        ends = len(self._seen) - GAP
        filters = np.stack([self._seen[place : place + ends].T @ spread for place in range(PLACES)])
        return {"filters": filters, "filters_bias": spread.sum(0)}


class Trained:
    """The weights, and Adam's memory of each. The vectors of known words stay as they are."""

    def __init__(self, features: int, vectors: NDArray[np.int8]) -> None:
        rng = np.random.default_rng(SEED)
        self.stored = vectors
        self.vectors = vectors.astype(np.float32) * np.float32(UNIT)
        size = vectors.shape[1]
        self.weights: dict[str, Floats] = {
            "table": (rng.standard_normal((BUCKETS, DIM)) * 0.05).astype(np.float32),
            "filters": (rng.standard_normal((PLACES, size, FILTERS)) * 0.07).astype(np.float32),
            "filters_bias": np.zeros(FILTERS, np.float32),
            "hidden": (rng.standard_normal((HIDDEN, DIM + FILTERS + features)) * 0.1).astype(np.float32),
            "hidden_bias": np.zeros(HIDDEN, np.float32),
            "last": (rng.standard_normal((len(KINDS), HIDDEN)) * 0.1).astype(np.float32),
            "last_bias": np.full(len(KINDS), -2.0, np.float32),
        }
        self._first = {name: np.zeros_like(value) for name, value in self.weights.items()}
        self._second = {name: np.zeros_like(value) for name, value in self.weights.items()}
        self._steps = 0

    def step(self, made: Examples, batch: NDArray[np.int64], rate: float, rng: np.random.Generator) -> float:
        """One step on `batch`; its loss."""
        w = self.weights
        mean = _Mean(w, [made.buckets[index] for index in batch], rng)
        highest = _Highest(w, self.vectors, [made.known[index] for index in batch], rng)
        features = np.stack([made.features[index] for index in batch])
        features = features * (rng.random(features.shape) > FEATURE_DROPOUT)
        entry = np.concatenate((mean.values, highest.values, features), 1).astype(np.float32)
        raw = entry @ w["hidden"].T + w["hidden_bias"]
        hidden = np.maximum(raw, 0)
        chances = 1 / (1 + np.exp(-(hidden @ w["last"].T + w["last_bias"])))
        targets = np.array([made.targets[index] for index in batch], np.float32)
        error = ((chances - targets) / len(batch)).astype(np.float32)
        back = (error @ w["last"]) * (raw > 0)
        into = back @ w["hidden"][:, : DIM + FILTERS]
        slopes = {"hidden": back.T @ entry, "hidden_bias": back.sum(0), "last": error.T @ hidden, "last_bias": error.sum(0)}
        slopes |= mean.slopes(into[:, :DIM]) | highest.slopes(into[:, DIM:])
        self._adam(slopes, rate)
        return float(-(targets * np.log(chances + 1e-7) + (1 - targets) * np.log(1 - chances + 1e-7)).sum() / len(batch))

    def _adam(self, slopes: dict[str, Floats], rate: float) -> None:
        self._steps += 1
        for name, slope in slopes.items():
            first, second = self._first[name], self._second[name]
            first += 0.1 * (slope - first)
            second += 0.01 * (slope * slope - second)
            fair = rate * (1 - 0.99**self._steps) ** 0.5 / (1 - 0.9**self._steps)
            self.weights[name] -= fair * first / (np.sqrt(second) + 1e-8) + DECAY * self.weights[name]

    def packed(self) -> bytes:
        """The arrays as one file with the same bytes each time."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            halves = {name: value.astype(np.float16) for name, value in self.weights.items()}
            for name, value in {**halves, "vectors": self.stored, "unit": np.array(UNIT, np.float32)}.items():
                array = io.BytesIO()
                np.save(array, value, allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), array.getvalue(), zipfile.ZIP_DEFLATED)
        return packed.getvalue()


def vectors() -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """The known words, and their vectors behind one of zeros."""
    stored = np.load(context_rows.DATA / "context_vectors.npz")
    words, wide = str(stored["words"]).split("\n"), stored["wide"][:, :COMPONENTS]
    return tuple(words), np.concatenate((np.zeros((1, COMPONENTS), np.int8), wide))


def fit(made: Examples, vectors: NDArray[np.int8]) -> Trained:
    """Weights trained on these windows."""
    rng = np.random.default_rng(SEED)
    trained = Trained(made.words.features, vectors)
    steps = EPOCHS * (len(made.targets) // BATCH)
    done = 0
    for epoch in range(EPOCHS):
        order, total = rng.permutation(len(made.targets)), 0.0
        for at in range(0, len(order) - BATCH + 1, BATCH):
            total += trained.step(made, order[at : at + BATCH], RATE * (1 - done / steps), rng)
            done += 1
        print(f"  epoch {epoch + 1}: loss {total / (len(order) // BATCH):.4f}", flush=True)
    return trained


def write(out: Path, classes: dict[str, list[str]], opening: tuple[str, ...], known: tuple[str, ...], weights: bytes) -> None:
    """The three files."""
    out.mkdir(parents=True, exist_ok=True)
    known = json.dumps({"classes": classes, "openings": opening, "known": " ".join(known)}, ensure_ascii=False, indent=0).encode() + b"\n"
    files = {manifest.WORDS: known, manifest.WEIGHTS: weights}
    for name, raw in files.items():
        (out / name).write_bytes(raw)
    stated = {
        "format": manifest.FORMAT,
        "name": "tiermesh-context-2",
        "files": {name: hashlib.sha256(raw).hexdigest() for name, raw in sorted(files.items())},
        "thresholds": THRESHOLDS,
    }
    text = json.dumps(stated, indent=1) + "\n"
    (out / manifest.MANIFEST).write_text(text, encoding="utf-8")
    print(f"sha256 {hashlib.sha256(text.encode()).hexdigest()}, {sum(map(len, files.values())) / 1e6:.2f} MB")


def main() -> None:
    """Reads the arguments, trains, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=manifest.DEFAULT_DIRECTORY)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    started = time.monotonic()
    words, opening = context_words.classes()
    search = Search(opening)
    rows = context_rows.load()
    inside = [row for row in rows if not (arguments.check and row.is_held_out)]
    known, stored = vectors()
    made = examples(inside, Words(words, known), search)
    print(f"{len(inside)} rows, {len(made.targets)} windows, {Counter(kind for row in inside for kind in row.kinds)}")
    trained = fit(made, stored)
    write(arguments.out, words, opening, known, trained.packed())
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
