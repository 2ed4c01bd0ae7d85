"""Raising a limit of one scope for a while: who, why and until when is kept for good."""

from __future__ import annotations

import json
from dataclasses import asdict

from extproc.limits.event import Event, members_of
from extproc.limits.script import key_of, lease_key
from extproc.limits.standing import Raise
from extproc.store import Script, Store

# The raise in force, the event for those who are to be told, and a line in a stream that is never trimmed.
_RAISE = Script("""
local prefix = string.sub(KEYS[1], 1, -6)
redis.call('HSET', prefix .. 'raises', ARGV[1], ARGV[2])
redis.call('XADD', prefix .. 'raised', '*', 'count', ARGV[1], 'raise', ARGV[2])
redis.call('XADD', prefix .. 'events', 'MAXLEN', '~', 1000, '*', 'e', ARGV[3])
return 1
""")


async def put_raise(store: Store, organisation: str, count: str, raised: Raise, event: Event) -> None:
    """Raises `count` (`<limit>|<scope>`), in place of any raise it has; one that is over already ends it. Raises StoreError."""
    texts = (json.dumps(asdict(raised)), json.dumps(members_of(event, raised.at)))
    await store.run(_RAISE, (lease_key(organisation),), (count, *texts), timeout_s=2.0)


async def read_raised(store: Store, organisation: str) -> list[tuple[str, Raise]]:
    """Every raise there ever was, oldest first, with the name of its count. Raises StoreError."""
    entries = await store.command("XRANGE", key_of(organisation, "raised"), "-", "+")
    return [(fields[b"count"].decode(), Raise(**json.loads(fields[b"raise"]))) for _, fields in entries]
