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
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from extproc.classify import features, manifest, window
from extproc.classify.words import Words
from models import corpus, metrics, network, pieces, variations, words

SEED = 20
SYNTHETIC = 6_000
VARIANTS = 4  # of each hand-written row
FITTED_SHARE = 0.2  # of the public rows
OWN_RATE, RATE = 2.5e-4, 3e-3  # what is learnt of single tokens moves less, so that they stay near those they resemble
RANKED_SHARE = 0.6  # of the exam questions and word problems
RANK_WEIGHT, RANK_SLOPE = 0.15, 0.6
DROPPED = 0.12  # share of tokens hidden in training
THRESHOLDS = (0.35, 0.70)
LEAST_LOW = 0.25  # a lower first cut sends trivial questions about long material to the second tier
SIZES = window.Sizes()


def main() -> None:
    """Reads the arguments, trains, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routing-data", type=Path, help="a directory of public prompts, as models/README.md describes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--folds", type=int, default=3, help="cross-validation folds on which the calibration is fitted")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # the batches are small: threads would mostly wait for each other
    started = time.monotonic()
    own, _ = corpus.gateway()
    rng = random.Random(SEED)
    public = corpus.public(arguments.routing_data, rng) if arguments.routing_data else []
    data = Encoded(words.Known.load())
    print(f"{len(own)} own rows, {len(public)} public rows, {len(data.known)} tokens, {time.monotonic() - started:.0f} s")
    judged = [row for row in public if row.is_judged]
    outside = out_of_fold(data, own, public, arguments)
    temperature, knots = calibrate(outside[: len(own)], own)
    parts = {"own": agreement(outside[: len(own)], own), "public": agreement(outside[len(own) :], judged)}
    print(f"rank correlation with the labels: {parts}")
    trained = fit(data, own, public, arguments.epochs)
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
    rows = own * 2 + [variations.varied(row, parts, rng) for row in own for _ in range(VARIANTS)]
    rows += [variations.varied(row, parts, rng) for row in pieces.synthetic(SYNTHETIC, rng)]
    rows += [variations.varied(row, parts, rng) for row in public if row.is_judged for _ in range(6)]
    return rows + [row for row in public if is_fitted(row)]


def is_fitted(row: corpus.Row) -> bool:
    """Whether a public row takes part in training; the others only shape the tokens and their first vectors."""
    share = RANKED_SHARE if row.rank is not None else FITTED_SHARE
    return row.tier_weight >= corpus.TAUGHT_WEIGHT or corpus.bucket(row.id, "fit") < share


def fit(data: Encoded, own: list[corpus.Row], public: list[corpus.Row], epochs: int) -> network.Network:
    """A network trained on these rows."""
    torch.manual_seed(SEED)
    rng = random.Random(SEED + 2)
    rows = training_rows(own, public, rng)
    encoded = data.rows(rows)
    targets = Targets(rows)
    net = network.Network(data.known, len(features.NAMES), len(corpus.TASKS), len(targets.sources))
    shape = torch.tensor([row[3] for row in encoded])
    net.mean.copy_(shape.mean(0))
    net.scale.copy_(1 / (shape.std(0) + 0.15))
    slow = [net.own.weight]
    quick = [value for name, value in net.named_parameters() if not name.startswith("own")]
    optimiser = torch.optim.AdamW(
        [{"params": slow, "lr": OWN_RATE, "weight_decay": 0.0}, {"params": quick, "lr": RATE, "weight_decay": 0.02}]
    )
    size = 192
    steps = epochs * (len(rows) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [OWN_RATE, RATE], total_steps=steps)
    net.train()
    for epoch in range(epochs):
        order = sorted(range(len(rows)), key=lambda index: (len(encoded[index][0]) // 24 + rng.random() * 3, index))
        batches = [order[at : at + size] for at in range(0, len(order) - size + 1, size)]
        rng.shuffle(batches)
        total = 0.0
        for batch in batches:
            loss = targets.loss(net(*padded([encoded[index] for index in batch], dropout=DROPPED)), batch, net.levels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"  epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)
    return net.eval()


class Targets:
    """What the rows should say, and by how much they count."""

    def __init__(self, rows: list[corpus.Row]) -> None:
        self.sources = {name: index for index, name in enumerate(sorted({row.source for row in rows}))}
        self.tier = torch.tensor([row.tier for row in rows])
        self.weight = torch.tensor([row.tier_weight for row in rows])
        self.task = torch.tensor([row.task for row in rows])
        self.source = torch.tensor([self.sources[row.source] if row.source != "own" else -1 for row in rows])
        self.is_ranked = torch.tensor([float(row.rank is not None) for row in rows])
        self.rank = torch.tensor([row.rank or 0.0 for row in rows])

    def loss(self, logits: tuple[torch.Tensor, torch.Tensor, torch.Tensor], batch: list[int], levels: torch.Tensor) -> torch.Tensor:
        """Soft cross-entropy of the tier, cross-entropy of task and source where they are known, and the error of the rank.

        The rank says which of two rows of a source is harder, not how hard they are: each source has a free level.
        """
        tier, task, source = logits
        at = torch.tensor(batch)
        each = -(self.tier[at].unsqueeze(1) * tier.log_softmax(2)).sum((1, 2)) * self.weight[at]
        side = nn_cross(task, self.task[at]) * 0.15 + nn_cross(source, self.source[at]) * 0.08
        level = levels[self.source[at].clamp(min=0)] + self.rank[at]
        error = ((tier[:, :, 2] - tier[:, :, 0]) * RANK_SLOPE - level.unsqueeze(1)).square().sum(1)
        return (each.sum() + RANK_WEIGHT * (error * self.is_ranked[at]).sum()) / len(batch) + side


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
        return np.concatenate([net(*padded([data.row(row)]))[0].mean(1).numpy() for row in rows])


def out_of_fold(data: Encoded, own: list[corpus.Row], public: list[corpus.Row], arguments: argparse.Namespace) -> np.ndarray:
    """Tier logits of each own row, then of each judged public one, by networks that were not trained on it: [row, 3]."""
    rows = own + [row for row in public if row.is_judged]
    found = np.zeros((len(rows), 3))
    for fold in range(arguments.folds):
        outside = [index for index, row in enumerate(rows) if fold_of(row, arguments.folds) == fold]
        print(f"fold {fold + 1}: {len(rows) - len(outside)} rows in, {len(outside)} out")
        away = {rows[index].id for index in outside}
        net = fit(data, *([row for row in part if row.id not in away] for part in (own, public)), arguments.epochs)
        found[outside] = logits_of(net, data, [rows[index] for index in outside])
        truth = np.array([int(np.argmax(rows[index].tier)) for index in outside])
        is_own = np.array([rows[index].source == "own" for index in outside])
        right = found[outside].argmax(1) == truth
        print(
            f"  most probable tier: own {right[is_own].mean():.3f}, judged {right[~is_own].mean() if (~is_own).any() else 0:.3f}",
            flush=True,
        )
    return found


def fold_of(row: corpus.Row, folds: int) -> int:
    """The part of the cross-validation in which a row is left out."""
    return int(corpus.bucket(row.id, "fold") * folds)


def calibrate(logits: np.ndarray, own: list[corpus.Row]) -> tuple[float, tuple[float, float]]:
    """The temperature with the least log loss, and the raw scores at which tiers should change (least smoothed regret)."""
    truth = np.array([int(np.argmax(row.tier)) for row in own])
    temperatures = np.linspace(0.6, 3.0, 49)
    temperature = float(min(temperatures, key=lambda value: metrics.log_loss(metrics.softmax(logits / value), truth)))
    probabilities = metrics.softmax(logits / temperature)
    raw = probabilities @ np.array([0.0, 0.5, 1.0])
    grid = np.linspace(0.1, 0.9, 41)
    knots = min(
        ((low, high) for low in grid for high in grid if low >= LEAST_LOW and high - low >= 0.15),
        key=lambda pair: metrics.smooth_regret(raw, pair, truth),
    )
    print(f"out of fold: temperature {temperature:.2f}, knots {knots[0]:.2f} {knots[1]:.2f}")
    print(
        metrics.report(metrics.tiers(raw, knots), truth),
        f"ECE {metrics.calibration_error(probabilities, truth):.3f}, log loss {metrics.log_loss(probabilities, truth):.4f}",
        f"most probable {(probabilities.argmax(1) == truth).mean():.4f}",
    )
    return temperature, (float(knots[0]), float(knots[1]))


def agreement(logits: np.ndarray, rows: list[corpus.Row]) -> float:
    """Spearman's correlation of the score with the labelled tier."""
    truth = np.array([int(np.argmax(row.tier)) for row in rows])
    return metrics.spearman(metrics.softmax(logits) @ np.array([0.0, 0.5, 1.0]), truth) if len(rows) else 0.0


def write(out: Path, tokenizer: Tokenizer, graph: bytes) -> None:
    """The three files."""
    out.mkdir(parents=True, exist_ok=True)
    files = {manifest.TOKENIZER: tokenizer.to_str(pretty=False).encode(), manifest.NETWORK: graph}
    stated = {
        "format": manifest.FORMAT,
        "name": "tiermesh-static-3",
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
