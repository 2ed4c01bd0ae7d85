"""Which requests are ours to read: method and path."""

from __future__ import annotations

from urllib.parse import unquote

from extproc.config.section import Api

_PATHS = {
    "/v1/chat/completions": Api.CHAT,
    "/v1/completions": Api.COMPLETIONS,
    "/v1/responses": Api.RESPONSES,
    "/v1/embeddings": Api.EMBEDDINGS,
    "/v1/messages": Api.MESSAGES,
}
_MODELS = "/v1/models"


def api_of(method: str, path: str) -> Api | None:
    """The dialect of a request to be routed, or None. Exact, but for a query string."""
    return _PATHS.get(path.partition("?")[0]) if method == "POST" else None


def model_asked(method: str, path: str) -> str | None:
    """The model that `GET /v1/models/{name}` asks about, "" for the list of all, None for any other request.

    Names may have slashes in them, escaped or not, as those of open models do.
    """
    path = path.partition("?")[0]
    if method != "GET" or not path.startswith(_MODELS):
        return None
    rest = path[len(_MODELS) :]
    return unquote(rest[1:]) if rest[:1] in ("", "/") else None
