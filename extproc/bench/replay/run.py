"""All sessions, in each of the four ways."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from extproc.bench.engine import Progress
from extproc.bench.replay.configuration import LISTED, TIERS, Prices, pinned_to, policy
from extproc.bench.replay.plan import Story, stories
from extproc.bench.replay.play import Sent, play
from extproc.bench.replay.report import Report, Way, tier_for
from extproc.config import Policy


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, and the prices by tier."""

    sessions: int = 12
    seed: int = 7
    prices: dict[str, Prices] = field(default_factory=lambda: dict(LISTED))


def run(options: Options, progress: Progress = lambda *_: None) -> Report:
    """Plays them one after another, in this process."""
    return asyncio.run(_run(options, progress))


async def _run(options: Options, progress: Progress) -> Report:
    told = list(stories(options.sessions, options.seed))
    forced = {tier: policy(options.prices, **pinned_to(tier)) for tier in TIERS}
    naive = policy(options.prices, sticky=False, loops=False, housekeeping=False)
    ours = policy(options.prices)
    ways: dict[str, dict[str, Sequence[Sent]]] = {name: {} for name in ("frontier", "naive", "sticky", "ours")}
    for number, story in enumerate(told):
        progress(number, len(told), story.name)
        ways["frontier"][story.name] = await play(story, forced[TIERS[-1]])
        ways["naive"][story.name] = await play(story, naive)
        ways["sticky"][story.name] = await _sticky(story, forced)
        ways["ours"][story.name] = await play(story, ours)
    progress(len(told), len(told), "done")
    return Report(options.sessions, options.seed, *(Way(name, sent) for name, sent in ways.items()))


async def _sticky(story: Story, forced: dict[str, Policy]) -> list[Sent]:
    """At the one tier that its hardest turn needs. Chores are conversations of their own, for which the first tier is enough."""
    sent = await play(story, forced[tier_for(max(turn.score for turn in story.turns))])
    if not story.chores:
        return sent
    chores = iter([request for request in await play(story, forced[TIERS[0]]) if request.score is None])
    return [next(chores) if request.score is None else request for request in sent]
