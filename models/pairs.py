"""Byte-pair merges learnt from word counts, the same ones each time.

The trainer of `tokenizers` breaks ties between equally frequent pairs by the order of a hash table, so no two runs agree. Here
ties go to the pair that comes first in the alphabet. The result is an ordinary model of `tokenizers`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise

from tokenizers import Tokenizer, models, pre_tokenizers

SPECIAL = ("[PAD]", "[EMPTY]", "[UNK]")
Pair = tuple[str, str]


def tokenizer(texts: Iterable[str], size: int, alphabet: int, min_count: int = 2) -> Tokenizer:
    """A tokenizer of `size` tokens, among them the `alphabet` most frequent characters.

    It has fewer if no other pair is seen `min_count` times.
    """
    split = pre_tokenizers.Whitespace()
    words = Counter(word for text in texts for word, _ in split.pre_tokenize_str(text))
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    known = sorted(sorted(characters), key=lambda character: -characters[character])[:alphabet]
    merges = _merges(words, set(known), size - len(SPECIAL) - len(known), min_count)
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys([*SPECIAL, *known, *map("".join, merges)]))}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token=SPECIAL[2], fuse_unk=True))
    made.pre_tokenizer = split
    return made


def _merges(words: Counter[str], known: set[str], wanted: int, min_count: int) -> list[Pair]:
    """The most frequent pair, merged in all words; then the most frequent of those that are there now; and so on."""
    spelt = [[character if character in known else "" for character in word] for word in words]  # an empty one is never merged
    often = list(words.values())
    counts: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for at, parts in enumerate(spelt):
        for pair in _pairs(parts):
            counts[pair] += often[at]
            places[pair].add(at)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)
    found: list[Pair] = []
    while heap and len(found) < wanted:
        count, pair = heappop(heap)
        if -count != counts[pair]:  # changed since it was put here, and put here again then
            continue
        if -count < min_count:
            break
        found.append(pair)
        changed: set[Pair] = set()
        for at in places.pop(pair):
            for old in _pairs(spelt[at]):
                counts[old] -= often[at]
                changed.add(old)
            spelt[at] = _merged(spelt[at], pair)
            for new in _pairs(spelt[at]):
                counts[new] += often[at]
                places[new].add(at)
                changed.add(new)
        changed.discard(pair)
        counts[pair] = 0
        for each in changed:
            heappush(heap, (-counts[each], each))
    return found


def _pairs(parts: list[str]) -> list[Pair]:
    return [pair for pair in pairwise(parts) if pair[0] and pair[1]]


def _merged(parts: list[str], pair: Pair) -> list[str]:
    made: list[str] = []
    at = 0
    while at < len(parts):
        if at + 1 < len(parts) and (parts[at], parts[at + 1]) == pair:
            made.append(parts[at] + parts[at + 1])
            at += 2
        else:
            made.append(parts[at])
            at += 1
    return made
