"""The experiments: load, harm, load, and then the books are compared with what was served."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from extproc.bench.engine import Progress
from extproc.bench.faults.clients import Answer
from extproc.bench.faults.ledger import Ledger, compare
from extproc.bench.faults.report import Outcome, Report
from extproc.bench.faults.scene import Scene, Setting, scene
from extproc.bench.faults.seen import normal_ms, seen
from extproc.errors import StartError

Harm = Callable[[Scene, float], Awaitable[None]]  # done for so many seconds

_BETWEEN_S = 6.0  # a worker that dies soon after its start waits longer for the next one
_PHASES = ("before", "meanwhile", "after")


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. There is load for `quiet_s` before the harm, and again after it; `rate` is requests a second."""

    seconds: float = 30.0
    only: tuple[str, ...] = ()
    lease_s: float = 5.0
    rate: float = 120.0
    quiet_s: float = 4.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is done, and in which setting."""

    harm: Harm
    setting: Setting


async def _kill_store(stage: Scene, seconds: float) -> None:
    stage.signal_store(signal.SIGKILL)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(stage.start_store)


async def _stop_store(stage: Scene, seconds: float) -> None:
    stage.signal_store(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    stage.signal_store(signal.SIGCONT)


async def _kill_workers(stage: Scene, seconds: float) -> None:
    await _again_and_again(stage.kill_worker, seconds)


async def _kill_waiting_workers(stage: Scene, seconds: float) -> None:
    await _again_and_again(stage.kill_waiting_workers, seconds)


async def _kill_envoys(stage: Scene, seconds: float) -> None:
    await _again_and_again(stage.kill_envoy, seconds)


async def _again_and_again(harm: Callable[[], None], seconds: float) -> None:
    for _ in range(max(1, int(seconds // _BETWEEN_S))):
        await asyncio.to_thread(harm)
        await asyncio.sleep(min(seconds, _BETWEEN_S))


EXPERIMENTS: dict[str, Experiment] = {
    "store-killed-open": Experiment(_kill_store, Setting("open")),
    "store-stopped-open": Experiment(_stop_store, Setting("open")),
    "store-killed-closed": Experiment(_kill_store, Setting("closed")),
    "store-stopped-closed": Experiment(_stop_store, Setting("closed")),
    "embedded-store-killed": Experiment(_kill_store, Setting("open", is_embedded=True)),
    "worker-killed": Experiment(_kill_workers, Setting("open")),
    "workers-killed-waiting": Experiment(_kill_waiting_workers, Setting("open")),
    "envoy-killed": Experiment(_kill_envoys, Setting("open")),
}


def run(options: Options, progress: Progress = lambda *_: None) -> Report:
    """All of them, or those named. Raises StartError for a name there is not, and when something cannot be started."""
    unknown = [name for name in options.only if name not in EXPERIMENTS]
    if unknown:
        raise StartError(f"there is no experiment {unknown[0]!r}; there are {', '.join(EXPERIMENTS)}")
    names = options.only or tuple(EXPERIMENTS)
    outcomes = []
    for done, name in enumerate(names):
        tell = partial(progress, done, len(names))
        with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory:
            outcomes.append(uvloop.run(_experiment(name, options, Path(directory), lambda step, tell=tell: tell(step))))  # type: ignore[misc]
    progress(len(names), len(names), "done")
    return Report(tuple(outcomes))


async def _experiment(name: str, options: Options, directory: Path, tell: Callable[[str], None]) -> Outcome:
    experiment = EXPERIMENTS[name]
    setting = Setting(experiment.setting.store, experiment.setting.is_embedded, options.lease_s, options.rate)
    tell(f"{name}: starting")
    async with scene(setting, directory) as stage:
        tell(f"{name}: load")
        await _load(stage, options.quiet_s)
        answers = {"before": list(stage.clients.answers)}
        before = await _ledger(stage)
        tell(f"{name}: {options.seconds:g} s of trouble under load")
        began, ended = await _trouble(stage, experiment.harm, options)
        over = time.monotonic()
        answers |= _by_phase(stage.clients.answers[len(answers["before"]) :], began, ended)
        tell(f"{name}: until all has settled")
        after = await _ledger(stage)
        normal = normal_ms(answers["before"])
        phases = {phase: seen(answers[phase], normal) for phase in _PHASES}
        return Outcome(name, round(ended - began, 2), phases, before, after, round(time.monotonic() - over, 1))


async def _load(stage: Scene, seconds: float) -> None:
    until = asyncio.Event()
    playing = asyncio.ensure_future(stage.clients.play(until))
    await asyncio.sleep(seconds)
    until.set()
    await playing


async def _trouble(stage: Scene, harm: Harm, options: Options) -> tuple[float, float]:
    """When it began and when it was over. There is load all the time, a little before and some time after."""
    until = asyncio.Event()
    playing = asyncio.ensure_future(stage.clients.play(until))
    await asyncio.sleep(min(options.quiet_s, 1.0))
    began = time.monotonic()
    await harm(stage, options.seconds)
    ended = time.monotonic()
    await asyncio.sleep(options.quiet_s)
    until.set()
    await playing
    return began, ended


async def _ledger(stage: Scene) -> Ledger:
    books = await stage.settled_books()
    return compare(stage.served(), stage.clients.scopes, books)


def _by_phase(answers: list[Answer], began: float, ended: float) -> dict[str, list[Answer]]:
    return {
        "meanwhile": [answer for answer in answers if began <= answer.sent_at < ended],
        "after": [answer for answer in answers if answer.sent_at >= ended],
    }
