"""What a model says of itself: `model.json`, which pins the other files and names everything that could differ.

A model is a directory of three files. `model.json` is this manifest; its sha256 is the pin of the whole model, since it
carries the sha256 of the others. `tokenizer.json` is a `tokenizers` file. `model.onnx` is the network:

    inputs   ids      int64   [n], n >= 5   tokens of ask, context and system prompt, one after the other with a token 0 between
                                            them; an empty piece is the single token 1
             weights  float32 [5, n]        what each token counts for in each of `POOLS`, 0 outside of its piece
             features float32 [1, len(features)]
    output   verdict  float32 [1, 4 + len(tasks)]
                      score      0 trivial .. 1 hardest, scaled so that the manifest's thresholds are good ones
                      3 tiers    calibrated probability that simple, standard, complex is the cheapest tier that does
                      tasks      probability of each task family

The text that is tokenized is what `window.cut` gives: in canonical form, the ask without courtesies. A format is a promise about
that form and about each feature too: a model trained on others would be wrong without a word.

One list of tokens with weights, and one output, because each tensor that goes in or out and each operator has a fixed cost
that exceeds that of the arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from extproc.classify import features, window
from extproc.errors import ModelError

FORMAT = 3
MANIFEST, NETWORK, TOKENIZER = "model.json", "model.onnx", "tokenizer.json"
PADDING = 1  # the token of an empty piece
BETWEEN = 0  # the token between two pieces, so that neighbours in a list are neighbours in a text; its weights are 0

# The rows of `weights`: 1 for each token of the ask; for the i-th (0 ..) from its start, and from its end, decay(i); 1 for each
# of the context; 1 for each of the system prompt.
POOLS = ("ask", "ask_start", "ask_end", "context", "system")
REACH = 10.0  # tokens over which the weight towards start and end falls to 1/e


def decay(place: int) -> float:
    """The weight of the token at this distance from the start (or end) of the ask. Never 0: a mean of it must exist."""
    return exp(-place / REACH) + 1e-4


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest."""

    name: str
    revision: str  # sha256 of model.json: what a record or a pin names the model by
    sizes: window.Sizes
    max_tokens: int  # of each piece; more are cut off
    features: tuple[str, ...]
    tasks: tuple[str, ...]
    thresholds: dict[str, float]  # tier -> the score up to which it is meant to be used


@dataclass(frozen=True, slots=True)
class Files:
    """A model's files as read once: what was hashed is what gets loaded."""

    manifest: Manifest
    network: bytes
    tokenizer: bytes


def read(directory: Path, sha256: str | None) -> Files:
    """The model in `directory`. ModelError if a file is missing, not the pinned one, or the manifest not of this format."""
    raw = _bytes(directory / MANIFEST)
    revision = hashlib.sha256(raw).hexdigest()
    if sha256 is not None and revision != sha256.lower():
        raise ModelError(f"{directory / MANIFEST}: sha256 is {revision}, but {sha256} is pinned")
    try:
        stated = json.loads(raw)
        return Files(
            manifest=_manifest(directory, stated, revision),
            network=_pinned(directory / NETWORK, stated["files"][NETWORK]),
            tokenizer=_pinned(directory / TOKENIZER, stated["files"][TOKENIZER]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{directory / MANIFEST}: not a manifest of format {FORMAT}: {error!r}") from error


def _manifest(directory: Path, stated: dict[str, Any], revision: str) -> Manifest:
    if stated["format"] != FORMAT:
        raise ModelError(f"{directory / MANIFEST}: format is {stated['format']!r}, expected {FORMAT}")
    unknown = set(stated["features"]) - set(features.NAMES)
    if unknown:
        raise ModelError(f"{directory / MANIFEST}: unknown features: {', '.join(sorted(unknown))}")
    return Manifest(
        name=str(stated["name"]),
        revision=revision,
        sizes=window.Sizes(**{key: int(value) for key, value in stated["window"].items()}),
        max_tokens=int(stated["max_tokens"]),
        features=tuple(stated["features"]),
        tasks=tuple(stated["tasks"]),
        thresholds={str(tier): float(value) for tier, value in stated["thresholds"].items()},
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
