"""The limits of one configuration, with the way to the store: what a pipeline holds."""

from __future__ import annotations

from collections.abc import Awaitable

from extproc.config import Policy
from extproc.limits.ask import Ask, Grant
from extproc.limits.gate import Gate
from extproc.limits.tab import Tab, Tabs
from extproc.scope import Scope


class Door:
    """Made anew with each configuration; the gate behind it stays."""

    def __init__(self, policy: Policy, gate: Gate) -> None:
        self._tabs = Tabs(policy.limits)
        self._admission = policy.admission
        self._gate = gate

    def tab(self, scope: Scope, wall_s: float) -> Tab | None:
        """The limits that count a scope's requests; None: none does."""
        return self._tabs.at(scope, wall_s)

    def lease(self) -> str:
        """A new name for what is reserved."""
        return self._gate.new_lease()

    def expected_output(self, field: str) -> int:
        """Tokens that answers of this kind will hardly exceed."""
        learnt = self._gate.learnt(field)
        return self._admission.output_tokens if learnt is None else learnt

    def admit(self, ask: Ask) -> Awaitable[Grant]:
        """The store's answer, or a verdict without it."""
        return self._gate.admit(ask, self._admission)
