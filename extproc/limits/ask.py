"""What a request asks of its limits, and what it is granted."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from extproc.limits.tab import Tab
from extproc.scope import Scope, text_of
from extproc.usage import Record, Tokens
from extproc.usage.rollup import Line, field_of, folded_of, hour_of

_US = 1_000_000
_LENGTHS_OF = 4  # levels: answers are as long as an app's are, whoever uses it

_compact = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Ask:
    """One request at its limits; `args` is the same for `reserve.lua`."""

    organisation: str
    lease: str
    tab: Tab
    amounts: tuple[tuple[int, ...], ...]  # by measure: as decided, then for each of the tab's ranks
    output_field: str  # under which name the length of its answer is learnt
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a count stands: what there may be, what is left of it, and in how many ms all of it is there again."""

    cap: int
    left: int
    back_ms: int


def standings_of(packed: bytes) -> tuple[Standing, ...]:
    """The standings as `reserve.lua` packs them."""
    numbers = list(map(int, struct.unpack(f">{len(packed) // 8}d", packed)))
    return tuple(map(Standing, numbers[::3], numbers[1::3], numbers[2::3]))


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to an ask.

    `alternative` is the row of amounts that was reserved, 0 as decided. `sequence` is 0 where it is not certain that anything
    was. Of a refusal, `refused_by` is the place among the counts of the one that says no for longest; None: the store is away.
    """

    is_admitted: bool
    alternative: int = 0
    sequence: int = 0
    refused_by: int | None = None
    wait_ms: int = 0
    shadow_refused: tuple[int, ...] = ()  # places of counts that would have refused, were they enforced
    shadow_downgraded: tuple[int, ...] = ()
    standings: tuple[Standing, ...] = ()  # of every count, in order; empty when the store was not heard


def actual_of(record: Record) -> tuple[int, ...]:
    """What a finished request has used, by measure. One that was refused or failed and cost nothing has used nothing."""
    if not record.cost_micro_usd and record.outcome in ("refused", "failed", "aborted"):
        return (0, 0, 0, 0, 0, 0)
    prompt, completion = record.prompt_tokens, record.completion_tokens
    return (record.cost_micro_usd, 1, prompt, completion, prompt + completion, 0)


def output_field(scope: Scope, api: str) -> str:
    """Under which name the length of an app's answers is learnt."""
    return f"{text_of(scope[:_LENGTHS_OF])}|{api}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What one alternative of a request is expected to use: the line of its bill, the tokens, and what they cost."""

    line: Line
    tokens: Tokens
    cost_micro_usd: int
    asked_cost_micro_usd: int


@dataclass(frozen=True, slots=True)
class Occasion:
    """What else a record of a request says that is never heard of again."""

    lease: str
    request_id: str
    decided_at: float
    policy_digest: str
    traceparent: str


def ask_of(scope: Scope, tab: Tab, expected: Sequence[Expected], occasion: Occasion, lease_s: float) -> Ask:
    """The ask of a request whose end must be heard of in `lease_s`. `expected` is the decision's, then one for each rank."""
    amounts = tuple(_amounts(each) for each in expected)
    hour = hour_of(occasion.decided_at)
    learnt_as = output_field(scope, expected[0].line.api)
    kept = {
        "r": [_entry(each, hour) for each in expected],
        "x": [occasion.lease, text_of(scope), occasion.request_id, occasion.decided_at, occasion.policy_digest, occasion.traceparent],
    }
    args = (occasion.lease, str(int(lease_s * _US)), learnt_as, _compact(amounts), tab.text, _compact(kept))
    return Ask(scope[0], occasion.lease, tab, amounts, learnt_as, args)


def _amounts(expected: Expected) -> tuple[int, ...]:
    """By measure, in the order of `tab.MEASURES`."""
    prompt, completion = expected.tokens.prompt, expected.tokens.completion
    return (expected.cost_micro_usd, 1, prompt, completion, prompt + completion, 1)


def _entry(expected: Expected, hour: int) -> tuple[int, str, str, tuple[int, ...]]:
    """Hour, field, the field past the bound, sums: what `books.lua` enters."""
    cost, tokens = expected.cost_micro_usd, expected.tokens
    field = field_of(expected.line)
    sums = (1, 0, 0, 1, tokens.prompt, 0, 0, tokens.completion, 0, cost, expected.asked_cost_micro_usd, 0, cost)
    return hour, field, folded_of(expected.line), sums
