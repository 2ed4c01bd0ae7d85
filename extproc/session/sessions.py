"""The adapter: conversations in the store, and what this worker knows by itself while the store is away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path

from extproc.config.compiled_residency import Sessions as Settings
from extproc.session.key import Session
from extproc.session.memory import Memory, memory_of, names
from extproc.store import Argument, Script, Store, StoreError

_HERE = Path(__file__).parent
_RECALL = Script((_HERE / "recall.lua").read_text(encoding="utf-8"))
_REMEMBER = Script((_HERE / "remember.lua").read_text(encoding="utf-8"))
_KEPT_HERE = 20_000
_MAX_WAITING = 5_000
_TOGETHER, _TOGETHER_S = 64, 0.003
# An answer's access-log entry, which says who gave it, is here some 20 ms after the caller has the answer.
_ANSWER_PATIENCE_S = (0.03, 0.06, 0.1, 0.0)


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
        self._waiting: dict[str, dict[Session, Memory]] = {}  # to be written, by organisation
        self._owed: dict[Session, Memory] = {}  # what is held and could not be written
        self._writing: set[asyncio.Task[None]] = set()
        self.failures = 0

    async def recall(self, session: Session, settings: Settings) -> Memory | Unknown | None:
        """What the conversation has been through; None: nothing is remembered."""
        held = self._held.get((session.organisation, session.digest), ())
        for pause_s in _ANSWER_PATIENCE_S if session.is_answer else (0.0,):
            memory = await self._read(session, settings)
            if memory is not None or not pause_s:
                break
            await asyncio.sleep(pause_s)
        if isinstance(memory, Unknown):
            return Memory(held) if held else memory
        if held and (memory is None or not memory.held):
            return replace(memory or Memory(), held=held)
        return memory

    async def remember(self, session: Session, memory: Memory, settings: Settings) -> bool:
        """Keeps `memory` for a while longer. Whether the store has it; what is held is kept here in any case."""
        if memory.held:
            self._keep(session, memory.held)
        return await self._write({session: memory}, settings)

    def remember_later(self, session: Session, memory: Memory, settings: Settings) -> None:
        """The same, behind the request's back and together with others. While too much waits, what is not held is left out."""
        if memory.held:
            self._keep(session, memory.held)
        waiting = self._waiting.get(session.organisation)
        if waiting is None:
            waiting = self._waiting[session.organisation] = {}
            self._do(self._write_soon(session.organisation, settings))
        if (earlier := waiting.get(session)) is not None and earlier.held:  # a turn beside it knew nothing of that
            memory = replace(memory, held=tuple(sorted({*earlier.held, *memory.held})))
        if memory.held or len(waiting) < _MAX_WAITING:
            waiting[session] = memory

    async def close(self, timeout_s: float) -> None:
        """Waits for what is being written."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=timeout_s)

    async def _read(self, session: Session, settings: Settings) -> Memory | Unknown | None:
        try:
            values = await self._store.run(_RECALL, (_key(session),), names(session.opening), timeout_s=settings.timeout_s)
            return memory_of(values)
        except StoreError:
            self.failures += 1
            return Unknown.UNKNOWN

    async def _write_soon(self, organisation: str, settings: Settings) -> None:
        await asyncio.sleep(_TOGETHER_S)
        await self._write_all(self._waiting.pop(organisation), settings)

    async def _write_all(self, memories: Mapping[Session, Memory], settings: Settings) -> None:
        by_organisation: dict[str, list[Session]] = {}  # whose keys share a slot
        for session in memories:
            by_organisation.setdefault(session.organisation, []).append(session)
        for sessions in by_organisation.values():
            for start in range(0, len(sessions), _TOGETHER):
                await self._write({session: memories[session] for session in sessions[start : start + _TOGETHER]}, settings)

    async def _write(self, memories: Mapping[Session, Memory], settings: Settings) -> bool:
        arguments: list[Argument] = [settings.kept_s]
        for session, memory in memories.items():
            fields = memory.fields(session.opening)
            arguments += (len(fields), *fields)
        try:
            await self._store.run(_REMEMBER, tuple(map(_key, memories)), arguments, timeout_s=settings.timeout_s)
        except StoreError:
            self.failures += 1
            self._owe(memories)
            return False
        if self._owed:
            owed, self._owed = self._owed, {}
            self._do(self._write_all(owed, settings))
        return True

    def _owe(self, memories: Mapping[Session, Memory]) -> None:
        """What was carried has to be known to the other workers: it is written again with the next that can be."""
        if len(self._owed) < _KEPT_HERE:
            self._owed.update({session: memory for session, memory in memories.items() if memory.held})

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _keep(self, session: Session, held: tuple[str, ...]) -> None:
        key = (session.organisation, session.digest)
        self._held[key] = held
        self._held.move_to_end(key)
        if len(self._held) > _KEPT_HERE:
            self._held.popitem(last=False)


def _key(session: Session) -> str:
    return f"tiermesh:{{{session.organisation or '-'}}}:session:{session.digest}"
