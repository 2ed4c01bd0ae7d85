"""A chart of lines and points, as data, and as SVG. `raster` draws the same as PNG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 24, 52
COLOURS = ("#1f5fa8", "#c2571a", "#2f7d4f", "#7a4aa0", "#555555")
TICKS = 5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Points by rising x. `is_line`: joined by a line; otherwise marks of their own."""

    name: str
    points: tuple[Point, ...]
    is_line: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn. `x` and `y` are titles of axes that go over these ranges; both count in per cent."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    x_range: tuple[float, float] = (0.0, 100.0)
    y_range: tuple[float, float] = (0.0, 100.0)

    def at(self, point: Point) -> Point:
        """Where a point stands, in pixels from the upper left corner; points beyond an axis stand at its end."""
        across, up = (_part(value, ends) for value, ends in zip(point, (self.x_range, self.y_range), strict=True))
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Values that are marked on the two axes."""
        return _ticks(self.x_range), _ticks(self.y_range)


def range_of(values: Sequence[float]) -> tuple[float, float]:
    """From a round value below all of `values` to 100, for an axis on which small differences matter."""
    return (max(0.0, min(values, default=0.0) // 10 * 10), 100.0)


def svg(chart: Chart) -> str:
    """As an element for an HTML page, which needs nothing else."""
    return "\n".join((f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">', *_parts(chart), "</svg>"))


def _parts(chart: Chart) -> Iterator[str]:
    across, up = chart.ticks()
    for value in across:
        x, y = chart.at((value, chart.y_range[0]))
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="x" x="{x:.1f}" y="{y + 16:.1f}">{value:g}</text>'
    for value in up:
        x, y = chart.at((chart.x_range[0], value))
        yield f'<line class="grid" x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text class="y" x="{x - 8:.1f}" y="{y + 4:.1f}">{value:g}</text>'
    yield f'<text class="x" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}">{escape(chart.x)}</text>'
    yield f'<text x="4" y="14">{escape(chart.y)}</text>'
    for place, series in enumerate(chart.series):
        yield from _drawn(chart, series, COLOURS[place % len(COLOURS)])


def _drawn(chart: Chart, series: Series, colour: str) -> Iterator[str]:
    places = [chart.at(point) for point in series.points]
    if series.is_line:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{line}"><title>{escape(series.name)}</title></polyline>'
    else:
        name = f"<title>{escape(series.name)}</title>"
        yield from (f'<circle fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="5">{name}</circle>' for x, y in places)


def _part(value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _ticks(ends: tuple[float, float]) -> tuple[float, ...]:
    low, high = ends
    return tuple(round(low + (high - low) * place / TICKS, 6) for place in range(TICKS + 1))
