"""How one kind of sensitive data is found: a pattern that finds candidates, and a check that tells them from look-alikes.

Patterns are Hyperscan's: no lookaround, no backreferences, and so one pass over the text for all of them together, linear in
its length. What a pattern cannot say (a checksum, an issuer, a word nearby) is left to the check, which runs for each
candidate; the rarer a pattern's first bytes are in ordinary text, the cheaper it is. Hyperscan reports every end of a
match (`a+` in `aaa` is three); those with one start, or an earlier one, become one candidate with the last end.

What patterns can rely on: `^` and `$` are ends of lines; `.` is not a newline; a pattern with characters beyond ASCII is
matched by Unicode's rules (`\\b`, `\\w` and case), any other by ASCII's, so that a Japanese letter is not a word character to it.
Members of JSON objects read `key: value`, a line each, where they stand in the body itself, and as their own JSON text where
they came inside of a string: `"key": "value"`. Numbers of an array stand on one line, with commas between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from extproc.residency.hit import Hit


class Near(NamedTuple):
    """Words of which one must begin and end within so many bytes before or behind a candidate: any other is passed over unchecked.

    Words are regular expressions in lower case, as `cues.cue` has them.
    """

    words: tuple[str, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Detector:
    """One pattern for one kind. `check` looks at the hit and at most 200 bytes on either side; None takes every candidate.

    `near` is what the check asks for as well, said so that a text full of numbers is looked through for the words but once.
    """

    kind: str  # one of `config.kinds.KINDS`, or `custom:<name>`
    pattern: str
    check: Callable[[Hit], bool] | None = None
    caseless: bool = True
    near: Near | None = None
