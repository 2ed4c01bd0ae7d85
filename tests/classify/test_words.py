"""Words from memory are those of the tokenizer."""

from __future__ import annotations

import json

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from extproc.classify import DEFAULT_DIRECTORY, window
from extproc.classify.words import TOKEN_BYTES, Words
from extproc.errors import ModelError

RAW = (DEFAULT_DIRECTORY / "tokenizer.json").read_text()
TOKENIZER = tokenizers.Tokenizer.from_str(RAW)
WORDS = Words(TOKENIZER, json.loads(RAW))


def numbers(tokens: bytes) -> list[int]:
    return memoryview(tokens).cast("q").tolist()


@given(st.text("abz(),.;:'\"-_=0 \n\té漢ж", max_size=200))
def test_tokens_are_those_of_the_tokenizer(text: str) -> None:
    text = window.canonical(text)
    assert numbers(WORDS.ids(text)) == TOKENIZER.encode(text).ids
    assert numbers(WORDS.ids(text)) == TOKENIZER.encode(text).ids  # from memory now


def test_an_empty_text_has_no_tokens() -> None:
    assert WORDS.ids(" \n ") == b""


def test_a_word_has_the_same_tokens_wherever_it_stands() -> None:
    alone = WORDS.ids("otter,")
    assert WORDS.ids("an otter, seen").find(alone) % TOKEN_BYTES == 0


@pytest.mark.parametrize("change", [{"normalizer": {"type": "Lowercase"}}, {"pre_tokenizer": {"type": "WhitespaceSplit"}}])
def test_a_tokenizer_that_looks_beyond_the_word_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="pre-tokenizer"):
        Words(TOKENIZER, json.loads(RAW) | change)
