"""The rows of a set that says which tier each request needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.bench.quality.compact import body_of
from extproc.config import Api

TIERS = ("simple", "standard", "complex")


@dataclass(frozen=True, slots=True)
class Tiered:
    """A request and the rank of the cheapest tier that answers it well; -1 where the row does not say."""

    row_id: str
    api: Api
    body: bytes
    rank: int
    language: str = ""
    style: str = ""
    task: str = ""

    @staticmethod
    def of(row: Mapping[str, Any], tiers: Sequence[str] = TIERS, *, is_labelled: bool = True) -> Tiered:
        """From a row's members, with `api` and `body` or in the compact form with `ask`. ValueError says what is wrong with it."""
        tier = row.get("tier", "")
        if tier not in tiers and (is_labelled or tier):
            raise ValueError(f"tier must be one of {', '.join(tiers)}")
        api, body = _request_of(row)
        words = (str(row.get("lang", row.get("language", ""))), str(row.get("style", "")), str(row.get("task", "")))
        return Tiered(str(row.get("id")), api, body, tiers.index(tier) if tier else -1, *words)


def _request_of(row: Mapping[str, Any]) -> tuple[Api, bytes]:
    if "body" in row:
        if row.get("api") not in tuple(Api):
            raise ValueError(f"api must be one of {', '.join(Api)}")
        body = row["body"]
        return Api(row["api"]), body.encode(errors="replace") if isinstance(body, str) else json.dumps(body).encode()
    text = row.get("ask", row.get("prompt"))
    if not isinstance(text, str):
        raise ValueError("neither body nor ask")
    return Api.CHAT, body_of({**row, "ask": text})
