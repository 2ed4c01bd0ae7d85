"""`tiermesh eval routing`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.bench.quality import calibration, pictures, raster, rivals, routellm
from extproc.bench.quality import routing as figures
from extproc.bench.quality.money import costs
from extproc.bench.quality.resample import Estimate, Floats, Ints
from extproc.bench.quality.robustness import Flips, robustness
from extproc.bench.quality.router import Judged, Router
from extproc.bench.quality.routing import Calibration, Group
from extproc.bench.quality.setting import Sample, Settings
from extproc.bench.quality.tiered import TIERS, Tiered
from extproc.bench.quality.training import training_rows
from extproc.cli.eval_tables import show
from extproc.cli.local_pipeline import judging_of
from extproc.cli.rows import complain, objects
from extproc.clock import Clock
from extproc.dialects import Refusal
from extproc.errors import StartError


@dataclass(frozen=True, slots=True)
class Rival:
    """A judge of the same rows: its name, the ranks it chose, and its scores, higher for harder."""

    name: str
    chosen: Ints
    scores: Floats


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one run."""

    model: str
    rows: int
    judges: Mapping[str, Group]
    splits: Mapping[str, Mapping[str, Group]]
    calibrations: Mapping[str, Calibration]
    order: Estimate
    flips: Mapping[str, Flips]
    latency_us: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """As JSON members."""
        split = {title: {name: group.to_json() for name, group in by.items()} for title, by in self.splits.items()}
        return {
            "model": self.model,
            "rows": self.rows,
            "judges": {name: group.to_json() for name, group in self.judges.items()},
            **{f"by_{title}": by for title, by in split.items()},
            "suffices": {name: one.to_json() for name, one in self.calibrations.items()},
            "spearman": self.order.to_json(),
            "robustness": {name: one.to_json() for name, one in self.flips.items()},
            "latency_us": {"p50": round(self.latency_us[0], 1), "p99": round(self.latency_us[1], 1)},
        }


def run(args: argparse.Namespace, clock: Clock) -> int:
    """0, or 1 when a row could not be used; the figures are of the others. StartError where there is nothing to judge."""
    if not args.files and args.routellm is None:
        raise StartError("name a FILE of rows, or --routellm DIR")
    router, revision = judging_of(args.config, clock)
    if args.files and len(router.policy.tiers) != len(TIERS):
        raise StartError(f"the rows know {len(TIERS)} tiers, the configuration {len(router.policy.tiers)}")
    rows, is_whole = _judged(args.files, router)
    questions = _questions(args.routellm, router) if args.routellm else {}
    evaluation, judges = _evaluated(rows, router, revision) if rows else (None, ())
    if args.json:
        told = {name: {judge: one.to_json() for judge, one in by.items()} for name, by in questions.items()}
        print(json.dumps({"files": args.files} | (evaluation.to_json() if evaluation else {}) | {"routellm": told}))
    else:
        show(evaluation, questions)
    if args.out is not None and evaluation is not None:
        _draw(args.out, evaluation, (rows, judges), router)
    return 0 if is_whole else 1


def _judged(files: Sequence[str], router: Router) -> tuple[list[Judged], bool]:
    """The rows that can be used, judged twice so that times are those of a worker that runs, and whether these are all."""
    kept: list[Judged] = []
    is_whole = True
    for name in files:
        for number, row in objects(name):
            try:
                if isinstance(row, str):
                    raise ValueError(row)
                judged = router.judge(Tiered.of(row))
                if isinstance(judged, Refusal):
                    raise ValueError(judged.message)
                kept.append(judged)
            except (ValueError, TypeError) as problem:
                complain(name, number, str(problem))
                is_whole = False
    again = [router.judge(one.row) for one in kept]
    return [one for one in again if isinstance(one, Judged)], is_whole


def _evaluated(rows: Sequence[Judged], router: Router, revision: str) -> tuple[Evaluation, tuple[Rival, ...]]:
    ranks = figures.needed(rows)
    wanted, by_score = (np_ints([of(one) for one in rows]) for of in _CHOICES)
    scores = np_floats([one.verdict.score for one in rows])
    judges = [Rival("tiermesh", wanted, scores), Rival("score alone", by_score, scores), *_rivals(rows, ranks)]
    evaluation = Evaluation(
        model=revision,
        rows=len(rows),
        judges={judge.name: figures.group(ranks, judge.chosen) for judge in judges},
        splits=figures.splits(rows, wanted),
        calibrations=figures.calibrations(rows),
        order=figures.order(rows),
        flips=robustness(router, rows),
        latency_us=figures.quantiles_us(rows),
    )
    return evaluation, tuple(judges)


_CHOICES: tuple[Callable[[Judged], int], ...] = (lambda one: one.wanted, lambda one: one.by_score)


def _rivals(rows: Sequence[Judged], ranks: Ints) -> list[Rival]:
    lengths = rivals.lengths([one.request for one in rows])
    found = [Rival("length", rivals.tiers(lengths, rivals.best_cuts(lengths, ranks)), lengths)]
    training = training_rows({one.row.row_id for one in rows})
    if training:
        model = rivals.WordModel([text for text, _ in training], [rank for _, rank in training], len(TIERS))
        likely = model.probabilities([rivals.words_of(one.request) for one in rows])
        found.append(Rival("words (TF-IDF)", likely.argmax(1), likely @ np_floats([0.0, 0.5, 1.0])))
    return found


def _questions(folder: Path, router: Router) -> dict[str, dict[str, routellm.Figures]]:
    files = sorted(folder.glob("eval_routellm_*.jsonl*"))
    if not files:
        raise StartError(f"no eval_routellm_*.jsonl.gz in {folder}")
    found: dict[str, dict[str, routellm.Figures]] = {}
    for file in files:
        name = file.name.removeprefix("eval_routellm_").partition(".")[0]
        try:
            questions = routellm.Questions.of(name, [row for _, row in objects(str(file)) if isinstance(row, dict)])
        except ValueError as problem:
            raise StartError(f"{file}: {problem}") from problem
        scores = [router.scorer.classify(routellm.plain(prompt)).score for prompt in questions.prompts]
        lengths = [float(len(prompt)) for prompt in questions.prompts]
        found[name] = {
            "tiermesh": routellm.figures(questions, np_floats(scores)),
            "length": routellm.figures(questions, np_floats(lengths)),
        }
    return found


def _draw(folder: Path, evaluation: Evaluation, judged: tuple[Sequence[Judged], Sequence[Rival]], router: Router) -> None:
    rows, judges = judged
    policy = router.policy
    money = costs(policy, [one.demand for one in rows], policy.admission.output_tokens, router.clock.wall())
    ranks = figures.needed(rows)
    # Only the order of scores says what thresholds can reach, so every judge's are spread evenly over 0 to 1.
    reach = {
        judge.name: Settings(Sample(_spread(judge.scores), money, ranks)).frontier() for judge in judges if judge.name != "score alone"
    }
    now = Settings(Sample(np_floats([one.verdict.score for one in rows]), money, ranks)).of([tier.up_to for tier in policy.tiers[:-1]])
    charts = {
        "cost_quality": pictures.cost_quality(reach, now, float(money[:, -1].mean())),
        "reliability": pictures.reliability_diagram(evaluation.calibrations),
    }
    about = f"{evaluation.rows} labelled requests; model {evaluation.model[:12]}; configuration {policy.digest}."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, chart in charts.items():
            (folder / f"{name}.png").write_bytes(raster.png(chart))
        text = json.dumps(evaluation.to_json(), indent=1)
        (folder / "routing.html").write_text(pictures.page(tuple(charts.values()), text, about), encoding="utf-8")
    except OSError as error:
        raise StartError(f"{folder} cannot be written: {error.strerror or error}") from error


def _spread(scores: Floats) -> Floats:
    return calibration.ranked(scores) / max(len(scores), 1)


def np_floats(values: Sequence[float]) -> Floats:
    """As an array."""
    import numpy

    return numpy.array(values, float)


def np_ints(values: Sequence[int]) -> Ints:
    """As an array."""
    import numpy

    return numpy.array(values, int)
