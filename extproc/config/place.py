"""Where in the file something stands: a tuple of keys and indexes, and how it is written for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Place = tuple[str | int, ...]

LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at `place`. `reads` are the places that must be sound for it to mean anything; by default its own."""

    place: Place
    message: str
    reads: tuple[Place, ...] = ()

    def rests_on(self, broken: Iterable[Place]) -> bool:
        """Whether any of `broken` holds, or lies inside, what this finding was concluded from."""
        reads = self.reads or (self.place,)
        return any(_overlap(one, other) for one in broken for other in reads)


def _overlap(one: Place, other: Place) -> bool:
    # "*" stands for any key, so that a finding can rest on "every backend's location".
    return all(a == b or "*" in (a, b) for a, b in zip(one, other, strict=False))


def dotted(place: Place) -> str:
    """`backends.local.apis[1]`; keys that are no plain words are quoted: `prices["gpt-4.1"].input`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and all(c.isalnum() or c in "-_" for c in part):
            text += f".{shortened(part)}"
        else:
            text += f'["{shortened(part)}"]'
    return text.removeprefix(".")


def shortened(text: str, longest: int = LONGEST_SHOWN) -> str:
    """`text` on one line and of a length that a terminal can show."""
    line = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return line if len(line) <= longest else f"{line[:longest]}..."


def alternatives(names: Iterable[str]) -> str:
    """`a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))


def closest(word: str, known: Iterable[str]) -> str:
    """The known name that `word` is most likely a slip of, or nothing."""
    return next(iter(get_close_matches(word[:200].lower(), list(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean `x`?" for the closest known name, else nothing."""
    close = closest(word, known)
    return f"; did you mean `{close}`?" if close else ""
