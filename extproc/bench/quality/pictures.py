"""The pictures of an evaluation, and the page that shows them; the page needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from extproc.bench.quality.chart import COLOURS, Chart, Series, range_of, svg
from extproc.bench.quality.routing import Calibration
from extproc.bench.quality.setting import Setting

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Routing quality</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
svg {{ width: 100%; height: auto; }} svg text {{ font: 12px system-ui, sans-serif; fill: #333; }}
svg .grid {{ stroke: #ddd; }} svg .x {{ text-anchor: middle; }} svg .y {{ text-anchor: end; }}
.key {{ display: inline-block; width: .8em; height: .8em; margin: 0 .4em 0 1.2em; }} pre {{ overflow-x: auto; }}
</style></head><body><h1>Routing quality</h1><p>{about}</p>{charts}<h2>Figures</h2><pre>{figures}</pre></body></html>
"""


def cost_quality(frontiers: Mapping[str, Sequence[Setting]], now: Setting, top_cost: float) -> Chart:
    """How many requests get a tier that is good enough, over what that costs beside sending everything to the last tier.

    `frontiers`: for each judge, what its scores can reach with any thresholds; `now`: the thresholds as they are.
    """
    lines = {name: tuple(_point(one, top_cost) for one in frontier) for name, frontier in frontiers.items()}
    series = [*(Series(name, points) for name, points in lines.items()), Series("as configured", (_point(now, top_cost),), is_line=False)]
    low = range_of([y for points in lines.values() for _, y in points])
    return Chart("Cost and quality", "cost, % of the last tier alone", "good enough, %", tuple(series), y_range=low)


def reliability_diagram(calibrations: Mapping[str, Calibration]) -> Chart:
    """How often a tier sufficed, over the probability stated for it; on the straight line both are the same."""
    series = [Series("perfect", ((0.0, 0.0), (100.0, 100.0)))]
    for name, one in calibrations.items():
        series.append(Series(f"{name} suffices", tuple((100 * each.stated, 100 * each.found) for each in one.bins)))
    return Chart("Reliability", "stated, %", "found, %", tuple(series))


def page(charts: Sequence[Chart], figures: str, about: str) -> str:
    """The page: charts with their legends, then the figures as text."""
    shown = "".join(f"<h2>{escape(chart.title)}</h2>{_legend(chart)}{svg(chart)}" for chart in charts)
    return _PAGE.format(about=escape(about), charts=shown, figures=escape(figures))


def _legend(chart: Chart) -> str:
    keys = (
        f'<span class="key" style="background:{COLOURS[place % len(COLOURS)]}"></span>{escape(series.name)}'
        for place, series in enumerate(chart.series)
    )
    return f"<p>{''.join(keys)}</p>"


def _point(setting: Setting, top_cost: float) -> tuple[float, float]:
    quality = setting.quality.share if setting.quality else None
    return 100 * setting.cost / top_cost if top_cost else 100 * setting.shares[-1], 100 * (quality or 0.0)
