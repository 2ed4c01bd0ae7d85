"""How many tokens a prompt has, about: for choosing a backend whose context it fits, and where no count came back."""

from __future__ import annotations

from extproc.dialects.view import Request

# Chat templates wrap each message in a role and markers.
_TOKENS_PER_TURN = 4

# OpenAI bills 85 to about 1,500 tokens for an image, Anthropic up to about 1,600, vLLM's models are of the same order.
_TOKENS_PER_IMAGE = 1_000

# A second of speech is about ten tokens and, as MP3 in base64, about ten thousand characters.
_AUDIO_CHARS_PER_TOKEN = 1_000

# A page of a PDF is about 2,000 tokens and 50 to 100 kB.
_FILE_CHARS_PER_TOKEN = 32


def estimate_tokens(request: Request) -> int:
    """About how many tokens the prompt has, tools, images and files included; at least 1.

    A rule of thumb: a token for four ASCII characters, for one of Chinese or Japanese, for one and a half of most others.
    """
    bulk = request.bulk
    eighths = _eighths(request.system) + sum(_eighths(turn.text) for turn in request.turns)
    eighths += 2 * (request.schema_chars + bulk.other_chars)
    return (
        1
        + eighths // 8
        + _TOKENS_PER_TURN * len(request.turns)
        + _TOKENS_PER_IMAGE * bulk.image_count
        + bulk.audio_chars // _AUDIO_CHARS_PER_TOKEN
        + bulk.file_chars // _FILE_CHARS_PER_TOKEN
        + bulk.token_ids
    )


def _eighths(text: str) -> int:
    """Eighths of a token: 2 for an ASCII character, 8 for one of three bytes in UTF-8, such as Chinese or Japanese."""
    if text.isascii():
        return 2 * len(text)
    chars = len(text)
    return 2 * chars + 3 * (len(text.encode(errors="replace")) - chars)
