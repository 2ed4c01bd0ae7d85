"""Whatever fails: what carries the marker never gets a way to the cloud, and nothing gets one before its record."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from extproc.config import Backend, compile_config, parse
from extproc.custody import Custody
from extproc.dialects import Request
from extproc.pipeline import Head, Pipeline, Release
from extproc.residency import Inspection
from extproc.testing import FixedScorer, ManualClock
from extproc.testing.custody import Auditor, Faring, Memories
from extproc.usage import Ticket

MARKER = "planted-marker"
BACKENDS = """
backends:
  local: {url: "http://127.0.0.1:1", model: m1, tier: simple, location: on_prem}
  large: {url: "http://127.0.0.1:2", model: m2, tier: standard, location: on_prem, context_tokens: 1000}
  mid: {url: "http://127.0.0.1:3", model: m3, tier: standard}
  big: {url: "http://127.0.0.1:4", model: m4, tier: complex}
models: {pass_through: [m4], routed: [auto]}
"""
CONFIGS = (
    BACKENDS,
    BACKENDS + "residency: {when_saturated: refuse}\naudit: {on_failure: refuse}",
    BACKENDS + "sessions: {when_store_is_away: allow}\nresidency: {rules: {r: {kinds: [api_key], action: block}}}",
    BACKENDS + "residency: {rules: {other: {kinds: [phone], spill: audited}, secret: {kinds: [email], force: {seed: 1}}}}",
)
POLICIES = [compile_config(parse(config)) for config in CONFIGS]


@dataclass
class Inspector:
    """Finds the marker as long as it works; otherwise it has seen nothing, or not all."""

    fault: str = ""

    def scan(self, request: Request, waived: frozenset[int] | None = None) -> Inspection:
        if self.fault == "error":
            return Inspection(is_error=True)
        if self.fault == "deadline":
            return Inspection(unread=("deadline",))
        return Inspection((("email", 1),)) if MARKER in request.source else Inspection()


@dataclass(frozen=True)
class Step:
    conversation: int
    carries: bool
    model: str
    scan: str
    store_away: bool
    audit_broken: bool
    away: tuple[str, ...]
    policy: int
    failures: int  # attempts that fail before one answers


STEPS = st.lists(
    st.builds(
        Step,
        conversation=st.integers(0, 2),
        carries=st.booleans(),
        model=st.sampled_from(["auto", "m4"]),
        scan=st.sampled_from(["", "", "", "error", "deadline"]),
        store_away=st.booleans(),
        audit_broken=st.booleans(),
        away=st.sets(st.sampled_from(["local", "large", "mid", "big"])).map(tuple),
        policy=st.integers(0, len(POLICIES) - 1),
        failures=st.integers(0, 3),
    ),
    min_size=1,
    max_size=12,
)


class Mesh:
    """Two workers that share a store and a log; requests that reach the cloud are kept with what was on record then."""

    def __init__(self) -> None:
        self.inspector, self.auditor, self.memories = Inspector(), Auditor(), Memories()
        self.clock = ManualClock()
        self.reached: list[tuple[str, str, bytes]] = []  # request id, backend, body
        self.health = Faring()

    def worker(self, policy: int) -> Pipeline:
        outside = Custody(self.inspector, self.memories, self.auditor)
        return Pipeline(POLICIES[policy], FixedScorer(0.9), self.clock, None, outside, self.health)

    async def take(self, number: int, step: Step, turns: list[str]) -> None:
        self.inspector.fault, self.memories.is_away, self.auditor.is_broken = step.scan, step.store_away, step.audit_broken
        self.health.gone = dict.fromkeys(step.away, "saturated")
        messages = [{"role": ("user", "assistant")[index % 2], "content": turn} for index, turn in enumerate(turns)]
        body = json.dumps({"model": step.model, "messages": messages}).encode()
        head = Head("POST", "/v1/chat/completions", {"x-request-id": f"r-{number}"}, has_body=True)
        pipeline = self.worker(step.policy)
        answer = pipeline.decide(head, body)
        released = await answer if inspect.isawaitable(answer) else answer
        if not isinstance(released, Release):
            return
        ticket = Ticket.decode(str(released.metadata["ticket"]))
        assert ticket is not None
        sent = body if released.body is None else released.body
        self.reach(pipeline.policy.backends[ticket.chain[0]], f"r-{number}", sent)
        for attempt, name in enumerate(ticket.chain[1 : 1 + step.failures], start=2):
            backend = pipeline.policy.backends[name]
            further = pipeline.fall_back(ticket, attempt, backend, sent)
            shaped = await further if inspect.isawaitable(further) else further
            if not isinstance(shaped, Release):
                return
            sent = sent if shaped.body is None else shaped.body
            self.reach(backend, f"r-{number}", sent)

    def reach(self, backend: Backend, request_id: str, body: bytes) -> None:
        if backend.is_on_prem:
            return
        assert MARKER.encode() not in body
        assert any(entry.request_id == request_id and entry.backend == backend.name for entry in self.auditor.entries)


@given(STEPS)
def test_the_marker_never_leaves_and_the_record_is_first(steps: list[Step]) -> None:
    mesh = Mesh()
    histories: dict[int, list[str]] = {}

    async def run() -> None:
        for number, step in enumerate(steps):
            turns = histories.setdefault(step.conversation, [f"conversation {step.conversation}"])
            if len(turns) > 1:
                turns.append("go on")
            if step.carries:
                turns[-1] += f" {MARKER}"
            await mesh.take(number, step, turns)
            turns.append("an answer")

    asyncio.run(run())
