"""The columns of a report. One more is one more line in the table below; table, CSV, JSON and page all follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from extproc.usage.rollup import Sums

Number = int | float | None
Kind = Literal["count", "money", "share"]


@dataclass(frozen=True, slots=True)
class Column:
    """One number of a row. `money` is whole micro-USD, a `share` lies between 0 and 1 or is None where there is nothing to share.

    `name` is its member in JSON. Without a `title` it is in JSON and CSV alone. Where a table is too wide, columns go by their
    `rank`, the highest first; those of rank 0 stay.
    """

    name: str
    title: str
    kind: Kind
    value: Callable[[Sums], Number]
    rank: int = 0


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _saved(sums: Sums) -> int:
    return sums.asked_cost_micro_usd - sums.cost_micro_usd


COLUMNS: tuple[Column, ...] = (
    Column("requests", "requests", "count", lambda sums: sums.requests),
    Column("prompt_tokens", "prompt", "count", lambda sums: sums.prompt_tokens, 4),
    Column("cached_tokens", "", "count", lambda sums: sums.cached_tokens),
    Column("cached_share", "cached", "share", lambda sums: _share(sums.cached_tokens, sums.prompt_tokens), 7),
    Column("cache_write_tokens", "", "count", lambda sums: sums.cache_write_tokens),
    Column("completion_tokens", "completion", "count", lambda sums: sums.completion_tokens, 5),
    Column("reasoning_tokens", "", "count", lambda sums: sums.reasoning_tokens),
    Column("cost_micro_usd", "cost", "money", lambda sums: sums.cost_micro_usd),
    Column("asked_cost_micro_usd", "would have cost", "money", lambda sums: sums.asked_cost_micro_usd),
    Column("saved_micro_usd", "saved", "money", _saved),
    Column("saved_share", "saved %", "share", lambda sums: _share(_saved(sums), sums.asked_cost_micro_usd), 2),
    Column("failed_cost_micro_usd", "failed tries", "money", lambda sums: sums.failed_cost_micro_usd, 9),
    Column("estimated", "", "count", lambda sums: sums.estimated),
    Column("estimated_share", "estimated", "share", lambda sums: _share(sums.estimated, sums.requests), 8),
    Column("estimated_cost_micro_usd", "", "money", lambda sums: sums.estimated_cost_micro_usd),
    Column("failures", "errors", "count", lambda sums: sums.failures, 6),
    Column("refusals", "", "count", lambda sums: sums.refusals),
)  # fmt: skip
SHOWN = tuple(column for column in COLUMNS if column.title)

_SHARE_DIGITS = 6


def members(sums: Sums) -> dict[str, Any]:
    """Every column by its name, as JSON has it: whole numbers, and shares with six digits."""
    values = {column.name: column.value(sums) for column in COLUMNS}
    return {name: round(value, _SHARE_DIGITS) if isinstance(value, float) else value for name, value in values.items()}


def usd(micro_usd: int) -> str:
    """The exact amount in US dollars, six digits after the point."""
    whole, rest = divmod(abs(micro_usd), 1_000_000)
    return f"{'-' if micro_usd < 0 else ''}{whole}.{rest:06d}"


def money_digits(amounts: Iterable[int]) -> int:
    """Digits after the point that amounts shown below each other want: 2 where they are large, up to 6 where all are tiny."""
    largest = max((abs(amount) for amount in amounts), default=0)
    return 2 if largest >= 10_000_000 else 4 if largest >= 100_000 else 6


def money(micro_usd: int, digits: int = 2) -> str:
    """An amount for reading: `-$1,234.50`."""
    return f"{'-' if micro_usd < 0 else ''}${abs(micro_usd) / 1e6:,.{digits}f}"


def share(value: Number) -> str:
    """A share for reading: `12.3%`, or nothing where there is none."""
    return "" if value is None else f"{value:.1%}"


def texts(columns: Iterable[Column], rows: Sequence[Sums]) -> list[tuple[str, ...]]:
    """These columns of each row as people read them; all amounts have the same digits."""
    digits = money_digits(max(sums.cost_micro_usd, sums.asked_cost_micro_usd) for sums in rows)
    shown = tuple(columns)
    return [tuple(_text(column, sums, digits) for column in shown) for sums in rows]


def _text(column: Column, sums: Sums, digits: int) -> str:
    value = column.value(sums)
    if column.kind == "money":
        return money(int(value or 0), digits)
    return share(value) if column.kind == "share" else f"{value:,}"
