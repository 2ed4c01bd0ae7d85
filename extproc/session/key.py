"""What a conversation is known by.

LLM APIs have no conversation: every turn brings the whole history again, or the name of what the provider keeps. So a
conversation is known by the first of

    the answer it goes on from             `previous_response_id`
    a configured header                    set by whoever knows: an agent, a chat application
    the conversation that the body names   `conversation`, `metadata.session_id` and its like
    how it began                           a digest of the scope, the user named in the body, the system prompt, the first user turn

The last of these is the same in every later turn as long as the history is sent along unshortened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extproc.dialects import Request
from extproc.scope import Scope, text_of

_NAMED_IN = ("session_id", "conversation_id", "thread_id", "chat_id")
_USERS = ("safety_identifier", "user", "prompt_cache_key")
_READ_CHARS = 4_000
_DIGEST_BYTES = 16
_OPENING_CHARS = 12


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation's key in the store, and whether it may have a past: a first turn that only its beginning names has none.

    `is_answer`: it is named by an answer of the provider's, of which is known some milliseconds after its caller has it. `opening`
    tells apart the threads that share a name, as an agent and the helpers it starts do: what was carried counts for all of them,
    who answers is each one's own.
    """

    organisation: str
    digest: str
    may_have_past: bool
    is_answer: bool = False
    opening: str = ""

    @property
    def text(self) -> str:
        """Both in one word, as tickets carry it."""
        return f"{self.digest}.{self.opening}" if self.opening else self.digest


def session_from(organisation: str, text: str) -> Session:
    """The session whose `text` that is."""
    digest, _, opening = text.partition(".")
    return Session(organisation, digest, may_have_past=True, opening=opening)


def session_of(request: Request, headers: Mapping[str, str], named_by: tuple[str, ...], scope: Scope) -> Session:
    """The conversation that `request` belongs to. Scopes never share one."""
    answer = request.members.get("previous_response_id")
    if isinstance(answer, str) and answer:
        named = next((f"{header}={value}" for header in named_by if (value := headers.get(header, ""))), "") or _named(request.members)
        return session_of_answer(scope, answer, _digest(text_of(scope), named) if named else "")
    if kept := _kept(request.members):
        return Session(scope[0], _digest(text_of(scope), kept), may_have_past=True)
    first = next((turn.text for turn in request.turns if turn.role == "user"), request.ask)
    began = _digest(text_of(scope), _user(request.members), request.system[:_READ_CHARS], first[:_READ_CHARS])
    name = next((f"{header}={value}" for header in named_by if (value := headers.get(header, ""))), "") or _named(request.members)
    if name:
        return Session(scope[0], _digest(text_of(scope), name), may_have_past=True, opening=began[:_OPENING_CHARS])
    return Session(scope[0], began, may_have_past=_has_past(request))


def session_of_answer(scope: Scope, response_id: str, within: str = "") -> Session:
    """The conversation as it stands after the answer of this id: each answer of the responses API can be gone on from.

    `within` is the digest of the conversation that it belongs to, where that has a name of its own.
    """
    answer = _digest(text_of(scope), f"response={response_id}")
    if within:
        return Session(scope[0], within, may_have_past=True, is_answer=True, opening=answer[:_OPENING_CHARS])
    return Session(scope[0], answer, may_have_past=True, is_answer=True)


def _has_past(request: Request) -> bool:
    return any(turn.role != "user" for turn in request.turns)


def _kept(members: Mapping[str, Any]) -> str:
    """The name of a conversation that the provider keeps: its turns are sent without what came before."""
    conversation = members.get("conversation")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    return f"conversation={conversation}" if isinstance(conversation, str) and conversation else ""


def _named(members: Mapping[str, Any]) -> str:
    metadata = members.get("metadata")
    if not isinstance(metadata, dict):
        return ""
    return next((f"{key}={value}" for key in _NAMED_IN if isinstance(value := metadata.get(key), str) and value), "")


def _user(members: Mapping[str, Any]) -> str:
    named = [value for key in _USERS if isinstance(value := members.get(key), str)]
    metadata = members.get("metadata")
    if isinstance(metadata, dict) and isinstance(user := metadata.get("user_id"), str):
        named.append(user)
    return "\0".join(named)


def _digest(*parts: str) -> str:
    text = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
