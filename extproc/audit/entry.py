"""What is kept of one decision."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args
from urllib.parse import quote

Event = Literal["released", "fell_back", "blocked", "refused", "spilled"]

EVENTS: Final[tuple[Event, ...]] = get_args(Event)
CLOUD_BOUND: Final[tuple[Event, ...]] = ("released", "fell_back", "spilled")

Count = tuple[str, int]

_LONGEST_NAME = 200
_SAFE = "._~@+:/=>%-"
_NAME = re.compile(r"[A-Za-z0-9._~@+:/=>%-]{0,200}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision, as names, counts and digests; there is no place for a text.

    `released` went to a cloud backend, `fell_back` to one after another backend had failed, `spilled` to one although it was
    meant to stay, for want of room. `blocked` met a rule, `refused` something else that residency decides, such as an audit log
    that cannot be written.
    """

    event: Event
    request_id: str
    scope: str  # as `scope.text_of` writes it
    trace_id: str = ""
    kinds: tuple[Count, ...] = ()  # what was found, and how often
    unread: tuple[str, ...] = ()  # why a part could not be read
    rules: tuple[str, ...] = ()  # names of the rules that decided
    traded: tuple[str, ...] = ()  # what a spill was traded for, such as `tier:complex>simple`
    policy: str = ""  # digest of the configuration in force
    classifier: str = ""  # digest of the classifier's manifest
    revision: str = ""  # of the backend's model
    backend: str = ""
    model: str = ""
    location: str = ""
    api: str = ""
    body: str = ""  # `Log.digest` of the body

    def members(self) -> dict[str, Any]:
        """The record's own members, the empty ones left out. Never raises: what is no name is percent-encoded and cut."""
        found: dict[str, Any] = {}
        for name in _NAMES:
            if value := getattr(self, name):
                found[name] = held(value)
        for name in _LISTS:
            if values := getattr(self, name):
                found[name] = [held(value) for value in values]
        if self.kinds:
            found["kinds"] = [[held(kind), int(count)] for kind, count in self.kinds]
        return found


_LISTS: Final = ("unread", "rules", "traded")
_NAMES: Final = tuple(field.name for field in fields(Entry) if field.name not in (*_LISTS, "kinds"))


def held(name: str) -> str:
    """The name in few characters that every reader takes alike (RFC 3986, 2.1), 200 at most; a sentence would not survive it."""
    if _NAME.fullmatch(name):
        return name
    return quote(name, safe=_SAFE, errors="replace")[:_LONGEST_NAME]
