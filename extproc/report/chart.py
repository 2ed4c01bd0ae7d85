"""Charts as SVG, drawn here: no script, no font, nothing to fetch. Colours are the page's own, by class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from extproc.report.column import money

COLOURS = 8  # classes c0 to c7; the page says what they look like

Series = tuple[str, Sequence[int]]  # a name, and an amount in micro-USD for each label

_WIDTH, _HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 8, 10, 26
_MAX_LABELS = 12
_TICKS = 4
_FONT_HEIGHT = 4  # from the middle of a digit to its foot


def stacked_bars(labels: Sequence[str], series: Sequence[Series]) -> str:
    """A bar a label, the first series at its foot. Amounts below zero are left out."""
    frame = _Frame(len(labels), max((sum(amounts) for amounts in zip(*(values for _, values in series), strict=True)), default=0))
    bars = []
    for place, label in enumerate(labels):
        parts = [(name, max(0, values[place])) for name, values in series]
        said = ", ".join(f"{name} {_short(amount)}" for name, amount in parts if amount)
        bars.append(f"<g><title>{escape(label)}: {_short(sum(amount for _, amount in parts))} ({escape(said)})</title>")
        bars += _stack(frame, place, [amount for _, amount in parts])
        bars.append("</g>")
    return _svg(frame, labels, bars)


def between_lines(labels: Sequence[str], lower: Series, upper: Series) -> str:
    """Two lines over time and the area between them, which is what was saved."""
    frame = _Frame(len(labels), max((*lower[1], *upper[1]), default=0))
    low, high = _points(frame, lower[1]), _points(frame, upper[1])
    area = f'<polygon class="between" points="{" ".join([*high, *reversed(low)])}"/>'
    lines = [f'<polyline class="upper" points="{" ".join(high)}"/>', f'<polyline class="lower" points="{" ".join(low)}"/>']
    return _svg(frame, labels, [area, *lines, *_dots(frame, labels, lower, upper)])


def legend(names: Sequence[str]) -> str:
    """What the colours of `stacked_bars` stand for."""
    keys = (f'<span><i class="key c{place % COLOURS}"></i>{escape(name)}</span>' for place, name in enumerate(names))
    return f'<p class="legend">{"".join(keys)}</p>'


def ticks(largest: int) -> tuple[int, ...]:
    """Round amounts (micro-USD) from 0 to at least `largest`: 1, 2 or 5 times a power of ten apart."""
    wanted = max(largest, 1) / _TICKS
    power = 10 ** math.floor(math.log10(wanted)) if wanted >= 1 else 1
    step = next((power * factor for factor in (1, 2, 5) if power * factor >= wanted), power * 10)
    return tuple(range(0, -(-max(largest, 1) // step) * step + 1, step))


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where things are: `slots` places from left to right, amounts from 0 to the highest tick."""

    slots: int
    largest: int

    @property
    def slot_width(self) -> float:
        return (_WIDTH - _LEFT - _RIGHT) / max(self.slots, 1)

    def x(self, place: float) -> float:
        return _LEFT + self.slot_width * place

    def y(self, amount: int) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * max(0, amount) / ticks(self.largest)[-1]


def _stack(frame: _Frame, place: int, amounts: Sequence[int]) -> Iterator[str]:
    gap = min(6.0, frame.slot_width * 0.15)
    below = 0
    for colour, amount in enumerate(amounts):
        if amount:
            top, foot = frame.y(below + amount), frame.y(below)
            yield (
                f'<rect class="c{colour % COLOURS}" x="{frame.x(place) + gap:.1f}" y="{top:.1f}" '
                f'width="{frame.slot_width - 2 * gap:.1f}" height="{foot - top:.1f}"/>'
            )
        below += amount


def _points(frame: _Frame, amounts: Sequence[int]) -> list[str]:
    return [f"{frame.x(place + 0.5):.1f},{frame.y(amount):.1f}" for place, amount in enumerate(amounts)]


def _dots(frame: _Frame, labels: Sequence[str], lower: Series, upper: Series) -> Iterator[str]:
    for place, (label, low, high) in enumerate(zip(labels, lower[1], upper[1], strict=True)):
        said = f"{label}: {lower[0]} {_short(low)}, {upper[0]} {_short(high)}, difference {_short(high - low)}"
        yield f'<circle class="dot" cx="{frame.x(place + 0.5):.1f}" cy="{frame.y(low):.1f}" r="3"><title>{escape(said)}</title></circle>'


def _svg(frame: _Frame, labels: Sequence[str], drawn: Sequence[str]) -> str:
    inside = [*_grid(frame), *drawn, *_names(frame, labels)]
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(inside)}</svg>'


def _grid(frame: _Frame) -> Iterator[str]:
    marks = ticks(frame.largest)
    digits = max(0, 6 - len(str(marks[1])) + 1)
    for amount in marks:
        y = frame.y(amount)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="mark" x="{_LEFT - 8}" y="{y + _FONT_HEIGHT:.1f}" text-anchor="end">{money(amount, digits)}</text>'


def _names(frame: _Frame, labels: Sequence[str]) -> Iterator[str]:
    every = -(-len(labels) // _MAX_LABELS)
    for place in range(0, len(labels), max(every, 1)):
        where = f'x="{frame.x(place + 0.5):.1f}" y="{_HEIGHT - 8}"'
        yield f'<text class="mark" {where} text-anchor="middle">{escape(labels[place])}</text>'


def _short(micro_usd: int) -> str:
    return money(micro_usd, 2 if abs(micro_usd) >= 1_000_000 else 6)
