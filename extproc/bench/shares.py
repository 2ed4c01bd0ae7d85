"""A share of requests that is held while what is asked becomes harder, beside a threshold that was right when it was written."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from extproc.config.compiled_routing import Share
from extproc.routing.share import Histogram, half_life_s, held, threshold

_CONFIGURED = (0.35, 0.7, 1.0)
_BLOCKS = 20
_SPREAD = 0.16  # of scores about their mean, as of the shipped model's on mixed requests
_EVERY_S = 1.0  # how often a worker reads thresholds
WITHIN_POINTS = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. Requests come evenly over `hours`, and their mean score moves from `first` to `last`."""

    requests: int = 20_000
    percent: float = 20.0
    window_s: int = 3600
    hours: float = 24.0
    first: float = 0.35
    last: float = 0.65
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Block:
    """A twentieth of the requests: how hard they were, and the percentage of them that got the capable tier either way."""

    mean_score: float
    held: float
    fixed: float


@dataclass(frozen=True, slots=True)
class Report:
    """All blocks; `worst` are the largest distances from the wanted percentage after the first block, in points."""

    options: Options
    blocks: tuple[Block, ...]
    worst_held: float
    worst_fixed: float

    @property
    def is_held(self) -> bool:
        """Whether the share was held as promised."""
        return self.worst_held <= WITHIN_POINTS

    def as_json(self) -> dict[str, Any]:
        """The object that `bench shares --json` prints."""
        return asdict(self) | {"is_held": self.is_held}


def run(options: Options) -> Report:
    """Plays the stream twice over the same scores: once with thresholds that follow it, once with the one its beginning asks for."""
    scores = tuple(_drifting(options))
    early = Histogram().with_scores(scores[: options.requests // _BLOCKS], 0.0, 1.0)
    fixed_at = threshold(early.counts, options.percent)
    chosen = tuple(_followed(options, scores))
    size = max(1, len(scores) // _BLOCKS)
    blocks = tuple(_block(scores[at : at + size], chosen[at : at + size], fixed_at) for at in range(0, size * _BLOCKS, size))
    return Report(options, blocks, _worst(blocks, options, lambda one: one.held), _worst(blocks, options, lambda one: one.fixed))


def show(report: Report, console: Console) -> None:
    """As a table."""
    wanted = report.options.percent
    table = Table("requests", "mean score", f"held at {wanted:g}%", "fixed threshold")
    size = report.options.requests // _BLOCKS
    for place, block in enumerate(report.blocks):
        table.add_row(f"{place * size:,} on", f"{block.mean_score:.2f}", f"{block.held:.1f}%", f"{block.fixed:.1f}%")
    console.print(table)
    console.print(f"farthest from {wanted:g}%: held {report.worst_held:.1f} points, fixed {report.worst_fixed:.1f} points")


def _drifting(options: Options) -> Iterator[float]:
    chance = random.Random(options.seed)  # noqa: S311 - a stream that can be had again
    for place in range(options.requests):
        mean = options.first + (options.last - options.first) * place / options.requests
        yield min(max(chance.gauss(mean, _SPREAD), 0.0), 1.0)


def _followed(options: Options, scores: Sequence[float]) -> Iterator[bool]:
    """Whether each request scores above the threshold of its moment."""
    share = Share("held", ("*",), len(_CONFIGURED) - 1, options.percent, options.window_s, 200)
    apart_s = options.hours * 3600 / max(1, len(scores))
    histogram, at, read_at_s, fresh = Histogram(), _CONFIGURED[-2], 0.0, list[float]()
    for place, score in enumerate(scores):
        now_s = place * apart_s
        if now_s - read_at_s >= _EVERY_S:
            histogram = histogram.with_scores(fresh, now_s, half_life_s(options.window_s))
            found = held(_CONFIGURED, [(share, histogram.counts)])
            at, read_at_s, fresh = (found.up_to[-2] if found else at), now_s, []
        fresh.append(score)
        yield score > at


def _block(scores: Sequence[float], chosen: Sequence[bool], fixed_at: float) -> Block:
    count = len(scores)
    return Block(sum(scores) / count, 100 * sum(chosen) / count, 100 * sum(score > fixed_at for score in scores) / count)


def _worst(blocks: Sequence[Block], options: Options, of: Callable[[Block], float]) -> float:
    return max(abs(of(block) - options.percent) for block in blocks[1:])
