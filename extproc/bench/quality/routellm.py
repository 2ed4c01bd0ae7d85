"""How well scores say which of two models a question needs, by RouteLLM's metrics.

I. Ong et al., RouteLLM: learning to route LLMs with preference data (arXiv 2406.18665), and its code, lm-sys/RouteLLM,
routellm/evals. The thresholds are the eleven edges of the deciles of the scores; each gives a share of calls to the strong model
and a mean quality. APGR is the area under that curve between the weak and the strong model alone; CPT(p) is the share of calls
that recovers p of the distance. Ties are broken by chance, where the original ends with an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from extproc.bench.quality.resample import Estimate, Floats, estimate
from extproc.classify.window import Prompt, Said

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
_EDGES = 11
_SEED = 0


@dataclass(frozen=True, slots=True)
class Questions:
    """A benchmark: what is asked, and how well the weak and the strong model answered (0 to 1)."""

    name: str
    prompts: tuple[str, ...]
    weak: Floats
    strong: Floats

    @staticmethod
    def of(name: str, rows: Sequence[Mapping[str, Any]]) -> Questions:
        """From rows with `prompt`, `outcomes` by model, and `contaminated` for those to leave out. ValueError where a row has none."""
        kept = [row for row in rows if not row.get("contaminated")]
        try:
            weak, strong = (np.array([float(row["outcomes"][model]) for row in kept]) for model in (WEAK, STRONG))
            return Questions(name, tuple(str(row["prompt"]) for row in kept), weak, strong)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a row of {name} is not in RouteLLM's form: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Figures:
    """APGR (0.5 by chance), and percentages of calls to the strong model."""

    apgr: Estimate
    cpt50: Estimate
    cpt80: Estimate

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        return {"apgr": self.apgr.to_json(), "cpt50": self.cpt50.to_json(), "cpt80": self.cpt80.to_json()}


def figures(questions: Questions, scores: Floats) -> Figures:
    """Of these scores, one a question, higher where the strong model is needed more."""
    weak, strong = questions.weak, questions.strong
    spread = untied(scores)
    count = len(scores)
    return Figures(
        estimate(lambda at: apgr(weak[at], strong[at], spread[at]), count),
        estimate(lambda at: cpt(weak[at], strong[at], spread[at], 0.5), count),
        estimate(lambda at: cpt(weak[at], strong[at], spread[at], 0.8), count),
    )


def plain(prompt: str) -> Prompt:
    """A prompt as the only turn of a request."""
    return Prompt(prompt, turns=(Said("user", prompt),))


def curve(weak: Floats, strong: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Shares of calls to the strong model, ascending, and the mean quality at each."""
    edges = np.quantile(scores, np.linspace(0, 1, _EDGES))
    chosen = [scores >= edge for edge in edges[:-1]] + [scores > edges[-1]]
    calls = np.array([float(one.mean()) for one in chosen])
    quality = np.array([float(np.where(one, strong, weak).mean()) for one in chosen])
    by_calls = np.argsort(calls, kind="stable")
    return calls[by_calls], quality[by_calls]


def apgr(weak: Floats, strong: Floats, scores: Floats) -> float:
    """Average performance gap recovered; NaN where there is no gap."""
    gap = float(strong.mean() - weak.mean())
    if abs(gap) < 1e-9:
        return float("nan")
    calls, quality = curve(weak, strong, scores)
    area = float(np.trapezoid(quality, calls))
    span = float(calls[-1] - calls[0])
    return (area - float(weak.mean()) * span) / (gap * span) if span else float("nan")


def cpt(weak: Floats, strong: Floats, scores: Floats, part: float) -> float:
    """The percentage of calls that recovers `part` of the gap, as the original reads it off: by interpolation over quality."""
    calls, quality = curve(weak, strong, scores)
    wanted = weak.mean() + part * (strong.mean() - weak.mean())
    return float(np.interp(wanted, quality, calls)) * 100


def untied(scores: Floats) -> Floats:
    """Ranks in the order of `scores`, ties in an order of chance that is always the same; `scores` where there are none."""
    if len(np.unique(scores)) == len(scores):
        return scores
    order = np.lexsort((np.random.default_rng(_SEED).random(len(scores)), scores))
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(len(scores))
    return ranks
