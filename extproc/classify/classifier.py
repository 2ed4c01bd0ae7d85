"""The model at work: a request in, a verdict out, in a fraction of a millisecond on one thread."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.classify import features, manifest, window
from extproc.classify.words import TOKEN_BYTES, Words
from extproc.errors import ModelError

DEFAULT_DIRECTORY = Path(__file__).parent / "model"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How hard a request is, and of what kind."""

    score: float  # 0 trivial .. 1 hardest
    task: str  # the most probable task family
    p_simple: float  # that the simple tier is the cheapest that answers well
    p_standard: float
    p_complex: float
    p_task: float = 1.0  # that `task` is the family

    @property
    def confidence(self) -> float:
        """The probability of the most probable tier, calibrated."""
        return max(self.p_simple, self.p_standard, self.p_complex)

    @property
    def p_small_suffices(self) -> float:
        """That a model of the simple tier answers well."""
        return self.p_simple

    @property
    def p_middle_suffices(self) -> float:
        """That a model of the standard tier, or a cheaper one, answers well."""
        return self.p_simple + self.p_standard


class Classifier:
    """A loaded model. Safe to share between threads; nothing of a request is kept."""

    def __init__(self, files: manifest.Files) -> None:
        import numpy

        stated = files.manifest
        self.manifest = stated
        self._numpy = numpy
        self._words = _words(files)
        self._session = _session(files)
        self._max_bytes = stated.max_tokens * TOKEN_BYTES
        self._between = numpy.array([manifest.BETWEEN], "int64").tobytes()
        self._padding = numpy.array([manifest.PADDING], "int64").tobytes()
        self._from_start = numpy.array([manifest.decay(place) for place in range(stated.max_tokens)], "float32")
        self._from_end = self._from_start[::-1].copy()
        self._chosen = None if stated.features == features.NAMES else [features.NAMES.index(name) for name in stated.features]

    @classmethod
    def load(cls, directory: Path | None = None, sha256: str | None = None) -> Classifier:
        """The model in `directory`, by default the one shipped, whose model.json must have this sha256 if one is given.

        Raises ModelError if a file is missing, is not the pinned one, or has not the shapes that `manifest` documents.
        """
        return cls(manifest.read(directory or DEFAULT_DIRECTORY, sha256))

    def classify(self, request: window.Readable) -> Verdict:
        """The verdict on `request`, for any text. The time it takes is bounded, however long the request."""
        return self.explain(request)[1]

    def classify_text(self, prompt: str) -> Verdict:
        """The verdict on `prompt` as the only turn of a request without system prompt and tools."""
        return self.classify(window.Prompt(ask=prompt, turns=(window.Said("user", prompt),)))

    def explain(self, request: window.Readable) -> tuple[window.Window, Verdict]:
        """The text that was read of `request`, and the verdict."""
        seen = window.cut(request, self.manifest.sizes)
        ask, context, system = self.tokens(seen)
        values = features.of(request, seen, len(ask) // TOKEN_BYTES)
        if self._chosen is not None:
            values = [values[index] for index in self._chosen]
        array = self._numpy.array
        (verdict,) = self._session.run(
            ("verdict",),
            {
                "ids": self._numpy.frombuffer(self._between.join((ask, context, system)), "int64"),
                "weights": self._weights(len(ask) // TOKEN_BYTES, len(context) // TOKEN_BYTES, len(system) // TOKEN_BYTES),
                "features": array(values, "float32")[None],
            },
        )
        score, simple, standard, complex_, *tasks = verdict[0].tolist()
        p_task = max(tasks)
        # The sums of 32-bit numbers can miss 1 by a hair.
        return seen, Verdict(min(max(score, 0.0), 1.0), self.manifest.tasks[tasks.index(p_task)], simple, standard, complex_, p_task)

    def tokens(self, seen: window.Window) -> tuple[bytes, bytes, bytes]:
        """The tokens of ask, context and system prompt, as `Words.ids` has them; never none."""
        ids, limit, padding = self._words.ids, self._max_bytes, self._padding
        return (
            ids(seen.ask)[:limit] or padding,
            (ids(seen.context)[:limit] if seen.context else b"") or padding,
            (ids(seen.system)[:limit] if seen.system else b"") or padding,
        )

    def _weights(self, ask: int, context: int, system: int) -> Any:
        """What `manifest` says of `weights`, for pieces of so many tokens."""
        context_at = ask + 1
        system_at = context_at + context + 1
        rows = self._numpy.zeros((len(manifest.POOLS), system_at + system), "float32")
        rows[0, :ask] = 1
        rows[1, :ask] = self._from_start[:ask]
        rows[2, :ask] = self._from_end[-ask:]
        rows[3, context_at : context_at + context] = 1
        rows[4, system_at:] = 1
        return rows


def _words(files: manifest.Files) -> Words:
    # The batch calls of the library would start a thread pool in each worker. Only one text at a time is encoded here.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(files.tokenizer)
    except Exception as error:  # the library raises nothing more precise
        raise ModelError(f"{manifest.TOKENIZER} of {files.manifest.name}: {error}") from error
    return Words(tokenizer, json.loads(files.tokenizer))


def _session(files: manifest.Files) -> Any:
    # Some builds report their use to their maker. Nothing leaves from here but what the operator configured.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(files.network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's errors have no common class below Exception
        raise ModelError(f"{manifest.NETWORK} of {files.manifest.name}: {error}") from error
    _check(session, files.manifest)
    return session


def _check(session: Any, stated: manifest.Manifest) -> None:
    expected = {
        "ids": ("tensor(int64)", 1, None),
        "weights": ("tensor(float)", 2, None),
        "features": ("tensor(float)", 2, len(stated.features)),
        "verdict": ("tensor(float)", 2, 4 + len(stated.tasks)),
    }
    sockets = [*session.get_inputs(), *session.get_outputs()]
    found = {
        socket.name: (socket.type, len(socket.shape), socket.shape[-1] if socket.shape and isinstance(socket.shape[-1], int) else None)
        for socket in sockets
    }
    wrong = [f"{name} is {found.get(name)}, expected {shape}" for name, shape in expected.items() if found.get(name) != shape]
    wrong += [f"{name} is not expected" for name in found.keys() - expected.keys()]
    if wrong:
        raise ModelError(f"{manifest.NETWORK} of {stated.name}: (type, rank, last dimension) of {'; '.join(wrong)}")
