"""Scores that a test decides: a scorer for pipelines in this process, and a model for whole workers."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from extproc.classify import Verdict
from extproc.classify.manifest import FORMAT, POOLS
from extproc.classify.window import Readable

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_OPSET, _IR_VERSION = 18, 9
_UNKNOWN, _PADDING = "[unknown]", "[padding]"


@dataclass(frozen=True, slots=True)
class FixedScorer:
    """Gives every request the same score."""

    score: float = 0.5
    task: str = "other"

    def classify(self, request: Readable) -> Verdict:  # noqa: ARG002 - whatever it says
        """The verdict."""
        return Verdict(self.score, self.task, 1 - self.score, 0.0, self.score)


def write_model(directory: Path, words: Mapping[str, float]) -> Path:
    """Writes a classifier into `directory`, for `classifier.path`, and returns that. The words are of lower-case letters.

    It is loaded and run like any other. Its score is that of the highest-scored of `words` in the ask, 0 when there is none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = json.dumps(_tokenizer(tuple(words))).encode()
    network = _network((0.0, 0.0, *words.values()))
    manifest = {
        "format": FORMAT,
        "name": "scored by a word",
        "files": {"model.onnx": hashlib.sha256(network).hexdigest(), "tokenizer.json": hashlib.sha256(tokenizer).hexdigest()},
        "window": {},
        "max_tokens": 512,
        "features": [],
        "tasks": ["other"],
        "thresholds": {},
    }
    (directory / "tokenizer.json").write_bytes(tokenizer)
    (directory / "model.onnx").write_bytes(network)
    (directory / "model.json").write_text(json.dumps(manifest))
    return directory


def _tokenizer(words: tuple[str, ...]) -> dict[str, object]:
    vocabulary = {word: number for number, word in enumerate((_UNKNOWN, _PADDING, *words))}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,  # what is tokenized is in lower case already
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": _UNKNOWN},
    }


# ---- ONNX (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), as much of it as a table look-up takes ----


def _network(scores: tuple[float, ...]) -> bytes:
    constants = (
        _tensor("table", _FLOAT, (len(scores),), struct.pack(f"<{len(scores)}f", *scores)),
        _tensor("first", _INT64, (1,), struct.pack("<q", 0)),  # the row of the ask
        _tensor("others", _FLOAT, (1, 4), struct.pack("<4f", 1 / 3, 1 / 3, 1 / 3, 1)),  # tiers, task
    )
    nodes = (
        _node("Gather", ("table", "ids"), "found"),
        _node("Gather", ("weights", "first"), "in_ask"),
        _node("Mul", ("found", "in_ask"), "asked"),
        _node("ReduceMax", ("asked",), "score"),
        _node("Concat", ("score", "others"), "verdict", axis=1),
    )
    inputs = (
        _value("ids", _INT64, "tokens"),
        _value("weights", _FLOAT, len(POOLS), "tokens"),
        _value("features", _FLOAT, 1, 0),
    )
    outputs = (_value("verdict", _FLOAT, 1, 5),)
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"word") + b"".join(_field(5, tensor) for tensor in constants)
    graph += b"".join(_field(11, value) for value in inputs) + b"".join(_field(12, value) for value in outputs)
    return _number(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, _OPSET))


def _tensor(name: str, kind: int, shape: tuple[int, ...], raw: bytes) -> bytes:
    return b"".join(_number(1, size) for size in shape) + _number(2, kind) + _field(8, name.encode()) + _field(9, raw)


def _node(kind: str, inputs: tuple[str, ...], output: str, **attributes: int) -> bytes:
    named = b"".join(_field(5, _field(1, name.encode()) + _number(3, value) + _number(20, 2)) for name, value in attributes.items())
    return b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode()) + _field(4, kind.encode()) + named


def _value(name: str, kind: int, *shape: int | str) -> bytes:
    sizes = b"".join(_field(1, _number(1, size) if isinstance(size, int) else _field(2, size.encode())) for size in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, sizes)))


def _field(number: int, payload: bytes) -> bytes:
    return bytes(_varint(number << 3 | 2)) + bytes(_varint(len(payload))) + payload


def _number(number: int, value: int) -> bytes:
    return bytes(_varint(number << 3)) + bytes(_varint(value))


def _varint(value: int) -> Iterator[int]:
    while value > 0x7F:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value
