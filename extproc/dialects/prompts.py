"""How completions and embeddings read: one or many prompts, as text or as token numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.dialects.view import Reading, Turn, chars_of


def read_completion(members: Mapping[str, Any], reading: Reading) -> None:
    """Reads the top-level members of a completions body into `reading`."""
    _read_prompts(members.get("prompt"), reading)
    reading.other_chars += chars_of(members.get("suffix"))


def read_embedding(members: Mapping[str, Any], reading: Reading) -> None:
    """Reads the top-level members of an embeddings body into `reading`."""
    _read_prompts(members.get("input"), reading)


def _read_prompts(prompts: object, reading: Reading) -> None:
    if isinstance(prompts, str):
        reading.turns.append(Turn("user", prompts))
    elif isinstance(prompts, list):
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        if texts:
            reading.turns.append(Turn("user", "\n".join(texts)))
        else:
            reading.token_ids += sum(len(prompt) if isinstance(prompt, list) else 1 for prompt in prompts)
