"""The adapter: conversations in the store, and what this worker knows by itself while the store is away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

from extproc.config.compiled_residency import Sessions as Settings
from extproc.session.key import Session
from extproc.session.memory import Memory, memory_of
from extproc.store import Script, Store, StoreError

_HERE = Path(__file__).parent
_RECALL = Script((_HERE / "recall.lua").read_text(encoding="utf-8"))
_REMEMBER = Script((_HERE / "remember.lua").read_text(encoding="utf-8"))
_KEPT_HERE = 20_000
_MAX_WRITING = 1_000


class Unknown(Enum):
    """The store was not heard: there may be a past, nobody knows which."""

    UNKNOWN = "unknown"


class Sessions:
    """One worker's way to what is remembered. For one event loop.

    What is held on-premises is also kept here, in bounds: a store that is away, or that lost it, does not let a conversation go
    that this worker has seen.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()
        self._writing: set[asyncio.Task[Any]] = set()
        self.failures = 0

    async def recall(self, session: Session, settings: Settings) -> Memory | Unknown | None:
        """What the conversation has been through; None: nothing is remembered."""
        held = self._held.get((session.organisation, session.digest), ())
        try:
            values = await self._store.run(_RECALL, (_key(session),), (), timeout_s=settings.timeout_s)
        except StoreError:
            self.failures += 1
            return Memory(held) if held else Unknown.UNKNOWN
        memory = memory_of(values)
        if held and (memory is None or not memory.held):
            return replace(memory or Memory(), held=held)
        return memory

    async def remember(self, session: Session, memory: Memory, settings: Settings) -> bool:
        """Keeps `memory` for a while longer. Whether the store has it; what is held is kept here in any case."""
        if memory.held:
            self._keep(session, memory.held)
        try:
            await self._store.run(_REMEMBER, (_key(session),), (settings.kept_s, *memory.fields()), timeout_s=settings.timeout_s)
        except StoreError:
            self.failures += 1
            return False
        return True

    def remember_later(self, session: Session, memory: Memory, settings: Settings) -> None:
        """The same, behind the request's back. While too much is being written, what is not held is left out."""
        if memory.held or len(self._writing) < _MAX_WRITING:
            self._do(self.remember(session, memory, settings))

    async def close(self, timeout_s: float) -> None:
        """Waits for what is being written."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=timeout_s)

    def _keep(self, session: Session, held: tuple[str, ...]) -> None:
        key = (session.organisation, session.digest)
        self._held[key] = held
        self._held.move_to_end(key)
        if len(self._held) > _KEPT_HERE:
            self._held.popitem(last=False)

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def _key(session: Session) -> str:
    return f"tiermesh:{{{session.organisation or '-'}}}:session:{session.digest}"
