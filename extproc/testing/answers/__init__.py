"""The words of a stand-in backend, in the exact shapes of the APIs it speaks.

What lives here: pure functions from a request's JSON to the answer's JSON and events. Nothing is shared with `dialects`, on
purpose: a mistake there must not be repeated here, where it would hide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from extproc.testing.answers import chat, completions, embeddings, messages, metrics, models, responses
from extproc.testing.answers.canned import Canned, compose, prompt_text, tokens_of
from extproc.testing.answers.errors import error_body

__all__ = ["APIS", "Canned", "Dialect", "compose", "error_body", "metrics", "models", "prompt_text", "tokens_of"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: its whole answer, and its answer as server-sent events."""

    document: Callable[[Canned], dict[str, Any]]
    events: Callable[[Canned], Iterator[bytes]] | None


APIS = {
    "/v1/chat/completions": Dialect(chat.document, chat.events),
    "/v1/completions": Dialect(completions.document, completions.events),
    "/v1/responses": Dialect(responses.document, responses.events),
    "/v1/embeddings": Dialect(embeddings.document, None),
    "/v1/messages": Dialect(messages.document, messages.events),
    "/v1/messages/count_tokens": Dialect(messages.count, None),
}
