"""The list of models, as OpenAI and as Anthropic answer it."""

from __future__ import annotations

from typing import Any

from extproc.testing.answers.canned import CREATED


def listing(names: tuple[str, ...], *, is_anthropic: bool) -> dict[str, Any]:
    """The answer of `GET /v1/models`."""
    if not is_anthropic:
        return {"object": "list", "data": [{"id": name, "object": "model", "created": CREATED, "owned_by": "standin"} for name in names]}
    shared = {"type": "model", "created_at": "2023-11-14T22:13:20Z", "lifecycle": "active"}
    data = [{**shared, "id": name, "display_name": name} for name in names]
    return {"data": data, "has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}
