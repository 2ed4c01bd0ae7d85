"""The ticket: what was decided about a request, travelling with it as dynamic metadata.

Envoy carries it from the decision to a failover and to the access-log entry, so whichever worker sees those knows all that
it needs and none has to remember anything. It holds names, numbers and digests, never the text of a request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.usage import shape

VERSION = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """One decision. `kind` is "routed", "passed" or "refused"; `chain` holds backend names in the order they are tried."""

    request_id: str
    decided_at: float  # seconds since the epoch
    kind: str
    api: str
    asked_model: str = ""
    tier: str = ""
    score: float | None = None
    task: str = ""
    reasons: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    caller: str = ""
    prompt_tokens_estimate: int = 0
    max_output_tokens: int | None = None
    is_stream: bool = False
    strips_usage: bool = False  # usage was asked for on the caller's behalf
    policy_digest: str = ""
    body_bytes: int = 0  # as the caller sent it
    decision_us: int = 0
    traceparent: str = ""  # of the ext_proc call, or empty
    path: str = ""  # as the caller sent it
    # Top-level members of the body that the first backend's edits replaced: their JSON text, None where there was none.
    restore: Mapping[str, str | None] = field(default_factory=dict)
    refusal: str = ""  # the code of the refusal
    scope: str = ""
    source: str = ""
    lease: str = ""
    lease_sequence: int = 0
    limit: str = ""
    shadow_limits: tuple[str, ...] = ()
    residency: str = ""  # "allow", "on_prem" or "block", where anything was found; "spill" where it left all the same
    kinds: tuple[str, ...] = ()  # what was found, with counts: `email:2`
    residency_rules: tuple[str, ...] = ()
    mode: str = ""  # of routing, where it is not `enforce`
    would_tier: str = ""  # of a choice that was not followed
    would_backend: str = ""
    session: str = ""  # digest of the conversation

    def encode(self) -> str:
        """Compact ASCII JSON; members that have their default are left out."""
        members: dict[str, object] = {"v": VERSION}
        for name, key, default in _WRITTEN:
            value = getattr(self, name)
            if value != default:
                members[key] = value
        return shape.COMPACT.encode(members)

    @staticmethod
    def decode(text: str) -> Ticket | None:
        """The ticket that `encode` wrote, or None for anything else. Never raises."""
        try:
            members = json.loads(text)
            if type(members) is not dict or members.get("v") != VERSION:
                return None
            return Ticket(**shape.read(_MEMBERS, members))
        except (ValueError, RecursionError):
            return None


_MEMBERS = shape.members_of(
    Ticket,
    {
        "request_id": "id",
        "decided_at": "at",
        "kind": "k",
        "api": "a",
        "asked_model": "m",
        "tier": "t",
        "score": "s",
        "task": "f",
        "reasons": "w",
        "chain": "c",
        "caller": "u",
        "prompt_tokens_estimate": "pe",
        "max_output_tokens": "mo",
        "is_stream": "st",
        "strips_usage": "su",
        "policy_digest": "p",
        "body_bytes": "b",
        "decision_us": "d",
        "traceparent": "tp",
        "path": "pa",
        "restore": "r",
        "refusal": "x",
        "scope": "sc",
        "source": "so",
        "lease": "l",
        "lease_sequence": "ls",
        "limit": "li",
        "shadow_limits": "sh",
        "residency": "re",
        "kinds": "ki",
        "residency_rules": "rr",
        "mode": "rm",
        "would_tier": "wt",
        "would_backend": "wb",
        "session": "se",
    },
)
_ALWAYS = object()  # equal to nothing: a member without a default is always written
_WRITTEN = tuple((member.name, member.key, _ALWAYS if member.required else member.default) for member in _MEMBERS)
