"""The rows of a labelled set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LABELS = {"sensitive": True, "clean": False}


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a row says besides its request."""

    row_id: str
    is_sensitive: bool
    kinds: tuple[str, ...]
    where: str
    language: str  # "" where the row names none

    @staticmethod
    def of(row: Mapping[str, Any]) -> Labelled:
        """From a row's members. ValueError where the label is missing or another word, or kinds is no list of strings."""
        label = row.get("label")
        if not isinstance(label, str) or label not in _LABELS:
            raise ValueError("label must be sensitive or clean")
        kinds = row.get("kinds", [])
        if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
            raise ValueError("kinds must be a list of strings")
        return Labelled(str(row.get("id")), _LABELS[label], tuple(kinds), str(row.get("where", "")), str(row.get("language", "")))
