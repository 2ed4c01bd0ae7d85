"""OpenAI embeddings: https://platform.openai.com/docs/api-reference/embeddings"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

from extproc.testing.answers.canned import Canned

_DIMENSIONS = 16


def document(canned: Canned) -> dict[str, Any]:
    """One vector an input: its digest as numbers, so that equal inputs have equal vectors."""
    given = canned.asked.get("input", "")
    # A list of numbers is one input, already in tokens.
    inputs = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    size = int(canned.asked.get("dimensions") or _DIMENSIONS)
    is_base64 = canned.asked.get("encoding_format") == "base64"
    data = [{"object": "embedding", "index": at, "embedding": _vector(each, size, is_base64=is_base64)} for at, each in enumerate(inputs)]
    answer: dict[str, Any] = {"object": "list", "data": data, "model": canned.model}
    if canned.behaviour.has_usage:
        answer["usage"] = {"prompt_tokens": canned.prompt_tokens, "total_tokens": canned.prompt_tokens}
    return answer


def _vector(given: object, size: int, *, is_base64: bool) -> list[float] | str:
    digest = hashlib.shake_128(repr(given).encode()).digest(size)
    values = [byte / 255 - 0.5 for byte in digest]
    return base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if is_base64 else values
