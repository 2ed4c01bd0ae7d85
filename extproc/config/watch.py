"""Live reload: look at the file every second, take up what is sound, keep the old one otherwise, and say so.

Looking means reading: a small file costs less than being wrong about time stamps, and it works alike for an editor's rename,
a write in place and the symbolic links of a Kubernetes ConfigMap. A change counts once two looks in a row agree, so that a
half-written file is never taken for the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from extproc.config.compile import compile_config
from extproc.config.compiled import Policy
from extproc.config.load import parse, read
from extproc.config.running import bearable, clusters_needed, restart_needed
from extproc.config.types import Config
from extproc.errors import ConfigError, Problem

LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration with its tables."""

    config: Config
    policy: Policy


@dataclass(frozen=True, slots=True)
class Reload:
    """What became of a changed file. `loaded` is what holds from now on: with `problems` the one that held before."""

    loaded: Loaded
    problems: tuple[Problem, ...] = ()
    restart: tuple[str, ...] = ()  # dotted paths that only a restart takes up

    @property
    def was_applied(self) -> bool:
        """Whether the file as it is now was taken up, apart from `restart`."""
        return not self.problems


def loaded(config: Config) -> Loaded:
    """`config` with its tables. Raises ConfigError when its fields contradict each other."""
    return Loaded(config, compile_config(config))


def reload(started: Loaded, current: Loaded, text: str) -> Reload:
    """What to do about `text`, given what runs (`started`, which Envoy was rendered from) and what holds (`current`)."""
    try:
        new = loaded(parse(text))
    except ConfigError as error:
        return Reload(current, problems=error.problems)
    restart = restart_needed(started.config, new.config)
    try:
        new = loaded(bearable(started.config, new.config))
    except ConfigError as error:
        return Reload(current, (_until_restart("; ".join(str(problem) for problem in error.problems)),), restart)
    missing = sorted(clusters_needed(new.policy) - clusters_needed(started.policy))
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return Reload(current, (_until_restart(f"Envoy has no chain for {shown}"),), restart)
    return Reload(new, restart=restart)


def _until_restart(reason: str) -> Problem:
    return Problem("", f"is sound, but what runs cannot follow before a restart: {reason}")


class ConfigWatcher:
    """Keeps `current` as new as the file at `path` allows, and calls `on_reload` for each new outcome."""

    def __init__(
        self,
        path: Path,
        started: Loaded,
        on_reload: Callable[[Reload], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.current = started
        self._path = path
        self._started = started
        self._on_reload = on_reload
        self._sleep = sleep
        self._seen = _look(path)
        # Nothing acted on yet: the file may have changed since `started` was read from it.
        self._acted_on: str | tuple[Problem, ...] | None = None
        self._told = Reload(started)

    async def run(self) -> None:
        """Looks every second until cancelled."""
        while True:
            await self._sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """One look at the file; acts when it differs from what was acted on and has not changed since the last look."""
        before, self._seen = self._seen, _look(self._path)
        if self._seen == self._acted_on or self._seen != before:
            return
        self._acted_on = self._seen
        if isinstance(self._seen, str):
            outcome = reload(self._started, self.current, self._seen)
        else:
            outcome = Reload(self.current, problems=self._seen)
        self.current = outcome.loaded
        if outcome != self._told:
            self._told = outcome
            self._on_reload(outcome)


def _look(path: Path) -> str | tuple[Problem, ...]:
    try:
        return read(path)
    except ConfigError as error:
        return error.problems
