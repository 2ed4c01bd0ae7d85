"""`GET /v1/models` and `/v1/models/{name}`: what may be asked for, in either vendor's shape."""

from __future__ import annotations

import json
from collections.abc import Iterable

# Neither list knows when a model appeared; both shapes insist on a date, and the epoch is the documented "unknown".
_CREATED_AT = "1970-01-01T00:00:00Z"


def models_body(names: Iterable[str], *, is_anthropic: bool) -> bytes:
    """The JSON list of all models, on one page."""
    data = [_anthropic_model(name) if is_anthropic else _openai_model(name) for name in names]
    if not is_anthropic:
        return _json({"object": "list", "data": data})
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return _json({"data": data, "has_more": False, **ends})


def model_body(name: str, *, is_anthropic: bool) -> bytes:
    """The JSON description of one model."""
    return _json(_anthropic_model(name) if is_anthropic else _openai_model(name))


def _openai_model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "tiermesh"}


def _anthropic_model(name: str) -> dict[str, object]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT, "lifecycle": "active"}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
