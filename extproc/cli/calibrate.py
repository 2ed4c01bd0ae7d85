"""`tiermesh calibrate`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from extproc.bench.quality.money import costs
from extproc.bench.quality.router import Judged, Router
from extproc.bench.quality.setting import Sample, Setting, Settings
from extproc.bench.quality.tiered import Tiered
from extproc.cli.local_pipeline import judging_of
from extproc.cli.rows import complain, objects
from extproc.cli.table import page
from extproc.clock import Clock, SystemClock
from extproc.config.edit import with_up_to
from extproc.dialects import Refusal
from extproc.errors import StartError

_DIGITS = 4
_PERCENTS = (5, 10, 20, 30, 50)  # of strong calls, for comparison
_FEW = 100


def run(args: argparse.Namespace, clock: Clock | None = None) -> int:
    """0; 1 when a row could not be used. StartError where the goal cannot be reached, or the sample does not tell."""
    if args.usd_per_day is not None and not args.requests_per_day:
        raise StartError("--usd-per-day needs --requests-per-day: how many requests the money is for")
    router, _ = judging_of(args.config, clock or SystemClock())
    names = [tier.name for tier in router.policy.tiers]
    if len(names) < 2:
        raise StartError("there is one tier, so there are no thresholds")
    rows, is_whole = _judged(args.sample, router, is_labelled=args.quality is not None)
    settings = Settings(_sample(rows, router, args.output_tokens))
    configured = [tier.up_to for tier in router.policy.tiers[:-1]]
    chosen = _chosen(args, settings, configured)
    found = {"now": settings.of(configured)}
    found |= {f"{percent}% strong": settings.of_strong(configured, percent) for percent in _PERCENTS}
    if chosen is not None:
        found["chosen"] = chosen
    _tell(args, names, found, len(rows))
    if args.write and chosen is not None:
        _write(args.config, dict(zip(names, chosen.up_to, strict=False)))
    elif args.write:
        raise StartError("nothing to write: say --strong-percent, --usd-per-day or --quality")
    return 0 if is_whole else 1


def _judged(file: str, router: Router, *, is_labelled: bool) -> tuple[list[Judged], bool]:
    kept: list[Judged] = []
    is_whole = True
    names = [tier.name for tier in router.policy.tiers]
    for number, row in objects(file):
        try:
            if isinstance(row, str):
                raise ValueError(row)
            judged = router.judge(Tiered.of(row, names, is_labelled=is_labelled))
            if isinstance(judged, Refusal):
                raise ValueError(judged.message)
            kept.append(judged)
        except (ValueError, TypeError) as problem:
            complain(file, number, str(problem))
            is_whole = False
    if not kept:
        raise StartError(f"{file} has no row that can be used")
    return kept, is_whole


def _sample(rows: Sequence[Judged], router: Router, output_tokens: int) -> Sample:
    """Scores and costs of all rows, and what they need where every one of them says so."""
    policy = router.policy
    money = costs(policy, [one.demand for one in rows], output_tokens or policy.admission.output_tokens, router.clock.wall())
    needed = np.array([one.row.rank for one in rows], int)
    return Sample(np.array([one.verdict.score for one in rows]), money, needed if (needed >= 0).all() else None)


def _chosen(args: argparse.Namespace, settings: Settings, configured: Sequence[float]) -> Setting | None:
    """What reaches the goal; None where none was given."""
    if args.strong_percent is not None:
        return settings.of_strong(configured, args.strong_percent)
    if args.usd_per_day is not None:
        found = settings.within_cost(configured, args.usd_per_day * 1e6 / args.requests_per_day)
        if found is None:
            raise StartError("even with the cheapest tier alone a day costs more than that")
        return found
    return settings.of_quality(args.quality / 100) if args.quality is not None else None


def _tell(args: argparse.Namespace, names: Sequence[str], found: Mapping[str, Setting], rows: int) -> None:
    if args.json:
        print(json.dumps({"rows": rows, "tiers": list(names)} | {name: one.to_json() for name, one in found.items()}))
        return
    console = page()
    console.print(_table(names, found, args.requests_per_day))
    if rows < _FEW:
        console.print(f"{rows} rows are few: thresholds from another sample may differ by much", highlight=False)


def _table(names: Sequence[str], found: Mapping[str, Setting], requests: float) -> Table:
    per = "USD a day" if requests else "USD for 1,000 requests"
    table = Table("thresholds", *(f"{name} up_to" for name in names[:-1]), *names, per, "good enough", "95%")
    for name, one in found.items():
        ends = [f"{end:.{_DIGITS}g}" for end in one.up_to]
        shares = [f"{share:.1%}" for share in one.shares]
        table.add_row(name, *ends, *shares, f"{one.cost * (requests or 1000) / 1e6:,.2f}", *_quality(one))
    return table


def _quality(one: Setting) -> Iterator[str]:
    if one.quality is None or one.quality.share is None:
        return
    low, high = one.quality.interval()
    yield f"{one.quality.share:.1%}"
    yield f"{low:.1%} to {high:.1%}"


def _write(path: Path, ends: Mapping[str, float]) -> None:
    """Puts the thresholds into the file. Raises ConfigError where what comes of it cannot be used; the file is as before then."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        edited = with_up_to(text, ends)
        path.write_bytes(raw[: len(raw) - len(text.encode())] + edited.encode())
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror or error}") from error
