"""Findings, memories and an audit log that a test decides, for pipelines in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from extproc.audit import Entry, Outcome, Unwritten, Written
from extproc.config.compiled_residency import Sessions as Settings
from extproc.dialects import Request
from extproc.residency import Inspection
from extproc.session import Memory, Session, Unknown


@dataclass(frozen=True, slots=True)
class MarkedInspector:
    """Finds the kind of each marker that is in a body, and nothing else."""

    markers: dict[str, str]

    def scan(self, request: Request, waived: frozenset[int] | None = None) -> Inspection:  # noqa: ARG002 - as the protocol has it
        """What is in it."""
        counted = ((kind, request.source.count(marker)) for marker, kind in self.markers.items())
        return Inspection(tuple(sorted((kind, count) for kind, count in counted if count)))


@dataclass(slots=True)
class Memories:
    """What is remembered, in dictionaries. `is_away` makes it as a store is that does not answer."""

    kept: dict[str, Memory] = field(default_factory=dict)  # by session and opening
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by session
    is_away: bool = False
    recalled: int = 0

    async def recall(self, session: Session, settings: Settings) -> Memory | Unknown | None:  # noqa: ARG002 - as the protocol has it
        """What the conversation has been through."""
        self.recalled += 1
        if self.is_away:
            return Unknown.UNKNOWN
        memory, held = self.kept.get(session.text), self.held.get(session.digest, ())
        return replace(memory or Memory(), held=held) if held else memory

    async def remember(self, session: Session, memory: Memory, settings: Settings) -> bool:
        """Keeps it."""
        self.remember_later(session, memory, settings)
        return not self.is_away

    def remember_later(self, session: Session, memory: Memory, settings: Settings) -> None:  # noqa: ARG002 - as above
        """Keeps it at once."""
        if not self.is_away:
            self.kept[session.text] = memory
            if memory.held:
                self.held[session.digest] = memory.held


@dataclass(slots=True)
class Auditor:
    """An audit log in a list, which takes nothing while `is_broken`. `on_append` sees each entry before it is in the list."""

    entries: list[Entry] = field(default_factory=list)
    is_broken: bool = False
    on_append: Callable[[Entry], None] = lambda _: None

    def digest(self, body: bytes) -> str:
        """As many bytes as there are, for want of a key."""
        return f"{len(body)}-bytes"

    async def append(self, entry: Entry) -> Outcome:
        """Keeps it, unless it is broken."""
        self.on_append(entry)
        if self.is_broken:
            return Unwritten("full")
        self.entries.append(entry)
        return Written(len(self.entries))


@dataclass(slots=True)
class Faring:
    """How backends fare: those that are `gone`, with the word why, and how quick others were. `asked` are those sent to."""

    gone: Mapping[str, str] = field(default_factory=dict)
    first_bytes_ms: Mapping[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def away(self, now_s: float) -> Mapping[str, str]:  # noqa: ARG002 - as the protocol has it
        """Those that are passed over."""
        return self.gone

    def first_byte_ms(self, now_s: float) -> Mapping[str, float]:  # noqa: ARG002 - as above
        """How quick."""
        return self.first_bytes_ms

    def sent(self, backend: str, now_s: float) -> None:  # noqa: ARG002 - as above
        """Keeps its name."""
        self.asked.append(backend)
