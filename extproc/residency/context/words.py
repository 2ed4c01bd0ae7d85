"""A window of text as numbers: hashed words and pairs of words, how many words of each class there are, and the known words in order.

A word is known by the class it belongs to (an illness, a relative, a word of questions) rather than by itself, so that what
the model learnt of one drug holds for all of them. Names are one word, and numbers one for each length. Where no spaces are
written, pairs of characters are the words, and a class's words are found at every character. A known word is one that the model
has a vector for; of an unknown one its longest known beginning is read, if that is most of it.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 15
STEM_CHARS = 7  # endings beyond it say case and number, in most languages
COUNTS = ("lines", "questions", "commas", "colons", "quotes", "braces", "semicolons", "equals", "digits", "names", "beyond_ascii", "chars")

_LETTER = r"[^\s\x00-\x40\x5b-\x60\x7b-\x7f\xa0-\xbf、。，：；！？「」『』（）【】・…“”‘’–—]"  # noqa: RUF001
_TOKEN = re.compile(rf"{_LETTER}+|\d[\d.,:/-]*|[^\s\w]")
_ASCII_TOKEN = re.compile(r"[a-z]+|[0-9][0-9.,:/-]*|[^\s\w]", re.ASCII)  # the same, where there is nothing else
_NAME = re.compile(r"[A-ZÀ-ÞĀ-ſА-Я][a-zß-ÿā-ſа-яё]+(?: [A-Z]\.)?[ -](?:(?:van|de|der|von|da|al|el|bin) )?[A-ZÀ-ÞĀ-ſА-Я][a-zß-ÿā-ſа-яё'’]+")  # noqa: RUF001
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f]")
_ARABIC_JOINED = re.compile(r"^(?:و|ف)?(?:ال|لل|بال|ب|ل|ك)?")
_THAI = re.compile(r"[\u0e00-\u0e7f]")
_LONGEST_CJK, _LONGEST_THAI = 5, 12
_LONGEST_KNOWN_CJK = 4
_LEAST_STEM_CHARS, _LEAST_STEM_SHARE = 4, 0.6
GAP = 2  # places without a word before each text, so that no three words in a row are of two texts
_MAX_REMEMBERED, _MAX_REMEMBERED_CHARS = 30_000, 24
_EDGE = 0x2545F491  # begins every text
_PAIR, _CLASS_PAIR = 0x9E3779B1, 0x85EBCA6B  # odd multipliers that spread the bits


def _folded() -> dict[int, str]:
    """Latin letters with marks to those without."""
    table = {ord("ß"): "ss", ord("ø"): "o", ord("ł"): "l", ord("\u0131"): "i", ord("đ"): "d", ord("æ"): "ae", ord("œ"): "oe"}
    for code in range(0xC0, 0x250):
        first = unicodedata.normalize("NFKD", chr(code))[0]
        if code not in table and first.isascii() and first.isalpha():
            table[code] = first
    return table


_FOLDED = _folded()


def canonical(text: str) -> str:
    """`text` in lower case and without the marks of Latin letters."""
    text = text.lower()
    return text if text.isascii() else text.replace("\u0307", "").translate(_FOLDED)


def bucket(word: str) -> int:
    """The bucket of a word, the same on every machine."""
    return zlib.crc32(word.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Reading:
    """Texts as numbers: the buckets of words, pairs of words and pairs of classes, the places of known words, and where each text's begin;
    its features.
    """

    words: NDArray[np.int64]
    pairs: NDArray[np.int64]  # as many as words, with the same beginnings
    starts: NDArray[np.int64]
    class_pairs: NDArray[np.int64]
    class_starts: NDArray[np.int64]
    known: NDArray[np.int64]  # in their order, 0 for none; `GAP` of those before each text and at the end
    known_starts: NDArray[np.int64]
    features: NDArray[np.float32]  # a row for each text

    def sizes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many words and how many pairs of classes each text has."""
        return np.diff(self.starts, append=len(self.words)), np.diff(self.class_starts, append=len(self.class_pairs))


class Words:
    """The classes of one model with the words it has seen. `known` are the words it has vectors for; the first has place 1."""

    def __init__(self, classes: dict[str, list[str]], known: tuple[str, ...] = ()) -> None:
        self.classes = tuple(classes)
        self._known = {word: place for place, word in enumerate(known, 1)}
        self._bits = {name: 1 << place for place, name in enumerate(self.classes)}
        self._whole: dict[str, int] = {}
        self._begins: dict[str, int] = {}
        for name, entries in classes.items():
            for entry in entries:
                listed = self._begins if entry.endswith("*") else self._whole
                word = canonical(entry.rstrip("*"))
                listed[word] = listed.get(word, 0) | self._bits[name]
        self._name = self._bits.get("name", 0)
        self._seen = _Memory(self)

    @property
    def features(self) -> int:
        """The number of features that are no hashed words."""
        return len(self.classes) + len(COUNTS)

    def read(self, texts: list[str]) -> Reading:
        """All of `texts` as numbers, at once: what numpy does costs little more for many of them than for one."""
        ids: list[int] = []
        masks: list[int] = []
        places: list[int] = []
        starts: list[int] = []
        mask_starts: list[int] = []
        known: list[int] = []
        known_starts: list[int] = []
        counts: list[list[int]] = []
        seen, kinds = self._seen, len(self.classes)
        for index, text in enumerate(texts):
            starts.append(len(ids))
            mask_starts.append(len(masks))
            ids.append(_EDGE)
            masks.append(0)
            known_starts.append(len(known))
            known += _GAPS
            low = canonical(text)
            shift = index * kinds
            for token in (_ASCII_TOKEN if low.isascii() else _TOKEN).findall(low):
                some, some_known, some_masks, some_places = seen[token]
                ids += some
                known += some_known
                if some_masks:
                    masks += some_masks
                    places += [place + shift for place in some_places]
            counts.append(_counts(text, low))
        classes = np.bincount(np.array(places, np.int64), minlength=kinds * len(texts)).reshape(len(texts), kinds)
        return Reading(
            words=np.array(ids, np.int64) & (BUCKETS - 1),
            pairs=_pairs(ids, _PAIR, _EDGE),
            starts=np.array(starts),
            class_pairs=_pairs(masks, _CLASS_PAIR, 0),
            class_starts=np.array(mask_starts),
            known=np.array([*known, *_GAPS], np.int64),
            known_starts=np.array(known_starts),
            features=np.log1p(np.concatenate((classes, np.array(counts)), 1).astype(np.float32)),
        )

    def mask(self, word: str) -> int:
        """The classes of a canonical word, a bit each."""
        found = self._whole.get(word, 0)
        for size in range(min(len(word), 14), 0, -1):
            beginning = self._begins.get(word[:size])
            if beginning:
                return found | beginning
        return found

    def take_apart(self, token: str) -> tuple[list[int], list[int]]:
        """The buckets and the classes of a token: one of each, or one for each character where no spaces are written."""
        first = token[0]
        if first.isdigit():
            return [bucket(f"#{min(sum(map(str.isdigit, token)), 9)}{'%' if '.' in token or ',' in token else ''}")], [0]
        if _UNSPACED.search(token):
            return self._unspaced(token)
        mask = self.mask(token)
        if not mask and "\u0600" <= first <= "\u06ff":
            mask = self.mask(_ARABIC_JOINED.sub("", token))
        return [bucket("#name" if mask == self._name and mask else token[:STEM_CHARS])], [mask]

    def known_in(self, token: str) -> list[int]:
        """The places of the known words of a token, 0 for one that is not known; none for a number or a sign."""
        if not token[0].isalpha():
            return []
        if _UNSPACED.search(token):
            return self._known_unspaced(token)
        if place := self._known.get(token):
            return [place]
        if "\u0600" <= token[0] <= "\u06ff" and (place := self._known.get(_ARABIC_JOINED.sub("", token))):
            return [place]
        for size in range(len(token) - 1, max(_LEAST_STEM_CHARS, int(len(token) * _LEAST_STEM_SHARE)) - 1, -1):
            if place := self._known.get(token[:size]):
                return [place]
        return [0]

    def _known_unspaced(self, token: str) -> list[int]:
        """The longest known words one behind the other."""
        places: list[int] = []
        at = 0
        longest = _LONGEST_THAI if _THAI.search(token) else _LONGEST_KNOWN_CJK
        while at < len(token):
            size = next((size for size in range(longest, 0, -1) if token[at : at + size] in self._known), 1)
            places.append(self._known.get(token[at : at + size], 0))
            at += size
        return places

    def _unspaced(self, token: str) -> tuple[list[int], list[int]]:
        masks = [0] * len(token)
        longest = _LONGEST_THAI if _THAI.search(token) else _LONGEST_CJK
        for start in range(len(token)):
            for size in range(1, longest + 1):
                piece = token[start : start + size]
                masks[start] |= self._whole.get(piece, 0) | self._begins.get(piece, 0)
        return [bucket(token[start : start + 2]) for start in range(len(token))], masks

    def places(self, mask: int) -> list[int]:
        """The places in `classes` of those in `mask`."""
        return [place for place in range(mask.bit_length()) if mask >> place & 1]


def _counts(text: str, low: str) -> list[int]:
    """One number for each of `COUNTS`."""
    count = low.count
    return [
        count("\n"),
        count("?") + count("؟") + count("？"),  # noqa: RUF001
        count(","),
        count(":"),
        count('"'),
        count("{") + count("["),
        count(";"),
        count("="),
        count("0") + count("1") + count("2"),
        len(_NAME.findall(text)),
        0 if low.isascii() else 1,
        len(low) // 50,
    ]


def _pairs(numbers: list[int], spread: int, edge: int) -> NDArray[np.int64]:
    """The bucket of each number with the next; the last of a text with what begins the one behind it, which is always `edge`."""
    first = np.array([*numbers, edge], np.int64)
    mixed = first[:-1] * spread ^ first[1:] * 31
    found: NDArray[np.int64] = (mixed ^ mixed >> 15) & (BUCKETS - 1)
    return found


_GAPS = (0,) * GAP


class _Memory(dict[str, tuple[list[int], list[int], list[int], list[int]]]):
    """What tokens are made of. Bounded: when full it forgets everything and starts again."""

    def __init__(self, words: Any) -> None:
        self._words = words

    def __missing__(self, token: str) -> tuple[list[int], list[int], list[int], list[int]]:
        ids, masks = self._words.take_apart(token)
        places = [place for mask in masks for place in self._words.places(mask)]
        found = ids, self._words.known_in(token), [mask for mask in masks if mask], places
        if len(token) <= _MAX_REMEMBERED_CHARS:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
            self[token] = found
        return found
