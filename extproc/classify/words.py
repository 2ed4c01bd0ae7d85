"""Text to token numbers, by way of a memory of words.

The tokenizer splits a text at white space and punctuation and then cuts each piece into tokens on its own, so a piece has the
same tokens wherever it stands. Most pieces of most requests have been seen before: they are looked up, and only new ones
cost a call into the tokenizer.
"""

from __future__ import annotations

import re
from typing import Any

from extproc.errors import ModelError

# What `tokenizers` calls the Whitespace pre-tokenizer, for ASCII. Beyond it, Python and Rust disagree on what a word
# character is (combining marks), so there only white space is relied on and the tokenizer does the rest.
_PIECES = re.compile(r"\w+|[^\w\s]+", re.ASCII)
_PRE_TOKENIZER = {"type": "Whitespace"}

_MAX_REMEMBERED = 50_000
_MAX_REMEMBERED_CHARS = 32  # longer ones are identifiers and digests that hardly come again


class Words:
    """The tokenizer of one model with what it has seen. Bounded: when full it forgets everything and starts again.

    Raises ModelError for a tokenizer whose tokens depend on more than the piece they are in.
    """

    def __init__(self, tokenizer: Any, state: dict[str, Any]) -> None:
        if state.get("normalizer") is not None or state.get("post_processor") is not None or state.get("pre_tokenizer") != _PRE_TOKENIZER:
            raise ModelError("the tokenizer must have the Whitespace pre-tokenizer, no normalizer and no post-processor")
        self._encode = tokenizer.encode
        self._seen: dict[str, tuple[int, ...]] = {}

    def ids(self, text: str, limit: int) -> list[int]:
        """The tokens of `text`, at most `limit`; the same that the tokenizer itself gives."""
        seen = self._seen
        found: list[int] = []
        for piece in _PIECES.findall(text) if text.isascii() else text.split():
            tokens = seen.get(piece)
            if tokens is None:
                tokens = self._look(piece)
            found += tokens
        return found[:limit]

    def _look(self, piece: str) -> tuple[int, ...]:
        tokens = tuple(self._encode(piece).ids)
        if len(piece) <= _MAX_REMEMBERED_CHARS:
            if len(self._seen) >= _MAX_REMEMBERED:
                self._seen.clear()
            self._seen[piece] = tokens
        return tokens
