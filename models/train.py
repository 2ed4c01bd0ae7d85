"""Trains the classifier and writes its three files.

    python -m models.train --routing-data DIR --out extproc/classify/model

Needs torch, onnx and scipy beside what the product needs. Without --routing-data the model learns from the project's own
rows alone and is worse on prompts unlike them. On the same machine with the same libraries it gives the same bytes each time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from extproc.classify import features, manifest, window
from extproc.classify.words import Words
from models import calibration, corpus, network, pieces, variations, words

SEED = 20
SYNTHETIC = 5_000
EPOCHS = 8
VARIANTS = 5  # of each hand-written row
FITTED_SHARE = 0.12  # of the public rows
OWN_RATE, RATE = 1e-3, 3e-3  # what is learnt of single tokens moves less, so that they stay near those they resemble
RANKED_SHARE = 0.4  # of the exam questions and word problems
RANK_WEIGHT, RANK_SLOPE = 0.15, 0.6
SENTENCE_WEIGHT = 0.5
DROPPED = 0.12  # share of tokens hidden in training
THRESHOLDS = (0.35, 0.70)
SIZES = window.Sizes()


def main() -> None:
    """Reads the arguments, trains, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routing-data", type=Path, help="a directory of public prompts, as models/README.md describes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--folds", type=int, default=3, help="cross-validation folds on which the calibration is fitted")
    parser.add_argument("--jobs", type=int, default=2, help="networks that are trained at the same time; it does not change them")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # the batches are small: threads would mostly wait for each other
    started = time.monotonic()
    own, _ = corpus.gateway()
    rng = random.Random(SEED)
    public = corpus.public(arguments.routing_data, rng) if arguments.routing_data else []
    judged = [row for row in public if row.is_judged]
    data = Encoded(words.Known.load())
    told = Told.of(data, training_rows(own, public, random.Random(SEED + 2)))
    print(f"{len(own)} own rows, {len(public)} public rows, {len(told.rows)} to learn from, {time.monotonic() - started:.0f} s", flush=True)
    outside, trained = fitted(data, told, own + judged, arguments)
    temperature, knots = calibration.calibrate(outside[: len(own)], own)
    parts = {"own": calibration.agreement(outside[: len(own)], own), "public": calibration.agreement(outside[len(own) :], judged)}
    print(f"rank correlation with the labels: {parts}")
    write(arguments.out, data.tokenizer, network.export(trained, temperature, knots, THRESHOLDS))
    print(f"{time.monotonic() - started:.0f} s")


class Encoded:
    """Rows as the network reads them."""

    def __init__(self, known: words.Known) -> None:
        self.tokenizer = known.tokenizer
        self.words = Words(known.tokenizer, json.loads(known.tokenizer.to_str()))
        self.known = torch.from_numpy(known.vectors)

    def row(self, row: corpus.Row) -> tuple[list[int], list[int], list[int], list[float]]:
        """Tokens of ask, context and system, and the features."""
        seen = window.cut(row.prompt, SIZES)
        ask = self.tokens(seen.ask)
        return (ask, self.tokens(seen.context), self.tokens(seen.system), features.of(row.prompt, seen, len(ask)))

    def tokens(self, text: str) -> list[int]:
        """Token ids, never none."""
        return np.frombuffer(self.words.ids(text), np.int64)[: network.MAX_TOKENS].tolist() or [manifest.PADDING]

    def rows(self, rows: list[corpus.Row]) -> list[tuple[list[int], list[int], list[int], list[float]]]:
        """All of `rows`."""
        return [self.row(row) for row in rows]


def training_rows(own: list[corpus.Row], public: list[corpus.Row], rng: random.Random) -> list[corpus.Row]:
    """Own rows with their variants, rows put together from pieces, public rows."""
    parts = pieces.Pieces.load()
    rows = own + [variations.varied(row, parts, rng) for row in own for _ in range(VARIANTS)]
    rows += [variations.varied(row, parts, rng) for row in pieces.synthetic(SYNTHETIC, rng)]
    rows += [variations.varied(row, parts, rng) for row in public if row.is_judged for _ in range(6)]
    return rows + [row for row in public if is_fitted(row)]


def is_fitted(row: corpus.Row) -> bool:
    """Whether a public row takes part in training; the others only shape the tokens and their first vectors."""
    share = RANKED_SHARE if row.rank is not None else FITTED_SHARE
    return row.tier_weight >= corpus.TAUGHT_WEIGHT or corpus.bucket(row.id, "fit") < share


@dataclass(frozen=True, slots=True)
class Told:
    """The training rows, and as the network reads them."""

    rows: list[corpus.Row]
    encoded: list[tuple[list[int], list[int], list[int], list[float]]]

    @classmethod
    def of(cls, data: Encoded, rows: list[corpus.Row]) -> Told:
        """`rows` and what `data` makes of them."""
        return cls(rows, data.rows(rows))

    def without(self, ids: set[str]) -> Told:
        """All rows but those."""
        kept = [at for at, row in enumerate(self.rows) if row.id not in ids]
        return Told([self.rows[at] for at in kept], [self.encoded[at] for at in kept])


def fit(known: torch.Tensor, told: Told, epochs: int, name: str) -> network.Network:
    """A network trained on these rows."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = random.Random(SEED + 3)
    rows, encoded = told.rows, told.encoded
    targets = Targets(rows)
    net = network.Network(known, len(features.NAMES), len(corpus.TASKS), len(targets.sources))
    shape = torch.tensor([row[3] for row in encoded])
    net.mean.copy_(shape.mean(0))
    net.scale.copy_(1 / (shape.std(0) + 0.15))
    quick = [value for name, value in net.named_parameters() if not name.startswith("own")]
    optimisers = (torch.optim.SparseAdam([net.own.weight], lr=OWN_RATE), torch.optim.AdamW(quick, lr=RATE, weight_decay=0.02))
    size = 192
    steps = epochs * (len(rows) // size)
    schedules = [
        torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, cycle_momentum=False)
        for optimiser, rate in zip(optimisers, (OWN_RATE, RATE), strict=True)
    ]
    net.train()
    for epoch in range(epochs):
        order = sorted(range(len(rows)), key=lambda index: (len(encoded[index][0]) // 24 + rng.random() * 3, index))
        batches = [order[at : at + size] for at in range(0, len(order) - size + 1, size)]
        rng.shuffle(batches)
        total = 0.0
        for batch in batches:
            loss = targets.loss(net(*padded([encoded[index] for index in batch], dropout=DROPPED)), batch, net.levels)
            net.zero_grad()
            loss.backward()
            for moved in (*optimisers, *schedules):
                moved.step()
            total += float(loss.detach())
        print(f"  {name}, epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)
    return net.eval()


class Targets:
    """What the rows should say, and by how much they count."""

    def __init__(self, rows: list[corpus.Row]) -> None:
        self.sources = {name: index for index, name in enumerate(sorted({row.source for row in rows}))}
        self.tier = torch.tensor([row.tier for row in rows])
        self.weight = torch.tensor([row.tier_weight for row in rows])
        self.task = torch.tensor([row.task for row in rows])
        self.source = torch.tensor([self.sources[row.source] if row.source != "own" else -1 for row in rows])
        known = corpus.sentences()
        nothing = np.zeros(network.SENTENCE, np.float32)
        self.sentence = torch.from_numpy(np.stack([known.get(row.id, nothing) for row in rows]))
        self.is_known = torch.tensor([float(row.id in known) for row in rows])
        self.is_ranked = torch.tensor([float(row.rank is not None) for row in rows])
        self.rank = torch.tensor([row.rank or 0.0 for row in rows])

    def loss(self, logits: tuple[torch.Tensor, ...], batch: list[int], levels: torch.Tensor) -> torch.Tensor:
        """Soft cross-entropy of the tier, cross-entropy of task and source where they are known, and the error of the rank.

        The rank says which of two rows of a source is harder, not how hard they are: each source has a free level.
        """
        tier, task, source, sentence = logits
        at = torch.tensor(batch)
        each = -(self.tier[at].unsqueeze(1) * tier.log_softmax(2)).sum((1, 2)) * self.weight[at]
        side = nn_cross(task, self.task[at]) * 0.15 + nn_cross(source, self.source[at]) * 0.08
        level = levels[self.source[at].clamp(min=0)] + self.rank[at]
        error = ((tier[:, :, 2] - tier[:, :, 0]) * RANK_SLOPE - level.unsqueeze(1)).square().sum(1)
        apart = (sentence - self.sentence[at].unsqueeze(1)).square().mean(2).sum(1)
        more = RANK_WEIGHT * (error * self.is_ranked[at]).sum() + SENTENCE_WEIGHT * (apart * self.is_known[at]).sum()
        return (each.sum() + more) / len(batch) + side


def nn_cross(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the rows whose label is known, as a share of all rows."""
    wanted = labels.unsqueeze(1).expand(logits.shape[:2])
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, ignore_index=-1, reduction="sum") / len(labels)


def padded(rows: list[tuple[list[int], list[int], list[int], list[float]]], dropout: float = 0.0) -> tuple[torch.Tensor, ...]:
    """A batch; `dropout` is the share of tokens replaced by the unknown one."""
    pieces: list[torch.Tensor] = []
    for which in range(3):
        longest = max(len(row[which]) for row in rows)
        ids = torch.tensor([list(row[which]) + [0] * (longest - len(row[which])) for row in rows])
        if dropout:
            ids = torch.where((torch.rand(ids.shape) < dropout) & (ids > manifest.PADDING), 2, ids)
        pieces.append(ids)
    if dropout:  # sometimes the system prompt or the context is not read, so that the ask must do
        for which in (1, 2):
            unread = torch.rand(len(rows), 1) < 0.15
            pieces[which] = torch.where(
                unread, torch.nn.functional.pad(torch.ones_like(pieces[which][:, :1]), (0, pieces[which].shape[1] - 1)), pieces[which]
            )
    return (*pieces, torch.tensor([row[3] for row in rows]))


def logits_of(net: network.Network, data: Encoded, rows: list[corpus.Row]) -> np.ndarray:
    """Tier logits."""
    with torch.no_grad():
        each = [net(*padded([data.row(row)]))[0].mean(1).numpy() for row in rows]
    return np.concatenate(each) if each else np.zeros((0, 3))


def fitted(data: Encoded, told: Told, rows: list[corpus.Row], arguments: argparse.Namespace) -> tuple[np.ndarray, network.Network]:
    """Tier logits of each of `rows` by networks that were not trained on it, [row, 3], and a network trained on all."""
    found = np.zeros((len(rows), 3))
    outside = [[at for at, row in enumerate(rows) if fold_of(row, arguments.folds) == fold] for fold in range(arguments.folds)]
    parts = [[], *([rows[at] for at in part] for part in outside)]
    with ProcessPoolExecutor(arguments.jobs, get_context("fork"), _share, (data, told)) as pool:
        tasks = [pool.submit(_part, part, arguments.epochs, f"fold {at}" if at else "all rows") for at, part in enumerate(parts)]
        for part, task in zip(outside, tasks[1:], strict=True):
            found[part] = task.result()[0]
        return found, _network(data, tasks[0].result()[1])


_shared: list[tuple[Encoded, Told]] = []  # what a process that trains has from the one that started it


def _share(data: Encoded, told: Told) -> None:
    _shared.append((data, told))


def _part(outside: list[corpus.Row], epochs: int, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The logits of `outside` by a network that was not trained on them, and that network's values."""
    data, told = _shared[0]
    net = fit(data.known, told.without({row.id for row in outside}), epochs, name)
    return logits_of(net, data, outside), {key: value.numpy() for key, value in net.state_dict().items()}


def _network(data: Encoded, values: dict[str, np.ndarray]) -> network.Network:
    made = network.Network(data.known, len(features.NAMES), len(corpus.TASKS), len(values["levels"]))
    made.load_state_dict({key: torch.from_numpy(value) for key, value in values.items()})
    return made.eval()


def fold_of(row: corpus.Row, folds: int) -> int:
    """The part of the cross-validation in which a row is left out."""
    return int(corpus.bucket(row.id, "fold") * folds)


def write(out: Path, tokenizer: Tokenizer, graph: bytes) -> None:
    """The three files."""
    out.mkdir(parents=True, exist_ok=True)
    files = {manifest.TOKENIZER: tokenizer.to_str(pretty=False).encode(), manifest.NETWORK: graph}
    stated = {
        "format": manifest.FORMAT,
        "name": "tiermesh-static-4",
        "files": {name: hashlib.sha256(raw).hexdigest() for name, raw in sorted(files.items())},
        "window": asdict(SIZES),
        "max_tokens": network.MAX_TOKENS,
        "features": features.NAMES,
        "tasks": corpus.TASKS,
        "thresholds": dict(zip(("simple", "standard"), THRESHOLDS, strict=True)),
    }
    for name, raw in files.items():
        (out / name).write_bytes(raw)
    text = json.dumps(stated, indent=1) + "\n"
    (out / manifest.MANIFEST).write_text(text, encoding="utf-8")
    print(f"sha256 {hashlib.sha256(text.encode()).hexdigest()}, {sum(map(len, files.values())) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
