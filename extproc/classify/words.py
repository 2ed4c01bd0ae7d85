"""Text to token numbers, by way of a memory of words.

The tokenizer splits a text at white space and punctuation and then cuts each piece into tokens on its own, so a piece has the
same tokens wherever it stands. Most words of most requests have been seen before, with the comma behind them: they are looked
up as they stand between two spaces. Only new ones are taken apart, and only new parts cost a call into the tokenizer.
"""

from __future__ import annotations

import re
from array import array
from typing import Any

from extproc.errors import ModelError

TOKEN_BYTES = 8  # a token is an int64 in the machine's order

# What `tokenizers` calls the Whitespace pre-tokenizer, for ASCII. Beyond it, Python and Rust disagree on what a word
# character is (combining marks), so there only white space is relied on and the tokenizer does the rest.
_PIECES = re.compile(r"\w+|[^\w\s]+", re.ASCII)
_PRE_TOKENIZER = {"type": "Whitespace"}

_MAX_REMEMBERED = 50_000
_MAX_REMEMBERED_CHARS = 32  # longer ones are identifiers and digests that hardly come again


class Words:
    """The tokenizer of one model with what it has seen.

    Raises ModelError for a tokenizer whose tokens depend on more than the piece they are in.
    """

    def __init__(self, tokenizer: Any, state: dict[str, Any]) -> None:
        if state.get("normalizer") is not None or state.get("post_processor") is not None or state.get("pre_tokenizer") != _PRE_TOKENIZER:
            raise ModelError("the tokenizer must have the Whitespace pre-tokenizer, no normalizer and no post-processor")
        self._tokens_of = _Memory(tokenizer).__getitem__

    def ids(self, text: str) -> bytes:
        """The tokens of `text`, `TOKEN_BYTES` each: those that the tokenizer itself gives."""
        return b"".join(map(self._tokens_of, text.split()))


class _Memory(dict[str, bytes]):
    """Tokens by word. Bounded: when full it forgets everything and starts again."""

    def __init__(self, tokenizer: Any) -> None:
        self._encode = tokenizer.encode
        self._cut = tokenizer.model.tokenize

    def __missing__(self, word: str) -> bytes:
        tokens = self._find(word)
        if len(word) <= _MAX_REMEMBERED_CHARS:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
            self[word] = tokens
        return tokens

    def _find(self, word: str) -> bytes:
        if not word.isascii():
            return array("q", self._encode(word).ids).tobytes()
        pieces = _PIECES.findall(word)
        if len(pieces) > 1:
            return b"".join(map(self.__getitem__, pieces))
        return array("q", [token.id for token in self._cut(word)]).tobytes()
