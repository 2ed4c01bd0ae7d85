"""What the model says of itself: `model.json`, which pins the other files and names everything that could differ.

model.json    this manifest; its sha256 is the pin of the whole model
words.json    {"classes": {class: [word or beginning*]}, "openings": [entry of `openings`], "known": "words with a vector, by spaces"}
weights.npz   float16 arrays: `table` [rows, dim] (a vector for each bucket of hashed words); `filters` [3, size, filters] and
              `filters_bias`; two dense layers: `hidden` [units, dim + filters + features], `hidden_bias`, `last` [kinds, units],
              `last_bias`. In int8: `vectors` [known + 1, size], times `unit`; the first is that of unknown words
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.errors import ModelError

FORMAT = 2
MANIFEST, WORDS, WEIGHTS = "model.json", "words.json", "weights.npz"
DEFAULT_DIRECTORY = Path(__file__).parents[1] / "model"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest with the files it pins."""

    name: str
    revision: str  # sha256 of model.json
    kinds: tuple[str, ...]  # what each output of the network stands for
    thresholds: tuple[float, ...]  # the probability from which a window counts, for each of `kinds`
    words: dict[str, list[str]]
    openings: tuple[str, ...]
    known: tuple[str, ...]  # words with a vector
    weights: bytes


def read(directory: Path = DEFAULT_DIRECTORY, sha256: str | None = None) -> Manifest:
    """The model in `directory`. ModelError if a file is missing, not the pinned one, or the manifest not of this format."""
    raw = _bytes(directory / MANIFEST)
    revision = hashlib.sha256(raw).hexdigest()
    if sha256 is not None and revision != sha256.lower():
        raise ModelError(f"{directory / MANIFEST}: sha256 is {revision}, but {sha256} is pinned")
    try:
        stated = json.loads(raw)
        return _manifest(directory, stated, revision)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{directory / MANIFEST}: not a manifest of format {FORMAT}: {error!r}") from error


def _manifest(directory: Path, stated: dict[str, Any], revision: str) -> Manifest:
    if stated["format"] != FORMAT:
        raise ModelError(f"{directory / MANIFEST}: format is {stated['format']!r}, expected {FORMAT}")
    words = json.loads(_pinned(directory / WORDS, stated["files"][WORDS]))
    return Manifest(
        name=str(stated["name"]),
        revision=revision,
        kinds=tuple(stated["thresholds"]),
        thresholds=tuple(float(value) for value in stated["thresholds"].values()),
        words=words["classes"],
        openings=tuple(words["openings"]),
        known=tuple(words["known"].split()),
        weights=_pinned(directory / WEIGHTS, stated["files"][WEIGHTS]),
    )


def _pinned(path: Path, sha256: str) -> bytes:
    raw = _bytes(path)
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ModelError(f"{path}: sha256 is {found}, but {MANIFEST} names {sha256}")
    return raw


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
