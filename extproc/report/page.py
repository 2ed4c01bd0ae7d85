"""A report as one HTML page that stands alone: style and charts are in it, there is no script, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from extproc.report.chart import Series, between_lines, legend, stacked_bars
from extproc.report.column import SHOWN, Column, money, money_digits, share, texts
from extproc.report.dimension import Key, printable
from extproc.report.statement import Row, Statement
from extproc.usage.rollup import Sums

_TEMPLATE = Path(__file__).with_name("page.html")
_PARTS_SHOWN = 12
_BARRED = "cost_micro_usd"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a page shows. `over_time` and `by_tier` have an entry for each of `labels`; `tiers` are cheapest first."""

    title: str
    about: str
    footer: str
    statement: Statement
    backends: Statement
    teams: Statement
    labels: tuple[str, ...]
    per: str  # what a label is: hour, day, month
    over_time: tuple[Sums, ...]
    tiers: tuple[str, ...]
    by_tier: tuple[dict[str, int], ...]  # cost


def page(contents: Contents) -> str:
    """The whole document. Names are data to it, whatever they contain."""
    body = [
        _tiles(contents.statement.total),
        _section(f"Cost per {contents.per}, by tier", *_tier_chart(contents)),
        _section("Saved", *_saved_chart(contents)),
        _section(f"By {_title(contents.statement.by)}", f'<div class="scroll">{_table(contents.statement)}</div>', kind="long"),
        f'<div class="halves">{_section("By backend", _parts(contents.backends))}{_section("By team", _parts(contents.teams))}</div>',
        _section("What is estimated", *_estimates(contents.statement.total)),
    ]
    # A template's own words are never taken from what is put into it.
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(contents.title), about=escape(contents.about), footer=escape(contents.footer), body="\n".join(body)
    )


def _title(by: Key) -> str:
    return " and ".join(name.replace("_", " ") for name in by)


def _section(title: str, *parts: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def _tiles(total: Sums) -> str:
    saved = total.asked_cost_micro_usd - total.cost_micro_usd
    part = share(saved / total.asked_cost_micro_usd) if total.asked_cost_micro_usd else ""
    digits = money_digits((total.cost_micro_usd, total.asked_cost_micro_usd))
    tiles = (
        (money(total.cost_micro_usd, digits), "cost", ""),
        (money(total.asked_cost_micro_usd, digits), "the models asked for would have cost", ""),
        (part or money(saved, digits), f"saved: {money(saved, digits)}", "good" if saved >= 0 else "bad"),
        (f"{total.requests:,}", f"requests, {total.prompt_tokens + total.completion_tokens:,} tokens", ""),
    )
    cards = (f'<div class="tile"><b class="{colour}">{number}</b><span>{escape(what)}</span></div>' for number, what, colour in tiles)
    return f'<div class="tiles">{"".join(cards)}</div>'


def _tier_chart(contents: Contents) -> tuple[str, str]:
    series: list[Series] = [(tier or "no tier", [costs.get(tier, 0) for costs in contents.by_tier]) for tier in contents.tiers]
    return stacked_bars(contents.labels, series), legend([name for name, _ in series])


def _saved_chart(contents: Contents) -> tuple[str, str]:
    lower = ("cost", [sums.cost_micro_usd for sums in contents.over_time])
    upper = ("would have cost", [sums.asked_cost_micro_usd for sums in contents.over_time])
    note = "Line: cost. Dashes: what the models asked for would have cost. The area between them is saved, or lost where dashes run below."
    return between_lines(contents.labels, lower, upper), f'<p class="note">{note}</p>'


def _table(statement: Statement) -> str:
    sums = [*(row.sums for row in statement.rows), *([statement.rest] if statement.rest_rows else []), statement.total]
    cells = texts(SHOWN, sums)
    largest = max((row.sums.cost_micro_usd for row in statement.rows), default=0)
    heads = [f'<th class="name">{escape(name.replace("_", " "))}</th>' for name in statement.by]
    heads += [f"<th>{escape(column.title)}</th>" for column in SHOWN]
    lines = [_line(row.names, numbers, "", row.sums.cost_micro_usd, largest) for row, numbers in zip(statement.rows, cells, strict=False)]
    blanks = ("",) * (len(statement.by) - 1)
    if statement.rest_rows:
        lines.append(_line((f"{statement.rest_rows} more", *blanks), cells[-2], "rest", 0, 0))
    lines.append(_line(("total", *blanks), cells[-1], "total", 0, 0))
    return f"<table><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _line(names: Sequence[str], numbers: Sequence[str], kind: str, amount: int, largest: int) -> str:
    cells = [f'<td class="name">{_name(name)}</td>' if place == 0 or name else "<td></td>" for place, name in enumerate(names)]
    cells += [_cell(column, text, amount, largest) for column, text in zip(SHOWN, numbers, strict=True)]
    return f'<tr class="{kind}">{"".join(cells)}</tr>'


def _name(name: str) -> str:
    """A name that a line may be broken in after each level."""
    return escape(printable(name)).replace("/", "/<wbr>")


def _cell(column: Column, text: str, amount: int, largest: int) -> str:
    return f"{_bar(amount, largest)}{text}</td>" if column.name == _BARRED and largest > 0 else f"<td>{text}</td>"


def _bar(amount: int, largest: int) -> str:
    return f'<td class="bar" style="--w:{max(0.0, 100 * amount / largest):.1f}%">' if largest > 0 else "<td>"


def _parts(statement: Statement) -> str:
    """Who has how much of the cost, the largest first."""
    shown = statement.rows[:_PARTS_SHOWN]
    left = statement.rows[_PARTS_SHOWN:]
    rows = [*shown, *([Row((f"{len(left)} more",), _sum(row.sums for row in left))] if left else [])]
    largest = max((row.sums.cost_micro_usd for row in rows), default=0)
    digits = money_digits(row.sums.cost_micro_usd for row in rows)
    whole = statement.total.cost_micro_usd
    lines = [
        f'<tr><td class="name">{_name(" ".join(row.names))}</td>{_bar(row.sums.cost_micro_usd, largest)}'
        f"{money(row.sums.cost_micro_usd, digits)}</td><td>{share(row.sums.cost_micro_usd / whole) if whole else ''}</td></tr>"
        for row in rows
    ]
    return f'<table class="parts"><tbody>{"".join(lines)}</tbody></table>'


def _sum(parts: Iterable[Sums]) -> Sums:
    return sum(parts, Sums())


def _estimates(total: Sums) -> tuple[str, ...]:
    requests = share(total.estimated / total.requests) if total.requests else "0.0%"
    cost = share(total.estimated_cost_micro_usd / total.cost_micro_usd) if total.cost_micro_usd else "0.0%"
    digits = money_digits((total.estimated_cost_micro_usd, total.failed_cost_micro_usd))
    counts = (
        f"{total.estimated:,} of {total.requests:,} requests ({requests}) have token counts or a price that is an estimate, because their "
        f"backend gave none. Of the cost, {money(total.estimated_cost_micro_usd, digits)} ({cost}) is an estimate."
    )
    tries = (
        f"Attempts that failed after a backend had the prompt cost {money(total.failed_cost_micro_usd, digits)} of it: always an estimate. "
        "What the models asked for would have cost is the same tokens at those models' prices."
    )
    return f"<p>{counts}</p>", f"<p>{tries}</p>"
